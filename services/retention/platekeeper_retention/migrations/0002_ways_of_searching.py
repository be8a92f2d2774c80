"""Where a read lies as an H3 cell, and the indexes over places and moments."""

import sqlalchemy as sa
from alembic import op
from h3.api import basic_int as h3

revision = "retention_0002"
down_revision = "retention_0001"
branch_labels = None
depends_on = None

RESOLUTION = 15
AT_ONCE = 5_000

_reads = sa.table(
    "plate_read",
    sa.column("agency_id", sa.String),
    sa.column("id", sa.String),
    sa.column("version", sa.Integer),
    sa.column("latitude", sa.Float),
    sa.column("longitude", sa.Float),
    sa.column("cell", sa.BigInteger),
)


def upgrade() -> None:
    op.add_column("plate_read", sa.Column("cell", sa.BigInteger))
    _fill()
    op.create_index("plate_read_by_time", "plate_read", ["agency_id", "captured_at", "id", "plate", "cell"])
    op.create_index("plate_read_by_cell", "plate_read", ["agency_id", "cell", "captured_at", "id", "plate"])


def downgrade() -> None:
    op.drop_index("plate_read_by_cell", "plate_read")
    op.drop_index("plate_read_by_time", "plate_read")
    op.drop_column("plate_read", "cell")


def _fill() -> None:
    """Give the reads stored before their cells, AT_ONCE in memory at a time."""
    connection, columns = op.get_bind(), _reads.c
    key = sa.tuple_(columns.agency_id, columns.id, columns.version)
    placed = sa.select(_reads).where(columns.latitude.is_not(None), columns.longitude.is_not(None))
    placed = placed.order_by(columns.agency_id, columns.id, columns.version).limit(AT_ONCE)
    fill = (
        sa.update(_reads)
        .where(columns.agency_id == sa.bindparam("agency"), columns.id == sa.bindparam("read"))
        .where(columns.version == sa.bindparam("of_version"))
        .values(cell=sa.bindparam("lies_in"))
    )
    rows = connection.execute(placed).all()
    while rows:
        connection.execute(
            fill,
            [
                {
                    "agency": row.agency_id,
                    "read": row.id,
                    "of_version": row.version,
                    "lies_in": h3.latlng_to_cell(row.latitude, row.longitude, RESOLUTION),
                }
                for row in rows
            ],
        )
        last = rows[-1]
        rows = connection.execute(placed.where(key > sa.tuple_(*map(sa.literal, last[:3])))).all()
