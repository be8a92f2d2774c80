"""What officers said of reads, beside the hits that these raised."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "hotlist_0006"
down_revision = "hotlist_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "read_correction",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("read_id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("was", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("plate", sa.String),
        sa.Column("state", sa.String),
        sa.Column("corrected_by_name", sa.String, nullable=False),
        sa.Column("corrected_at", Moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("read_correction")
