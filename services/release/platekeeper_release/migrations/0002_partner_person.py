"""People of recipients, with the training that the recipients assert."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "release_partner_person"
down_revision = "release_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_person",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("recipient_id", sa.String, sa.ForeignKey("recipient.id"), nullable=False, index=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("course", sa.String, nullable=False),
        sa.Column("valid_until", Moment, nullable=False),
        sa.Column("asserted_by", sa.String, nullable=False),
        sa.Column("document_sha256", sa.String),
        sa.Column("entered_by", sa.String, nullable=False),
        sa.Column("entered_at", Moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("partner_person")
