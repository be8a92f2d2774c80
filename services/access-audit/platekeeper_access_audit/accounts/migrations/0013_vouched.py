"""Whether the issuer vouched for a second factor, of a login that waits for something else."""

import sqlalchemy as sa
from alembic import op

revision = "accounts_vouched"
down_revision = "accounts_issuers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    new = sa.Column("second_factor", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("issuer_login", new)


def downgrade() -> None:
    op.drop_column("issuer_login", "second_factor")
