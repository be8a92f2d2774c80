"""PostgreSQL gives each service's roles what they need and no more; migrations run as owners, online, one at a time."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import databases
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import PASSWORD
from sqlalchemy import Connection, MetaData
from unit.common.kiosk.service import KIOSK

from platekeeper.registry import SERVICES
from platekeeper_access_audit.accounts import attempts
from platekeeper_access_audit.ledger import tree
from platekeeper_access_audit.publication import storage as publication
from platekeeper_common import postgresql
from platekeeper_common.migrate import NotMigrated, demand_migrated, migrate
from platekeeper_common.provision import every_role, owner, provision, running
from platekeeper_common.schema import shared
from platekeeper_common.service import Service
from platekeeper_hotlist import import_storage
from platekeeper_ingest import storage as ingest
from platekeeper_recognition import storage as recognition
from platekeeper_release import storage as release
from platekeeper_retention import storage as retention

TABLES = {
    "accounts": attempts.login_attempt.metadata,
    "ledger": tree.checkpoint.metadata,
    "publication": publication.metadata,
    "hotlist": import_storage.list_import.metadata,
    "ingest": ingest.metadata,
    "release": release.metadata,
    "retention": retention.metadata,
    "recognition": recognition.metadata,
}
BY_NAME = {service.name: service for service in SERVICES}
DENIED = (asyncpg.InsufficientPrivilegeError,)
KEPT = [("ledger", "access_record"), ("ledger", "subtree"), ("ledger", "checkpoint")] + [
    ("release", table) for table in ("release_request", "decision", "fulfilment")
]


@pytest.fixture
def administrator() -> Iterator[str]:
    """Every service's schema in a database of the test's own."""
    yield asyncio.run(databases.create(SERVICES))
    databases.drop()


@asynccontextmanager
async def acting(administrator: str, service: str, role: str) -> Any:
    """A session of the running role, or of the administrator who has taken it."""
    address = administrator.replace("+asyncpg", "")
    session = await asyncpg.connect(address, server_settings={"search_path": service})
    try:
        await session.execute(f'SET ROLE "{role}"')
        yield session
    finally:
        await session.close()


def test_the_schemas_are_those_of_the_code(administrator: str) -> None:
    async def differences(service: Service) -> list[str]:
        engine = postgresql.create(f"{administrator}?schema={service.name}")
        async with engine.connect() as connection:
            found: list[str] = await connection.run_sync(compare, service.name)
        await engine.dispose()
        return found

    def compare(connection: Connection, name: str) -> list[str]:
        declared = MetaData()
        for table in (*TABLES[name].tables.values(), *shared.tables.values()):
            table.to_metadata(declared)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [str(change) for change in compare_metadata(context, declared)]
        return [change for change in found if not any(word in change for word in NO_DIFFERENCE)]

    for service in SERVICES:
        assert asyncio.run(differences(service)) == []


NO_DIFFERENCE = ("alembic_version", "modify_comment", "received_month", "plate_read_by_piece")
"""Words for readers, and what retention has on PostgreSQL alone (ADR 0022)."""


async def test_provisioning_again_and_at_once_changes_nothing(administrator: str) -> None:
    rights = "SELECT grantee, table_schema, table_name, privilege_type FROM information_schema.role_table_grants"
    async with acting(administrator, "public", "postgres") as session:
        before = set(await session.fetch(rights))
        passwords = dict.fromkeys(every_role([KIOSK]), PASSWORD)
        await asyncio.gather(*(provision(administrator, [KIOSK, BY_NAME["ingest"]], passwords) for _ in range(3)))
        after = {row for row in await session.fetch(rights) if row["table_schema"] != "kiosk"}
    assert after == before


async def test_running_roles_do_what_is_granted_and_no_more(administrator: str) -> None:
    for service in SERVICES:
        for role in (running(service.name, "api"), running(service.name, "worker"), running(service.name, None)):
            async with acting(administrator, service.name, role) as session:
                for statement in (
                    "CREATE TABLE mine (x int)",
                    "ALTER TABLE outbox ADD COLUMN x int",
                    "DROP TABLE outbox",
                    "TRUNCATE outbox",
                    "UPDATE outbox SET type = 'x'",
                    "DELETE FROM access_number",
                    "UPDATE alembic_version SET version_num = 'x'",
                ):
                    with pytest.raises(DENIED):
                        await session.execute(statement)
                assert await session.fetchval("SELECT last FROM access_number") == 0
                for other in BY_NAME.keys() - {service.name}:
                    with pytest.raises(DENIED):
                        await session.execute(f'SELECT * FROM "{other}".outbox')  # noqa: S608
            async with acting(administrator, service.name, "postgres") as session:
                assert not await session.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", role, owner(service.name))


@pytest.mark.clause("G3")
async def test_of_the_ledger_the_running_roles_only_add_and_only_the_sequencer_signs(administrator: str) -> None:
    rows = {
        "access_record": None,
        "subtree": "INSERT INTO subtree (tier, place, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'))",
        "checkpoint": "INSERT INTO checkpoint (size, root, signed_at, note)"
        " VALUES (0, decode(repeat('00', 32), 'hex'), now(), 'note')",
    }
    for role in ("ledger_api", "ledger_worker", "ledger"):
        async with acting(administrator, "ledger", role) as session:
            for table, insert in rows.items():
                assert await session.fetch(f"SELECT * FROM {table}") is not None  # noqa: S608
                for change in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"):  # noqa: S608
                    with pytest.raises(DENIED):
                        await session.execute(change)
                if insert and role == "ledger_api":
                    with pytest.raises(DENIED):
                        await session.execute(insert)
                elif insert and role == "ledger_worker":
                    await session.execute(insert)
            with pytest.raises(DENIED):
                await session.execute("UPDATE access_record SET username = 'nobody'")


@pytest.mark.clause("G3")
@pytest.mark.clause("I4")
async def test_what_is_kept_is_kept_from_the_owner_too(administrator: str) -> None:
    for service, table in KEPT:
        async with acting(administrator, service, owner(service)) as session:
            column = await session.fetchval(
                "SELECT column_name FROM information_schema.columns WHERE table_name = $1 LIMIT 1", table
            )
            for change in ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"):
                with pytest.raises(asyncpg.RestrictViolationError):
                    await session.execute(change.format(table, column))


async def test_a_service_demands_that_its_schema_is_of_today(administrator: str, tmp_path: Path) -> None:
    url = f"{administrator}?schema=ingest"
    migrations = tmp_path / "migrations"
    assert BY_NAME["ingest"].migrations is not None
    shutil.copytree(BY_NAME["ingest"].migrations, migrations)
    await demand_migrated(url, migrations)
    (migrations / "9999_more.py").write_text(MORE)
    with pytest.raises(NotMigrated, match="ingest lacks ingest_more"):
        await demand_migrated(url, migrations)
    await asyncio.gather(*(migrate(url, migrations, role=owner("ingest")) for _ in range(3)))
    await demand_migrated(url, migrations)
    await demand_migrated(url, BY_NAME["ingest"].migrations)
    with pytest.raises(NotMigrated, match="common_0001"):
        await demand_migrated(f"{administrator}?schema=public", None)


async def test_a_migration_waits_for_nobody_and_comes_again(administrator: str, tmp_path: Path) -> None:
    migrations = tmp_path / "migrations"
    assert BY_NAME["ingest"].migrations is not None
    shutil.copytree(BY_NAME["ingest"].migrations, migrations)
    (migrations / "9999_more.py").write_text(MORE)
    async with acting(administrator, "ingest", "ingest") as busy:
        async with busy.transaction():
            await busy.execute("INSERT INTO device VALUES ('a', 'pomona-pd', 'Gate', 'gateway', 'x', now())")
            migrating = asyncio.create_task(migrate(f"{administrator}?schema=ingest", migrations, role="ingest_owner"))
            await asyncio.sleep(3.3)
            assert not migrating.done()
            async with acting(administrator, "ingest", "ingest_api") as other:
                await asyncio.wait_for(other.fetch("SELECT * FROM device"), 5)
        await migrating
        assert await busy.fetchval("SELECT count(*) FROM device WHERE colour IS NULL") == 1
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ingest.device_colour'::regclass"
        assert await busy.fetchval(valid) is True


MORE = """
import sqlalchemy as sa
from alembic import op
from platekeeper_common import online
revision, down_revision, branch_labels, depends_on = "ingest_more", "ingest_0002", None, None

def upgrade():
    if "colour" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("device")}:
        op.add_column("device", sa.Column("colour", sa.String))
    online.create_index("device_colour", "device", ["colour"])
"""
