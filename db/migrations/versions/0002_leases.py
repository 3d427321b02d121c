"""How trials were chosen; those that are trained outside, and what their attempts are leased by."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable all of them: DuckDB adds no other column to a table with a key.
    op.add_column("trial", sa.Column("trained_by", sa.String))
    op.add_column("trial", sa.Column("chosen_by", sa.String))
    op.add_column("attempt", sa.Column("worker", sa.String))
    op.add_column("attempt", sa.Column("ask_key", sa.String))
    op.add_column("attempt", sa.Column("leased_until", sa.DateTime))
    op.add_column("attempt", sa.Column("told", sa.String))


def downgrade() -> None:
    for column in ("told", "leased_until", "ask_key", "worker"):
        op.drop_column("attempt", column)
    for column in ("chosen_by", "trained_by"):
        op.drop_column("trial", column)
