"""On PostgreSQL: room for the reads of each agency and month, made by those who may not change the schema.

The functions run as the schema's owner. An agency's reads lie in a schema of their own, whose role may read them and
nothing else (ADR 0022).
"""

from alembic import op

revision = "retention_0003"
down_revision = "retention_0002"
branch_labels = None
depends_on = None

# A partition is made beside its parent and then attached: that holds nobody up who reads or writes.
MAKE_PARTITION = """
CREATE FUNCTION make_partition(parent text, place text, name text, bound text, further text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
    IF to_regclass(format('%I.%I', place, name)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I.%I (LIKE plate_read INCLUDING DEFAULTS INCLUDING CONSTRAINTS) %s',
            place, name, further);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES %s', parent, place, name, bound);
    END IF;
END $$
"""
MAKE_AGENCY = """
CREATE FUNCTION make_agency(agency text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    place text := 'retention_of_' || agency;
    reader text;
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = place) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', place);
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    FOREACH reader IN ARRAY ARRAY['retention', 'retention_api'] LOOP
        BEGIN
            IF NOT pg_has_role(reader, place, 'MEMBER') THEN
                EXECUTE format('GRANT %I TO %I', place, reader);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', place);
    PERFORM make_partition('plate_read', place, 'plate_read', format('IN (%L)', agency),
        'PARTITION BY RANGE (received_month)');
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, place);
    EXECUTE format('GRANT SELECT ON %I.plate_read TO %I', place, place);
END $$
"""
MAKE_ROOM = """
CREATE FUNCTION make_room(agencies text[], months date[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    made integer := 0;
    lacking record;
BEGIN
    FOR lacking IN
        SELECT * FROM (
            SELECT DISTINCT agency, month, 'retention_of_' || agency AS place,
                to_char(month, '"plate_read_"YYYY_MM') AS name
            FROM unnest(agencies, months) AS asked(agency, month)
        ) AS wanted
        WHERE to_regclass(format('%I.%I', place, name)) IS NULL ORDER BY agency, month
    LOOP
        IF lacking.agency !~ '^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$' OR lacking.month <> date_trunc('month', lacking.month)
        THEN
            RAISE EXCEPTION 'no agency or no month';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtextextended('platekeeper/retention/room', 0));
        PERFORM make_agency(lacking.agency);
        PERFORM make_partition(format('%I.plate_read', lacking.place), lacking.place, lacking.name,
            format('FROM (%L) TO (%L)', lacking.month, (lacking.month + interval '1 month')::date), '');
        made := made + 1;
    END LOOP;
    RETURN made;
END $$
"""
# Counting takes too long where there are many: what the server has counted itself is near enough.
COUNT = """
CREATE FUNCTION reads_stored() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    found bigint;
BEGIN
    SELECT coalesce(sum(greatest(class.reltuples, pg_stat_get_live_tuples(class.oid), 0)), 0) INTO found
    FROM pg_partition_tree('plate_read') AS tree JOIN pg_class AS class ON class.oid = tree.relid WHERE tree.isleaf;
    IF found < 100000 THEN
        SELECT count(*) INTO found FROM plate_read;
    END IF;
    RETURN found;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("CREATE INDEX plate_read_by_piece ON plate_read USING gin (plate public.gin_trgm_ops)")
    for function in (MAKE_PARTITION, MAKE_AGENCY, MAKE_ROOM, COUNT):
        op.execute(function)


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for function in ("reads_stored()", "make_room(text[], date[])", "make_agency(text)"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP FUNCTION make_partition(text, text, text, text, text)")
    op.execute("DROP INDEX plate_read_by_piece")
