"""When a step about a breach was entered; of those from before nobody knows another moment than their own."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "ledger_step_recorded"
down_revision = "ledger_posts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("breach_step", sa.Column("recorded_at", Moment))
    op.execute("UPDATE breach_step SET recorded_at = at")
    with op.batch_alter_table("breach_step") as steps:
        steps.alter_column("recorded_at", existing_type=Moment(), nullable=False)


def downgrade() -> None:
    op.drop_column("breach_step", "recorded_at")
