"""`platekeeper migrate` and `platekeeper administrator`: what a deployment needs once, before it starts and after.

Both are safe to run twice and at once.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from platekeeper import runtime, server
from platekeeper.registry import NAMES, sections, service
from platekeeper_common import settings as environment
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.bus.kafka_topics import declare_topics
from platekeeper_common.foundation import open_foundation
from platekeeper_common.log import describe
from platekeeper_common.migrate import NotMigrated, migrate
from platekeeper_common.policy import PolicyError, load_folder
from platekeeper_common.postgresql import dsn
from platekeeper_common.provision import provision
from platekeeper_common.settings import Settings, SettingsError
from platekeeper_common.shared_policy import longest_on_bus

TROUBLE = (SettingsError, PolicyError, server.AlreadyRunning, NotMigrated, Unavailable, SQLAlchemyError, OSError)
"""What a command tells in one line."""
ON_POSTGRESQL = (*TROUBLE, asyncpg.PostgresError, asyncpg.InterfaceError)
"""The same of one that speaks to the server itself, too."""


def say(line: str) -> None:
    """One line for the person at the terminal."""
    print(line, flush=True)  # noqa: T201


def migrate_all(passwords: Path | None) -> int:
    """Bring databases and topics to what this version needs; the exit status.

    On PostgreSQL PLATEKEEPER_DATABASE names an administrator, and the file `passwords` (JSON) says with which password
    each role logs in.
    """
    return asyncio.run(_migrate_all(passwords))


async def _migrate_all(passwords: Path | None) -> int:
    try:
        secrets = read_passwords(passwords) if passwords else {}
        settings = server.load_settings()
        with server.alone(settings, *NAMES):
            await _migrate_databases(settings, secrets)
            await _make_topics_and_keys(settings)
    except ON_POSTGRESQL as error:
        return _complain(error)
    return 0


def read_passwords(passwords: Path) -> dict[str, str]:
    """Passwords by role. Raises SettingsError naming the file, and nothing of what is in it."""
    try:
        told = json.loads(passwords.read_bytes())
    except OSError as error:
        raise SettingsError(f"--passwords: {passwords} cannot be read: {error.strerror}") from error
    except ValueError:
        told = None
    if not isinstance(told, dict) or not all(isinstance(secret, str) for secret in told.values()):
        raise SettingsError(f"--passwords: {passwords} is no JSON object of roles and their passwords")
    return told


def why(error: Exception) -> str:
    """In one line what the operator can mend; it quotes nothing that was asked of a database."""
    told = describe(error) if isinstance(error, SQLAlchemyError) else str(error) or type(error).__name__
    return " ".join(told.split())


def _complain(error: Exception) -> int:
    print(f"platekeeper: {why(error)}", file=sys.stderr)  # noqa: T201
    return 1


async def _migrate_databases(settings: Settings, passwords: Mapping[str, str]) -> None:
    services = [service(name) for name in NAMES]
    if settings.database:
        await make_database(settings.database)
        await provision(settings.database, services, passwords)
        say(f"schemas and roles of {len(services)} services are there")
        return
    for one in services:
        await migrate(settings.database_of(one.name), one.migrations)
    say(f"databases of {len(services)} services are there")


async def make_database(url: str) -> None:
    """Make the database itself when the server has none of that name, and the administrator may."""
    address = make_url(dsn(url))
    try:
        await (await asyncpg.connect(dsn(url))).close()
    except asyncpg.InvalidCatalogNameError:
        connection = await asyncpg.connect(address.set(database="postgres").render_as_string(hide_password=False))
        try:
            await connection.execute(f'CREATE DATABASE "{address.database}"')
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another did, just now
        finally:
            await connection.close()


def _nobody(service: str) -> ASGIApp:
    raise KeyError(service)


async def _make_topics_and_keys(settings: Settings) -> None:
    """Keys that all processes share are made here, so that no two of them make one each."""
    if settings.bus:
        brokers = settings.brokers()
        profiles = load_folder(settings.policies, sections())
        await declare_topics(
            brokers.servers,
            prefix=brokers.prefix,
            longest_kept=longest_on_bus(profiles.values()),
            replication=settings.bus_replication,
        )
    async with open_foundation(settings, sections(), _nobody):
        say("topics and keys are there")


async def run_administrator() -> int:
    """Print the first administrator's one-time password, once; the exit status."""
    from platekeeper_access_audit.accounts import handlers
    from platekeeper_access_audit.accounts.room import AccountsRoom

    accounts = service("accounts")
    try:
        settings = server.load_settings(accounts.name)
        with server.alone(settings, accounts.name):
            await runtime.bring_to_today(settings.database_of(accounts.name), accounts)
            async with (
                open_foundation(settings, sections(), _nobody) as foundation,
                accounts.open(foundation, environment.load(accounts.settings)) as room,
            ):
                assert isinstance(room, AccountsRoom)  # noqa: S101 - the registry says so
                password = await handlers.create_first_administrator(room)
    except TROUBLE as error:
        return _complain(error)
    if password is None:
        say("there are accounts already: a one-time password is shown only once")
        return 0
    say(f"first administrator: admin, one-time password: {password} (shown only now)")
    return 0
