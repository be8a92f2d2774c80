"""What officers say of reads, and whose pictures they looked at; on PostgreSQL beside the reads of agency and month."""

import sqlalchemy as sa
from alembic import op

from platekeeper_common.schema import Moment

revision = "retention_0006"
down_revision = "retention_0005_region"
branch_labels = None
depends_on = None

BESIDE = ("correction", "look")
# As make_partition, for any table.
MAKE_PARTITION_OF = """
CREATE FUNCTION make_partition_of(model text, parent text, place text, name text, bound text, further text)
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
    IF to_regclass(format('%I.%I', place, name)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I.%I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) %s',
            place, name, model, further);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES %s', parent, place, name, bound);
    END IF;
END $$
"""
# Where an agency's reads lie, what is said of them does: its role may read both, and nothing else.
MAKE_BESIDE = """
CREATE FUNCTION make_beside(agency text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    place text := 'retention_of_' || agency;
    model text;
BEGIN
    FOREACH model IN ARRAY ARRAY['correction', 'look'] LOOP
        PERFORM make_partition_of(model, model, place, model, format('IN (%L)', agency),
            'PARTITION BY RANGE (received_month)');
        EXECUTE format('GRANT SELECT ON %I.%I TO %I', place, model, place);
    END LOOP;
END $$
"""
# Few months have any: their room is made when the first is said.
MAKE_ROOM_BESIDE = """
CREATE FUNCTION make_room_beside(agency text, month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    place text := 'retention_of_' || agency;
    model text;
BEGIN
    PERFORM make_room(ARRAY[agency], ARRAY[month]);
    PERFORM pg_advisory_xact_lock(hashtextextended('platekeeper/retention/room', 0));
    FOREACH model IN ARRAY ARRAY['correction', 'look'] LOOP
        PERFORM make_partition_of(model, format('%I.%I', place, model), place,
            model || to_char(month, '"_"YYYY_MM'),
            format('FROM (%L) TO (%L)', month, (month + interval '1 month')::date), '');
    END LOOP;
END $$
"""
AGENCY = """
CREATE OR REPLACE FUNCTION make_agency(agency text) RETURNS void
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
    BESIDE
END $$
"""
# Agencies whose reads lie here already.
FILL = """
DO $$ DECLARE agency text; BEGIN
    FOR agency IN
        SELECT substr(space.nspname, length('retention_of_') + 1) FROM pg_inherits AS part
        JOIN pg_class AS child ON child.oid = part.inhrelid JOIN pg_namespace AS space ON space.oid = child.relnamespace
        WHERE part.inhparent = 'plate_read'::regclass
    LOOP
        PERFORM make_beside(agency);
    END LOOP;
END $$
"""
_plate = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("read_id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("received_month", sa.Date, primary_key=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("read_version", sa.Integer, nullable=False),
        sa.Column("was", _plate, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("plate", _plate),
        sa.Column("state", sa.String),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_by_name", sa.String, nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("camera_id", sa.String, nullable=False),
        sa.Column("captured_at", Moment, nullable=False),
        sa.Column("model_name", sa.String, nullable=False),
        sa.Column("model_version", sa.String, nullable=False),
        postgresql_partition_by="LIST (agency_id)",
    )
    op.create_table(
        "look",
        sa.Column("agency_id", sa.String, primary_key=True),
        sa.Column("read_id", sa.String, primary_key=True),
        sa.Column("received_month", sa.Date, primary_key=True),
        sa.Column("looked_at", Moment, nullable=False),
        sa.Column("camera_id", sa.String, nullable=False),
        sa.Column("captured_at", Moment, nullable=False),
        sa.Column("model_name", sa.String, nullable=False),
        sa.Column("model_version", sa.String, nullable=False),
        postgresql_partition_by="LIST (agency_id)",
    )
    op.create_index("correction_by_plate", "correction", ["agency_id", "plate", "read_id"])
    op.create_index("correction_by_time", "correction", ["agency_id", "captured_at"])
    op.create_index("correction_by_making", "correction", ["agency_id", "made_at"])
    op.create_index("look_by_time", "look", ["agency_id", "captured_at"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in (MAKE_PARTITION_OF, MAKE_BESIDE, MAKE_ROOM_BESIDE):
            op.execute(statement)
        op.execute(AGENCY.replace("BESIDE", "PERFORM make_beside(agency);"))
        op.execute(FILL)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(AGENCY.replace("BESIDE", ""))
        op.execute("DROP FUNCTION make_room_beside(text, date)")
        op.execute("DROP FUNCTION make_beside(text)")
        op.execute("DROP FUNCTION make_partition_of(text, text, text, text, text, text)")
    for table in BESIDE:
        op.drop_table(table)
