"""Which study goes first, and how much of the cluster one may take."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("study", sa.Column("priority", sa.Integer))
    op.add_column("study", sa.Column("max_running", sa.Integer))


def downgrade() -> None:
    for column in ("max_running", "priority"):
        op.drop_column("study", column)
