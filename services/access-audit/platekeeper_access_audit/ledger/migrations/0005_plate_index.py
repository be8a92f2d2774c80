"""How far each of the worker's jobs has read, and the digests of plates that records asked for."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import RowId

revision = "ledger_plate_index"
down_revision = "ledger_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reader",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("position", RowId, nullable=False, comment="of the first record that it has not taken"),
    )
    op.create_table(
        "plate_index",
        sa.Column("position", RowId, primary_key=True, autoincrement=False, comment="of the access record"),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("month", sa.String, nullable=False, comment="whose key made the digest"),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("further", sa.Boolean, nullable=False, comment="a later page of a search that another record began"),
    )
    op.create_index("plate_index_digest", "plate_index", ["agency_id", "month", "digest", "position"])


def downgrade() -> None:
    op.drop_table("plate_index")
    op.drop_table("reader")
