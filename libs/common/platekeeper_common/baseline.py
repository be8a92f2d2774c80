"""The baseline: how a process must stand so that plate data is closely safeguarded, looked at again and again (G1).

Civil Code 1798.90.51(a) asks for reasonable security procedures and practices; what can be checked where a process runs
is checked there. Each look leaves an access record with what has drifted; the figure raises the alarm.
"""

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Select, literal_column, make_url, select, text

from platekeeper_common import provision
from platekeeper_common.actions import Action
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.ids import PLATFORM
from platekeeper_common.service import Room, Service
from platekeeper_common.settings import Settings, is_loopback

FIRST_SECONDS = 60.0
"""After the start: what it needs has come up by then."""
AGAIN_SECONDS = 300.0
"""After a look that could not be recorded, or that found drift."""
BACKUP_HOURS = 168.0
"""For a live agency whose databases are files here, where no setting says otherwise."""
REACH_SECONDS = 2.0
"""How long an answer is waited for from where none must come."""
KEPT = ("db", "bus.sqlite", "objects", "keys", "checkpoints")
"""What holds plates or keys under `PLATEKEEPER_VAR`."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Drift:
    """A check that failed: its name, and what is wrong in words that name no plate and no secret."""

    check: str
    what: str


Check = Callable[[Room, Service], Awaitable[list[Drift]]]


class Baseline:
    """Looks at one service's process, records each look, and remembers the last for whoever asks."""

    def __init__(self, room: Room, service: Service) -> None:
        """Nothing has been looked at yet."""
        self._room = room
        self._service = service
        self.drifted: tuple[Drift, ...] = ()

    async def run(self, every: float) -> None:
        """Look soon, then every so many seconds, until cancelled; sooner while something has drifted."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                await self.look()
                await asyncio.sleep(min(every, AGAIN_SECONDS) if self.drifted else every)
            except Unavailable as error:
                _log.warning("baseline not recorded", reason=str(error))
                await asyncio.sleep(min(every, AGAIN_SECONDS))

    async def look(self) -> None:
        """Check, and leave the access record of it. Raises Unavailable."""
        found = [drift for check in CHECKS for drift in await check(self._room, self._service)]
        for drift in found:
            _log.error("baseline drift", check=drift.check, what=drift.what)
        self.drifted = tuple(found)
        outcome = {"outcome": "failed", "code": "baseline_drift", "clause": "G1"} if found else {}
        about = "; ".join(f"{drift.check}: {drift.what}" for drift in found) or "as it must be"
        record = self._room.recorder.by_itself(PLATFORM, Action.BASELINE_CHECK, "baseline", about, **outcome)
        async with self._room.db.tx() as tx:
            tx.emit(record)

    @property
    def trouble(self) -> None:
        """Drift is an alarm; work goes on."""
        return


async def files_are_private(room: Room, _service: Service) -> list[Drift]:
    """Whatever holds plates or keys is for its owner alone: no bit of mode for group or others."""
    return await asyncio.to_thread(lambda: list(open_to_others(room.foundation.settings, os.geteuid())))


def open_to_others(settings: Settings, user: int) -> Iterator[Drift]:
    """What of that holds for a process of that user; a folder that is another's is judged by what lies in it.

    Such a folder is the root of a volume, as a cluster mounts it for a pod's group: nobody in the pod can change it.
    """
    places = [settings.var / name for name in KEPT] + ([settings.kek_file] if settings.kek_file else [])
    databases = sorted((settings.var / "db").glob("*.sqlite*"))
    for place in filter(Path.exists, [*places, *databases]):
        found = place.stat()
        mode = stat.S_IMODE(found.st_mode)
        if place.is_dir() and found.st_uid != user:
            if mode & 0o002:
                what = (
                    f"anyone may write in {place.name} (mode {mode:o}); its owner, user {found.st_uid}, must close it"
                )
                yield Drift("files_are_private", what)
            yield from filter(
                None, (_open(inside, f"{place.name}/{inside.name}") for inside in sorted(place.iterdir()))
            )
            continue
        # What a Secret mounts belongs to a group that only the pod has.
        if drift := _open(place, place.name, allowed=0o040 if place == settings.kek_file else 0):
            yield drift


def _open(place: Path, name: str, *, allowed: int = 0) -> Drift | None:
    try:
        mode = stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        return None
    if not mode & 0o077 & ~allowed:
        return None
    return Drift("files_are_private", f"{name} is open to others (mode {mode:o}); chmod go= it")


async def keys_lie_apart(room: Room, _service: Service) -> list[Drift]:
    """A copy of the objects' place is worth nothing: the keys that open them lie in another."""
    settings = room.foundation.settings
    if settings.key_store and settings.objects:
        keys, objects = (url.removeprefix("s3://").partition("/")[0] for url in (settings.key_store, settings.objects))
        if keys == objects:
            return [Drift("keys_lie_apart", "the key store and the objects share a bucket")]
    return []


async def pictures_lie_sealed(room: Room, _service: Service) -> list[Drift]:
    """What lies in the objects' place is encrypted by us before it gets there."""
    agencies = await room.foundation.objects.unsealed()
    return [Drift("pictures_lie_sealed", f"an object of {agency} lies open") for agency in agencies]


async def nobody_else_answers(room: Room, _service: Service) -> list[Drift]:
    """The network is shut but for what is declared: what PLATEKEEPER_BASELINE_CLOSED names cannot be reached."""
    found = []
    for place in filter(None, room.foundation.settings.baseline_closed.split(",")):
        host, _, port = place.strip().rpartition(":")
        try:
            async with asyncio.timeout(REACH_SECONDS):
                _, line = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError):
            continue
        line.close()
        found.append(Drift("nobody_else_answers", f"{place.strip()} can be reached from here, and must not be"))
    return found


async def outsiders_come_by_the_gateway(room: Room, _service: Service) -> list[Drift]:
    """A process that is reached from other machines knows whose word on addresses it believes; TLS ends there."""
    settings = room.foundation.settings
    if not is_loopback(settings.host) and not settings.trusted_proxies:
        what = f"it listens on {settings.host} and PLATEKEEPER_TRUSTED_PROXIES names no gateway"
        return [Drift("outsiders_come_by_the_gateway", what)]
    if settings.for_this_machine_alone and settings.metrics_port != "off" and not is_loopback(settings.metrics_host):
        return [Drift("outsiders_come_by_the_gateway", f"/metrics is open to others on {settings.metrics_host}")]
    return []


async def backups_are_made(room: Room, _service: Service) -> list[Drift]:
    """The last `platekeeper backup` of this machine is not older than PLATEKEEPER_BACKUP_HOURS allows."""
    settings = room.foundation.settings
    limit = settings.backup_hours if settings.backup_hours is not None else _usual_backup_hours(room)
    if not limit:
        return []
    try:
        told = json.loads((settings.var / "backup.json").read_text())
        age = room.clock() - datetime.fromisoformat(told["made_at"])
    except (OSError, ValueError, KeyError):
        return [Drift("backups_are_made", "no backup was ever made from here")]
    hours = age.total_seconds() / 3600
    return [Drift("backups_are_made", f"the last was made {hours:.0f} hours ago")] if hours > limit else []


def _usual_backup_hours(room: Room) -> float:
    policies = room.foundation.policies
    live = any(policies.agency(one).mode == "live" for one in policies.open_agencies())
    return BACKUP_HOURS if live and not room.foundation.settings.database else 0


async def logs_say_little(room: Room, _service: Service) -> list[Drift]:
    """Libraries write what they carry at this level."""
    if room.foundation.settings.log_level == "debug":
        return [Drift("logs_say_little", "PLATEKEEPER_LOG_LEVEL is debug, at which libraries log whole records")]
    return []


async def database_is_as_declared(room: Room, service: Service) -> list[Drift]:
    """Its role may what is declared and nothing more, and the line to the server is encrypted (PostgreSQL).

    On SQLite: deleted bytes are overwritten.
    """
    if room.db.engine.name == "sqlite":
        async with room.db.tx() as tx:
            row = await tx.row(_value("secure_delete", "pragma_secure_delete"))
        on = row is not None and row[0] != 0
        return [] if on else [Drift("database_is_as_declared", "secure_delete is off: deleted plates stay in the file")]
    return [*await _line_is_open(room), *await _grants_differ(room, service)]


async def _line_is_open(room: Room) -> list[Drift]:
    host = make_url(room.foundation.settings.database).host or ""
    async with room.db.tx() as tx:
        row = await tx.row(_value("ssl", "pg_stat_ssl").where(text("pid = pg_backend_pid()")))
    encrypted = row is not None and bool(row[0])
    if encrypted or is_loopback(host) or host.startswith("/"):
        return []
    return [Drift("database_is_as_declared", f"the line to the database on {host} is not encrypted")]


async def _grants_differ(room: Room, service: Service) -> list[Drift]:
    """Privileges of the process's role over whole tables, beside those that `Service.grants` declares for it."""
    async with room.db.tx() as tx:
        rows: Sequence[Any] = await tx.rows(_RIGHTS)
        known: Sequence[Any] = await tx.rows(_TABLES)
        powers = await tx.row(_POWERS)
        role = await tx.row(select(literal_column("current_user")))
    held = {(row[0], row[1], row[2]) for row in rows}
    rights = provision.logins(service.name).get(role[0] if role else "", frozenset())
    declared = {
        (service.name, grant.table, right.strip())
        for grant in (*provision.SHARED, *service.grants)
        if rights & set(grant.roles)
        for right in _whole(grant.may)
    }
    more = sorted(f"{right} on {schema}.{table}" for schema, table, right in held - declared)
    tables = {(row[0], row[1]) for row in known}
    lacking = {one for one in declared - held if one[:2] in tables}  # of sequences the server tells nobody here
    less = sorted(f"{right} on {schema}.{table}" for schema, table, right in lacking)
    found = [f"{role[0] if role else 'its role'} may also {', '.join(more)}"] if more else []
    found += [f"it lacks {', '.join(less)}"] if less else []
    found += ["its role has powers over the whole server"] if powers is None or powers[0] else []
    return [Drift("database_is_as_declared", what) for what in found]


def _whole(may: str) -> list[str]:
    """The privileges over whole tables; those over single columns are others."""
    bare, depth = "", 0
    for character in may:
        depth += (character == "(") - (character == ")")
        bare += character if not depth and character != ")" else "#" if character == "(" else ""
    return [right.strip() for right in bare.split(",") if "#" not in right]


def _value(name: str, of: str) -> Select[Any]:
    return select(literal_column(name)).select_from(text(of))


_RIGHTS: Select[Any] = _value("table_schema, table_name, privilege_type", "information_schema.table_privileges").where(
    text("grantee = current_user AND table_schema NOT IN ('pg_catalog', 'information_schema')")
)
_TABLES: Select[Any] = _value(
    "nspname, relname", "pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
).where(text("relkind IN ('r', 'p')"))
_POWERS: Select[Any] = _value(
    "rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication", "pg_roles"
).where(text("rolname = current_user"))
CHECKS: tuple[Check, ...] = (
    files_are_private,
    keys_lie_apart,
    pictures_lie_sealed,
    nobody_else_answers,
    outsiders_come_by_the_gateway,
    backups_are_made,
    logs_say_little,
    database_is_as_declared,
)
