"""Why a search has stopped, so that a controller started again does not ask it anew."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("study", sa.Column("search_stop", sa.String))


def downgrade() -> None:
    op.drop_column("study", "search_stop")
