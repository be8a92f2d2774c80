"""What officers said ages with its read; a read counts once as the camera read it, and once on an officer's word."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "hotlist_0007"
down_revision = "hotlist_0006"
branch_labels = None
depends_on = None

_said = sa.table(
    "read_correction",
    sa.column("read_id", sa.String()),
    sa.column("corrected_at", Moment()),
    sa.column("received_at", Moment()),
)
_seen = sa.table(
    "sighting",
    sa.column("read_id", sa.String()),
    sa.column("received_at", Moment()),
    sa.column("by_correction", sa.Boolean()),
)


def upgrade() -> None:
    op.add_column("read_correction", sa.Column("received_at", Moment))
    # Of a read that no hit counts nobody here knows when it came: at the latest when somebody said something of it.
    known = sa.select(sa.func.min(_seen.c.received_at)).where(_seen.c.read_id == _said.c.read_id).scalar_subquery()
    op.execute(_said.update().values(received_at=sa.func.coalesce(known, _said.c.corrected_at)))
    with op.batch_alter_table("read_correction") as table:
        table.alter_column("received_at", existing_type=Moment(), nullable=False)
    op.create_index("read_correction_received", "read_correction", ["agency_id", "received_at"])
    with op.batch_alter_table("sighting") as table:
        table.add_column(sa.Column("by_correction", sa.Boolean, nullable=False, server_default=sa.false()))
    _key("read_id", "entry_id", "by_correction")


def _key(*columns: str) -> None:
    # SQLite does not name a key; PostgreSQL names it so.
    with op.batch_alter_table("sighting", naming_convention={"pk": "sighting_pkey"}) as table:
        table.drop_constraint("sighting_pkey", type_="primary")
        table.create_primary_key("sighting_pkey", [*columns])


def downgrade() -> None:
    op.execute(sa.delete(_seen).where(_seen.c.by_correction))
    _key("read_id", "entry_id")
    with op.batch_alter_table("sighting") as table:
        table.drop_column("by_correction")
    op.drop_index("read_correction_received", "read_correction")
    op.drop_column("read_correction", "received_at")
