"""On PostgreSQL: the roles of agencies whose reads lie here already.

A dump holds no roles: the server that it is restored to lacks them.
"""

from alembic import op

revision = "retention_0009"
down_revision = "retention_0008"
branch_labels = None
depends_on = None

# Each agency whose role is not there, or may not read what its searches read; how many those were.
MAKE_AGENCIES = """
CREATE FUNCTION make_agencies() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    made integer := 0;
    place text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('platekeeper/retention/room', 0));
    FOR place IN
        SELECT space.nspname FROM pg_inherits AS part
        JOIN pg_class AS child ON child.oid = part.inhrelid JOIN pg_namespace AS space ON space.oid = child.relnamespace
        WHERE part.inhparent = 'plate_read'::regclass ORDER BY space.nspname
    LOOP
        IF to_regrole(quote_ident(place)) IS NOT NULL THEN
            CONTINUE WHEN pg_has_role('retention_api', place, 'MEMBER') AND pg_has_role('retention', place, 'MEMBER')
                AND has_schema_privilege(place, place, 'USAGE')
                AND has_table_privilege(place, format('%I.plate_read', place), 'SELECT')
                AND has_table_privilege(place, format('%I.correction', place), 'SELECT')
                AND has_table_privilege(place, format('%I.look', place), 'SELECT');
        END IF;
        PERFORM make_agency(substr(place, length('retention_of_') + 1));
        made := made + 1;
    END LOOP;
    RETURN made;
END $$
"""
MAKE_ROOM = """
CREATE OR REPLACE FUNCTION make_room(agencies text[], months date[]) RETURNS integer
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
        WHERE to_regclass(format('%I.%I', place, name)) IS NULL OR_NO_ROLE ORDER BY agency, month
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


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(MAKE_AGENCIES)
    op.execute(MAKE_ROOM.replace("OR_NO_ROLE", "OR to_regrole(quote_ident(place)) IS NULL"))


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(MAKE_ROOM.replace("OR_NO_ROLE", ""))
    op.execute("DROP FUNCTION make_agencies()")
