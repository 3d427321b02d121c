"""Notes, tags, pauses and archiving; a trial's shares beside its spec, so that it can be listed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable all of them: DuckDB adds no other column to a table with a key.
    op.add_column("study", sa.Column("note", sa.String))
    op.add_column("study", sa.Column("tags", sa.String))
    op.add_column("study", sa.Column("is_archived", sa.Boolean))
    op.add_column("study", sa.Column("is_paused", sa.Boolean))
    op.add_column("trial", sa.Column("shares", sa.String))
    op.add_column("trial", sa.Column("note", sa.String))
    op.add_column("trial", sa.Column("tags", sa.String))
    op.execute("UPDATE trial SET shares = json_extract(spec, '$.mixture.shares')")


def downgrade() -> None:
    for column in ("tags", "note", "shares"):
        op.drop_column("trial", column)
    for column in ("is_paused", "is_archived", "tags", "note"):
        op.drop_column("study", column)
