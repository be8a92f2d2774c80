"""An index of the entries with wildcards, which are counted before another is taken."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common import online

revision = "hotlist_0002"
down_revision = "hotlist_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with_wildcards = sa.text("(plate LIKE '%?%' OR plate LIKE '%*%')")
    online.create_index(
        "entry_partial", "entry", ["list_id"], sqlite_where=with_wildcards, postgresql_where=with_wildcards
    )


def downgrade() -> None:
    op.drop_index("entry_partial", "entry")
