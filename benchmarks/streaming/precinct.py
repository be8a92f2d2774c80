"""The stack that is measured: `platekeeper up` over a fresh folder, an agency with its devices, and a long hot list."""

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx

from platekeeper.client import Session, device, person
from platekeeper.demo import load, street
from platekeeper.demo.logins import Logins
from platekeeper.stack.state import State
from platekeeper_common import ids

PROGRAM = Path(sys.executable).with_name("platekeeper")
PROJECT = Path(__file__).parent.parent.parent
PROCESSES = (
    *("ingest-api", "hotlist-api", "hotlist-worker", "retention-worker"),
    *("accounts-api", "accounts-worker", "ledger-worker"),
)
"""Those that reads, hits and tokens need."""
DEVICES, CAMERAS_EACH = 4, 6
_ADMINISTRATOR = re.compile(r"administrator: (\S+), one-time password: (\S+)")
_COLUMNS = (
    *("id", "agency_id", "list_id", "plate", "state", "category", "reason", "purpose", "matter_type", "matter_number"),
    *("added_by", "added_at", "changed_in"),
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A registered device."""

    id: str
    secret: str
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Precinct:
    """The standing stack, and who may send and listen."""

    state: State
    commands: Mapping[str, Mapping[str, str]]
    http: httpx.AsyncClient
    logins: Logins
    gateways: tuple[Gateway, ...]

    @property
    def address(self) -> tuple[str, int]:
        """Where the gateway answers."""
        parts = urlsplit(self.state.door)
        return str(parts.hostname), int(parts.port or 443)

    @property
    def bus(self) -> str:
        """HOST:PORT of the broker."""
        return self.commands["migrate"]["PLATEKEEPER_BUS"].removeprefix("kafka://")

    @property
    def database(self) -> str:
        """The administrator's URL of the database."""
        return self.commands["migrate"]["PLATEKEEPER_DATABASE"].replace("+asyncpg", "")

    def tls(self) -> ssl.SSLContext:
        """Trusts the stack's own authority."""
        return ssl.create_default_context(cafile=self.state.authority)

    async def tokens(self) -> list[str]:
        """A fresh token for each gateway."""
        headers = [await device(self.http, one.id, one.secret).headers() for one in self.gateways]
        return [header["Authorization"] for header in headers]

    async def officer(self) -> Session:
        """A person who may listen, logged in just now."""
        who = self.logins.person("demo-officer")
        session = person(self.http, who.username, who.password)
        await session.log_in()
        return session


@asynccontextmanager
async def standing(var: Path, settings: Mapping[str, str]) -> AsyncIterator[Precinct]:
    """The stack, until the block ends. Raises RuntimeError with what it said when it does not come up."""
    environment = {
        **os.environ,
        "PLATEKEEPER_VAR": str(var),
        "PLATEKEEPER_UP_ONLY": ",".join(PROCESSES),
        "PLATEKEEPER_LOG_LEVEL": "warning",
        "PLATEKEEPER_GATEWAY_LOGIN_RATE": "100",
        **settings,
    }
    try:
        said = await _told([PROGRAM, "up", "--free-ports"], environment)
        state = State.read(var)
        found = _ADMINISTRATOR.search(said)
        if state is None or found is None or state.course != "up":
            raise RuntimeError(f"the stack does not stand:\n{said}")
        commands = json.loads((var / "up" / "commands.json").read_text())
        trusted = ssl.create_default_context(cafile=state.authority)
        async with httpx.AsyncClient(base_url=state.door, timeout=30, trust_env=False, verify=trusted) as http:
            logins = await load.load(http, await _first(http, *found.groups()), street.samples())
            yield Precinct(state, commands, http, logins, await _register(http, logins))
    finally:
        await _told([PROGRAM, "down"], environment)


async def list_plates(precinct: Precinct, plates: Sequence[str]) -> None:
    """Put the plates on a list of the agency, behind the API: an import by its door would take minutes."""
    session = await _session(precinct, "demo-administrator")
    opened = await session.post("/v1/hotlists", {"name": "State list", "source": "dept", **load.LISTING})
    connection = await asyncpg.connect(precinct.database, server_settings={"search_path": "hotlist"})
    try:
        now, agency, use = datetime.now(UTC), precinct.logins.agency_id, load.LISTING
        same = ("CA", "stolen_vehicle", "Invented", use["purpose"], use["matter_type"], use["matter_number"])
        version = int(opened["version"]) + 1
        rows = ((ids.new(), agency, opened["id"], plate, *same, "benchmark", now, version) for plate in plates)
        async with connection.transaction():
            await connection.copy_records_to_table("entry", records=rows, columns=_COLUMNS)
            await connection.execute("UPDATE hotlist SET version = $1 WHERE id = $2", version, opened["id"])
        await connection.execute("ANALYZE entry")
    finally:
        await connection.close()


async def _session(precinct: Precinct, username: str) -> Session:
    who = precinct.logins.person(username)
    return person(precinct.http, who.username, who.password)


async def _first(http: httpx.AsyncClient, username: str, once: str) -> Session:
    chosen = ids.new()
    await person(http, username, once, new_password=chosen).log_in()
    return person(http, username, chosen)


async def _register(http: httpx.AsyncClient, logins: Logins) -> tuple[Gateway, ...]:
    who = logins.person("demo-administrator")
    boss = person(http, who.username, who.password)
    made = []
    for number in range(DEVICES):
        cameras = [
            {
                "name": f"Camera {number}.{each}",
                "kind": "fixed",
                "position": {"latitude": 34.05 + number / 50, "longitude": -117.75 + each / 50},
            }
            for each in range(CAMERAS_EACH)
        ]
        told: dict[str, Any] = await boss.post(
            "/v1/devices", {"name": f"Gateway {number}", "kind": "gateway", "cameras": cameras}
        )
        made.append(Gateway(told["id"], told["secret"], tuple(camera["id"] for camera in told["cameras"])))
    await asyncio.sleep(1)  # accounts hear of the devices
    return tuple(made)


async def _told(words: Sequence[str | Path], environment: Mapping[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *words, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace")
