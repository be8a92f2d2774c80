"""A record may name several plates. The worker reads all of them anew, under another name, and keeps what it has."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_plates_named"
down_revision = "ledger_step_recorded"
branch_labels = None
depends_on = None

BEFORE, NOW = "plate index", "plates named"
_reader = sa.table("reader", sa.column("name", sa.String()))


def upgrade() -> None:
    _key("position", "digest")
    op.execute(_reader.delete().where(_reader.c.name == BEFORE))


def _key(*columns: str) -> None:
    # SQLite does not name a key; PostgreSQL names it so.
    with op.batch_alter_table("plate_index", naming_convention={"pk": "plate_index_pkey"}) as table:
        table.drop_constraint("plate_index_pkey", type_="primary")
        table.create_primary_key("plate_index_pkey", [*columns])


def downgrade() -> None:
    op.execute(
        "DELETE FROM plate_index WHERE EXISTS (SELECT 1 FROM plate_index AS other"
        " WHERE other.position = plate_index.position AND other.digest < plate_index.digest)"
    )
    _key("position")
    op.execute(_reader.update().where(_reader.c.name == NOW).values(name=BEFORE))
