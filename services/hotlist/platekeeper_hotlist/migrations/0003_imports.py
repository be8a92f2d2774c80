"""Files taken into lists: what became of their rows, and when a list's source last gave all of it."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "hotlist_0003"
down_revision = "hotlist_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hotlist", sa.Column("confirmed_at", Moment))
    op.create_table(
        "list_import",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("list_id", sa.String, sa.ForeignKey("hotlist.id"), nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("incident", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("started_by", sa.String, nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("heard_at", Moment, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("rows", "added", "changed", "unchanged", "refused", "removed")
        ),
        sa.Column("removal_withheld", sa.Boolean, nullable=False),
        sa.Column("code", sa.String),
        sa.Column("detail", sa.String),
    )
    op.create_index("list_import_list", "list_import", ["list_id", "id"])
    op.create_table(
        "list_import_span",
        sa.Column("import_id", sa.String, sa.ForeignKey("list_import.id"), primary_key=True),
        sa.Column("first_row", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last_row", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("code", sa.String),
        sa.Column("detail", sa.String),
    )
    op.create_table(
        "list_import_said",
        sa.Column("import_id", sa.String, sa.ForeignKey("list_import.id"), primary_key=True),
        sa.Column("entry_id", sa.String, primary_key=True),
    )


def downgrade() -> None:
    for table in ("list_import_said", "list_import_span", "list_import"):
        op.drop_table(table)
    op.drop_column("hotlist", "confirmed_at")
