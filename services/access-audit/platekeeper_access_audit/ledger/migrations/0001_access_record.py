"""Access records, which nobody changes, and what the ledger has of each producer."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common import online
from platekeeper_common.schema import Moment, RowId

revision = "ledger_0001"
down_revision = None
branch_labels = ("ledger",)
depends_on = None

APPEND_ONLY = "access records are never changed"
IS_KEPT = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
# INSERT OR REPLACE deletes without firing the trigger on DELETE: what is not new is refused before it does.
IS_NEXT = """
CREATE TRIGGER access_record_is_next BEFORE INSERT ON access_record
WHEN NEW.position IS NOT (SELECT coalesce(max(position) + 1, 0) FROM access_record)
    OR EXISTS (SELECT 1 FROM access_record WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM access_record WHERE producer = NEW.producer AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'an access record goes once, to the next position'); END
"""
IS_NEXT_POSTGRESQL = (
    """
CREATE FUNCTION access_record_is_next() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
    IF NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM access_record) THEN
        RAISE EXCEPTION 'an access record goes once, to the next position' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
""",
    """
CREATE TRIGGER access_record_is_next BEFORE INSERT ON access_record
FOR EACH ROW EXECUTE FUNCTION access_record_is_next()
""",
)
TRIGGERS = (
    f"CREATE TRIGGER access_record_not_updated BEFORE UPDATE ON access_record {IS_KEPT}",
    f"CREATE TRIGGER access_record_not_deleted BEFORE DELETE ON access_record {IS_KEPT}",
    IS_NEXT,
)


def upgrade() -> None:
    op.create_table(
        "access_record",
        sa.Column(
            "position", RowId, primary_key=True, autoincrement=False, comment="index of the leaf, from 0, gapless"
        ),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("producer", sa.String, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("agency_id", sa.String, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("organisation", sa.String, nullable=False),
        sa.Column("title", sa.String),
        sa.Column("session", sa.String),
        sa.Column("device", sa.String),
        sa.Column("address", sa.String),
        sa.Column("policy_version", sa.String, nullable=False),
        sa.Column("purpose", sa.String),
        sa.Column("matter_type", sa.String),
        sa.Column("matter_number", sa.String),
        sa.Column("requested_by", sa.String),
        sa.Column("query_key_id", sa.String),
        sa.Column("query_nonce", sa.String),
        sa.Column("query_ciphertext", sa.String),
        sa.Column("result_count", sa.Integer),
        sa.Column("result_ids", sa.JSON, nullable=False),
        sa.Column("object_type", sa.String),
        sa.Column("object_id", sa.String),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("code", sa.String),
        sa.Column("clause", sa.String),
        sa.Column("salt", sa.String, nullable=False),
        sa.Column("canonical", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("appended_at", Moment, nullable=False),
        sa.UniqueConstraint("producer", "number"),
        *_checks(),
    )
    op.create_index("access_record_agency_at", "access_record", ["agency_id", "at", "position"])
    op.create_index("access_record_agency_username_at", "access_record", ["agency_id", "username", "at", "position"])
    _create_producer()
    if op.get_bind().dialect.name == "sqlite":
        for trigger in TRIGGERS:
            op.execute(trigger)
    else:
        online.refuse("access_record", APPEND_ONLY)
        for statement in IS_NEXT_POSTGRESQL:
            op.execute(statement)


def _create_producer() -> None:
    op.create_table(
        "producer",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("highest", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("refusals", sa.BigInteger, nullable=False),
    )


def _checks() -> tuple[sa.CheckConstraint, ...]:
    sealed = "query_key_id IS NOT NULL AND query_nonce IS NOT NULL AND query_ciphertext IS NOT NULL"
    unsealed = "query_key_id IS NULL AND query_nonce IS NULL AND query_ciphertext IS NULL"
    rules = {
        "numbered": "number >= 1 AND count >= 1 AND position >= 0",
        "kind": "kind IN ('plate_data', 'administration')",
        "outcome": "outcome IN ('allowed', 'refused', 'failed') AND (outcome <> 'refused' OR code IS NOT NULL)",
        "query": f"({sealed}) OR ({unsealed})",
        "statute": "kind <> 'plate_data' OR (username <> '' AND organisation <> '' AND purpose IS NOT NULL"
        " AND purpose <> '' AND query_ciphertext IS NOT NULL)",
        "object": "kind <> 'administration' OR (object_type IS NOT NULL AND object_type <> ''"
        " AND object_id IS NOT NULL AND object_id <> '')",
        "leaf": "length(leaf_hash) = 32 AND length(canonical) > 0",
    }
    return tuple(sa.CheckConstraint(rule, name=f"access_record_{name}") for name, rule in rules.items())


def downgrade() -> None:
    op.drop_table("access_record")
    op.drop_table("producer")
