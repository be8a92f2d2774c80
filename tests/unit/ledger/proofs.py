"""What an auditor carries away: checkpoints, leaves and the verifier key, through the ledger's own doors."""

from pathlib import Path
from typing import Any

import httpx
from standing import Town, eventually
from unit.ledger.samples import searched, send

from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.sequencer import sign
from platekeeper_verify.audit import Report, check_export
from platekeeper_verify.notes import Key

LATEST = "/v1/checkpoints/latest"
LEAVES = "/v1/access-records/leaves"


async def latest(client: httpx.AsyncClient) -> dict[str, Any]:
    """The last checkpoint, as soon as there is one."""

    async def there() -> dict[str, Any] | None:
        answer = await client.get(LATEST)
        return answer.json() if answer.status_code == 200 else None

    document: dict[str, Any] = await eventually(there)
    return document


async def signed(here: Town) -> int:
    """Let the sequencer sign a second later, not waiting for its minute; how many records it signed."""
    here.clock.advance(seconds=1)
    room = here.standing.rooms["ledger"]
    assert isinstance(room, LedgerRoom)
    return (await sign(room)).size


async def afternoon(here: Town, searches: int = 12) -> None:
    """Searches of two officers, signed in between and at the end."""
    for first in range(1, searches + 1, 4):
        await send(here, *[await searched(here, first + n, username=f"officer{n % 2}") for n in range(4)])
        await signed(here)


def folder(here: Town) -> Path:
    """The write-once folder."""
    return here.standing.foundation.settings.var / "checkpoints"


def notes(here: Town) -> list[tuple[str, bytes]]:
    """Every checkpoint in the folder."""
    found = sorted(folder(here).rglob("*.txt"))
    return [(path.relative_to(folder(here)).as_posix(), path.read_bytes()) for path in found]


async def export(here: Town, client: httpx.AsyncClient) -> tuple[list[str], list[tuple[str, bytes]], Key]:
    """Checkpoints first, then the leaves that they cover."""
    kept = notes(here)
    size = int(kept[-1][1].split(b"\n")[1])

    async def covered() -> httpx.Response | None:
        answer = await client.get(LEAVES, params={"size": size})
        # The sequencer keeps a checkpoint in the folder first, and commits it then.
        return answer if answer.is_success or answer.json()["code"] != "size_not_signed" else None

    answer: httpx.Response = await eventually(covered)
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines(), kept, Key.parse(str((await latest(client))["verifier_key"]))


def check(lines: list[str], kept: list[tuple[str, bytes]], key: Key) -> Report:
    """The verifier's word."""
    return check_export(lines, kept, key)
