"""The register of devices and their cameras."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "ingest_0001"
down_revision = None
branch_labels = ("ingest",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("secret_sha256", sa.String, nullable=False),
        sa.Column("registered_at", Moment, nullable=False),
        sa.Column("retired_at", Moment),
    )
    op.create_index("device_agency", "device", ["agency_id"])
    op.create_table(
        "camera",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("device_id", sa.String, sa.ForeignKey("device.id"), nullable=False),
        sa.Column(
            "number",
            sa.Integer,
            nullable=False,
            comment="the device's cameras in the order of registration, from 1",
        ),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("latitude", sa.Float),
        sa.Column("longitude", sa.Float),
        sa.Column("registered_at", Moment, nullable=False),
        sa.UniqueConstraint("device_id", "number"),
    )


def downgrade() -> None:
    for table in ("camera", "device"):
        op.drop_table(table)
