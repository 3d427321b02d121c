"""The first schema: studies, trials, attempts, scores."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("spec", sa.String, nullable=False),
        sa.Column("data_report", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("study_id", sa.String, nullable=False),
        sa.Column("spec", sa.String, nullable=False),
        sa.Column("sft_share", sa.Double, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("num_lost", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("started_at", sa.DateTime),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("result", sa.String),
        sa.Column("failure", sa.String),
    )
    op.create_table(
        "attempt",
        sa.Column("trial_id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("late_result", sa.String),
    )
    op.create_table(
        "score",
        sa.Column("trial_id", sa.String, primary_key=True),
        sa.Column("benchmark", sa.String, primary_key=True),
        sa.Column("metric", sa.String, primary_key=True),
        sa.Column("study_id", sa.String, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("num_items", sa.Integer, nullable=False),
        sa.Column("standard_error", sa.Double),
    )


def downgrade() -> None:
    for table in ("score", "attempt", "trial", "study"):
        op.drop_table(table)
