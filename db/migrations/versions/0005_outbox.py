"""The outbox of webhooks, and the row that is written to see whether writing works."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("address_hash", sa.String, primary_key=True),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("num_tries", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("message", sa.String, nullable=False),
    )
    op.create_table(
        "probe",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("written_at", sa.DateTime, nullable=False),
        sa.Column("num_writes", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    for table in ("probe", "webhook_delivery"):
        op.drop_table(table)
