"""Schemas and roles in PostgreSQL: what an administrator gives each service, and nothing more.

A service has a schema of its name and four roles: `NAME_owner`, which owns the schema and its tables and nobody logs in
as; `NAME_api` and `NAME_worker`, as which its processes run; `NAME`, for a process that is both. The running roles may
do what `Service.grants` says, with the tables that every service has besides; none may change a schema.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from platekeeper_common import postgresql
from platekeeper_common.migrate import migrate
from platekeeper_common.service import ROLES, Grant, Role, Service

SHARED = (
    Grant("outbox", "SELECT, INSERT, DELETE"),
    Grant("access_number", "SELECT, UPDATE"),
    Grant("dead_letter", "SELECT, INSERT, UPDATE, DELETE"),
    Grant("alembic_version", "SELECT"),
    Grant("stated", "SELECT, INSERT, UPDATE"),
)
EXTENSION = "pg_trgm"
"""Of Debian's package and of every managed PostgreSQL; in the schema `public`."""
MAKES_ROLES = frozenset({"retention"})
"""Services whose owner makes a role for each agency (ADR 0022)."""


def owner(service: str) -> str:
    """The role that owns the service's schema; nobody logs in as it."""
    return f"{service}_owner"


def running(service: str, role: Role | None) -> str:
    """The role as which a process of the service runs; None: as one that is both api and worker."""
    return f"{service}_{role}" if role else service


def logins(service: str) -> dict[str, frozenset[Role]]:
    """The service's roles that log in, and whose rights each has."""
    return {running(service, role): frozenset({role}) for role in ROLES} | {running(service, None): frozenset(ROLES)}


async def provision(
    administrator: str, services: Iterable[Service], passwords: Mapping[str, str] | None = None
) -> None:
    """Make schemas and roles, migrate every schema, grant what the services declare. Safe to run again, and at once.

    `administrator`: the URL of a superuser, or of one with CREATEROLE who is a member of the owners. `passwords`, by
    role: of those that are to log in with one; None leaves the passwords, and roles that somebody else manages, alone.
    """
    async with _session(administrator) as session:
        await session.execute(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION} SCHEMA public")
    for service in services:
        async with _session(administrator) as session:
            await _make(session, service, passwords or {})
        await migrate(postgresql.within(administrator, service.name), service.migrations, role=owner(service.name))
        async with _session(administrator) as session:
            await _grant(session, service)
            if service.name in MAKES_ROLES:
                await session.execute(f'SELECT "{service.name}".make_agencies()')


async def make_roles(
    administrator: str, services: Sequence[Service], passwords: Mapping[str, str], schemas: Iterable[str]
) -> None:
    """Before a dump is restored, which holds no roles: those of the services and of agencies with one of its `schemas`.

    The database is empty, and what the dump lacks besides, `provision` makes afterwards.
    """
    agencies = {name: [role for role in schemas if role.startswith(f"{name}_of_")] for name in MAKES_ROLES}
    async with _session(administrator) as session:
        for service in services:
            await _make_roles(session, service.name, passwords)
            await open_database(session, service.name)
            for role in agencies.get(service.name, ()):
                # Its maker may grant it later: the service's owner makes it, as when the agency's first read came.
                await session.execute(f'SET LOCAL ROLE "{owner(service.name)}"')
                await _make_role(session, role, "NOLOGIN")
                await session.execute("RESET ROLE")


async def tables(administrator: str) -> list[str]:
    """The tables in the database, each with its schema: none in one that nothing was put into."""
    async with _session(administrator) as session:
        rows = await session.fetch(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        )
        return [row["name"] for row in rows]


@asynccontextmanager
async def _session(administrator: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of the administrator, one at a time in the database."""
    connection = await asyncpg.connect(postgresql.dsn(administrator))
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", postgresql.lock_key("", "provision"))
            yield connection
    finally:
        await connection.close()


async def _make(session: asyncpg.Connection, service: Service, passwords: Mapping[str, str]) -> None:
    name = service.name
    await _make_roles(session, name, passwords)
    await session.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}" AUTHORIZATION "{owner(name)}"')
    await session.execute(f'GRANT USAGE ON SCHEMA "{name}" TO {", ".join(_quoted(logins(name)))}')
    await open_database(session, name)


async def _make_roles(session: asyncpg.Connection, name: str, passwords: Mapping[str, str]) -> None:
    makes = " CREATEROLE" if name in MAKES_ROLES else ""
    await _make_role(session, owner(name), f"NOLOGIN NOINHERIT{makes}")
    for role in logins(name):
        await _make_role(session, role, "LOGIN NOINHERIT")
        if role in passwords:
            told = await session.fetchval(
                "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", role, passwords[role]
            )
            await session.execute(told)
    if not await session.fetchval("SELECT pg_has_role($1, 'MEMBER')", owner(name)):
        await session.execute(f'GRANT "{owner(name)}" TO CURRENT_USER')


async def open_database(session: asyncpg.Connection, service: str) -> None:
    """Let the service's roles, and nobody who is not named, into the session's database: a copy has no such rights."""
    database = await session.fetchval("SELECT quote_ident(current_database())")
    await session.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    may = "CONNECT, TEMPORARY" if service in MAKES_ROLES else "CONNECT"
    await session.execute(f"GRANT {may} ON DATABASE {database} TO {', '.join(_quoted(logins(service)))}")
    if service in MAKES_ROLES:
        await session.execute(f'GRANT CREATE ON DATABASE {database} TO "{owner(service)}"')


def _quoted(roles: Iterable[str]) -> list[str]:
    return [f'"{role}"' for role in roles]


async def _make_role(session: asyncpg.Connection, role: str, attributes: str) -> None:
    # Roles belong to the whole server: somebody may make it at the same moment for another database.
    await session.execute(
        f"""DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                CREATE ROLE "{role}" {attributes};
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$"""
    )


async def _grant(session: asyncpg.Connection, service: Service) -> None:
    """Exactly what is declared: an earlier version's grants go in the same transaction."""
    name = service.name
    for role, rights in logins(name).items():
        await session.execute(f'REVOKE ALL ON ALL TABLES IN SCHEMA "{name}" FROM "{role}"')
        await session.execute(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{name}" TO "{role}"')
        for grant in (*SHARED, *service.grants):
            if rights & set(grant.roles):
                await session.execute(f'GRANT {grant.may} ON "{name}"."{grant.table}" TO "{role}"')


def every_role(services: Sequence[Service]) -> dict[str, str]:
    """Every role and what it is, for whoever makes them elsewhere: owners NOLOGIN, the others LOGIN."""
    return {
        role: kind
        for service in services
        for role, kind in ((owner(service.name), "owner"), *((login, "login") for login in logins(service.name)))
    }
