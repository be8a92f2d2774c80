"""The choices of purpose and matter (A4, A8)."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "accounts_matters"
down_revision = "accounts_acceptances"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "matter_session",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("session", sa.String, nullable=False),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("number", sa.String, nullable=True),
        sa.Column("number_pending", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("requested_by", sa.String, nullable=True),
        sa.Column("unit", sa.String, nullable=True),
        sa.Column("shift", sa.String, nullable=True),
        sa.Column("chosen_at", Moment, nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.Column("numbered_at", Moment, nullable=True),
        sa.Column("ended_at", Moment, nullable=True),
    )
    op.create_index("matter_session_of_session", "matter_session", ["session", "chosen_at"])
