"""On PostgreSQL the rule that records go to the next positions is looked at once a statement, no longer once a row."""

from alembic import op

revision = "ledger_appending"
down_revision = "ledger_breaches"
branch_labels = None
depends_on = None

# Positions are a key, and those before were gapless: what was added continues them when it has no gap within, nothing
# behind it, and its first is the very first or has a neighbour.
ARE_NEXT = """
CREATE FUNCTION access_records_are_next() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    low bigint;
    high bigint;
    many bigint;
BEGIN
    SELECT min(position), max(position), count(*) INTO low, high, many FROM added;
    IF many > 0 AND (
        high - low + 1 <> many
        OR high <> (SELECT max(position) FROM access_record)
        OR low > 0 AND NOT EXISTS (SELECT 1 FROM access_record WHERE position = low - 1)
    ) THEN
        RAISE EXCEPTION 'an access record goes once, to the next position' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
AFTER = """
CREATE TRIGGER access_records_are_next AFTER INSERT ON access_record
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION access_records_are_next()
"""
IS_NEXT = """
CREATE FUNCTION access_record_is_next() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
    IF NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM access_record) THEN
        RAISE EXCEPTION 'an access record goes once, to the next position' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""
BEFORE = """
CREATE TRIGGER access_record_is_next BEFORE INSERT ON access_record
FOR EACH ROW EXECUTE FUNCTION access_record_is_next()
"""


def upgrade() -> None:
    _instead("access_record_is_next", ARE_NEXT, AFTER)


def downgrade() -> None:
    _instead("access_records_are_next", IS_NEXT, BEFORE)


def _instead(earlier: str, function: str, trigger: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {earlier} ON access_record")
        op.execute(f"DROP FUNCTION {earlier}()")
        op.execute(function)
        op.execute(trigger)
