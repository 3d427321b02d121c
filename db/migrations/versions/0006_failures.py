"""Why each attempt gave no result, and how many ended in each kind of failure."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable: DuckDB adds no other column to a table with a key.
    op.add_column("attempt", sa.Column("failure", sa.String))
    op.add_column("trial", sa.Column("failed", sa.String))
    # Its counts begin anew: DuckDB drops no column of a table that the same transaction updates.
    op.drop_column("trial", "num_lost")


def downgrade() -> None:
    op.add_column("trial", sa.Column("num_lost", sa.Integer, server_default="0"))
    op.drop_column("trial", "failed")
    op.drop_column("attempt", "failure")
