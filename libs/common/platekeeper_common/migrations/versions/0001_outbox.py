"""Outbox, access record numbers and dead letters: in every service's database."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment, RowId

revision = "common_0001"
down_revision = None
branch_labels = ("common",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("access_record", sa.Boolean, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
    )
    number = op.create_table(
        "access_number",
        sa.Column("id", sa.Integer, primary_key=True, comment="always 1"),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(number, [{"id": 1, "last": 0}])
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("consumer_group", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("published_at", Moment, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.UniqueConstraint("consumer_group", "topic", "partition", "offset"),
    )


def downgrade() -> None:
    for table in ("dead_letter", "access_number", "outbox"):
        op.drop_table(table)
