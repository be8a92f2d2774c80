"""Hot lists, their entries, and the hits that reads raised."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "hotlist_0001"
down_revision = None
branch_labels = ("hotlist",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hotlist",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("source_title", sa.String),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.UniqueConstraint("agency_id", "name", name="hotlist_name"),
    )
    op.create_table(
        "entry",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("list_id", sa.String, sa.ForeignKey("hotlist.id"), nullable=False),
        sa.Column("plate", sa.String, nullable=False),
        sa.Column("state", sa.String),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("incident", sa.String),
        sa.Column("expires_at", Moment),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("matter_type", sa.String, nullable=False),
        sa.Column("matter_number", sa.String),
        sa.Column("requested_by", sa.String),
        sa.Column("added_by", sa.String, nullable=False),
        sa.Column("added_at", Moment, nullable=False),
        sa.Column("changed_in", sa.BigInteger, nullable=False),
        sa.Column("removed_by", sa.String),
        sa.Column("removed_at", Moment),
    )
    op.create_index("entry_changed", "entry", ["list_id", "changed_in", "id"])
    op.create_index("entry_plate", "entry", ["list_id", "plate"])
    op.create_table(
        "hit",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("read_id", sa.String, nullable=False),
        sa.Column("entry_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("raised_at", Moment, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_index("hit_raised", "hit", ["agency_id", "raised_at", "id"])
    op.create_index("hit_read", "hit", ["read_id"])
    op.create_index("hit_kind", "hit", ["kind", "late"])


def downgrade() -> None:
    for table in ("hit", "entry", "hotlist"):
        op.drop_table(table)
