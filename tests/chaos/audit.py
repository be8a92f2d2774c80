"""Whether the ledger is whole: every number of every producer, every record that an answer named, the signed tree."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from chaos import topics
from chaos.scene import Scene
from chaos.stack import COMMAND, Stack
from chaos.tables import tables
from chaos.tally import Tally

LOOK_SECONDS = 2.0


class Audit:
    """The check of the ledger."""

    def __init__(
        self,
        stack: Stack,
        scene: Scene,
        tally: Tally,
        say: Callable[[str, int | str], None],
        demand: Callable[[str, Iterable[object]], None],
    ) -> None:
        """`say` takes figures, `demand` what is wrong."""
        self._stack, self._scene, self._tally = stack, scene, tally
        self._say, self._demand = say, demand

    async def check(self, *, whole: bool, seconds: float) -> None:
        """Every check; `whole` waits until what is there now is signed, otherwise until something is."""
        records = await self._records(seconds)
        await self._tree(records if whole else 1, seconds)

    async def _records(self, seconds: float) -> int:
        rows = await self._kept()
        numbers: dict[str, list[int]] = {}
        for row in rows:
            numbers.setdefault(row["producer"], []).append(row["number"])
        self._say("access records in the ledger", len(rows))
        self._say("  of producers whose numbers have no gap", len(numbers))
        gaps = (name for name, taken in numbers.items() if sorted(taken) != list(range(1, len(taken) + 1)))
        self._demand("producers with gaps or repeated numbers", gaps)
        self._demand("positions missing", set(range(len(rows))) - {row["position"] for row in rows})
        ids = {row["id"] for row in rows}
        self._say("access records that answers named", len(self._tally.records))
        self._demand("access records of answers that are not in the ledger", self._tally.records - ids)
        published = (await topics.read(self._stack.bus, "access.recorded")).ids()
        self._say("access records published more than once (harmless)", sum(n > 1 for n in published.values()))
        self._demand("in the ledger and never published", ids - published.keys())
        self._demand("published and not in the ledger (skipped)", await self._skipped(set(published), seconds))
        return len(rows)

    async def _skipped(self, published: set[object], seconds: float) -> set[object]:
        """What the ledger has not kept: the services still run, and what they said last is given its time."""
        until = time.monotonic() + seconds
        while missing := published - {row["id"] for row in await self._kept()}:
            if time.monotonic() > until:
                return missing
            await asyncio.sleep(LOOK_SECONDS)
        return set()

    async def _kept(self) -> list[Any]:
        async with tables(self._stack.database) as database:
            return await database.rows("SELECT id, producer, number, position FROM ledger.access_record")

    async def _tree(self, records: int, seconds: float) -> None:
        """An export and the kept checkpoints, checked by the command that auditors use."""
        boss, until = self._scene.administrator, time.monotonic() + seconds
        while (last := await boss.get("/v1/checkpoints/latest"))["size"] < records and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
        self._demand("records never signed", [records - last["size"]] if last["size"] < records else [])
        answer = await self._scene.http.get(
            "/v1/access-records/leaves", params={"size": last["size"]}, headers=await boss.headers(), timeout=120
        )
        self._demand("leaves not exported", [answer.text[:200]] if answer.is_error else [])
        leaves = self._stack.var / "leaves.ndjson"
        leaves.write_bytes(answer.content)
        said = await _verify(leaves, self._stack.var / "checkpoints", last["verifier_key"])
        self._say("access records signed", last["size"])
        self._say("audit verify:", said[1].splitlines()[-1] if said[1] else "")
        self._demand("audit verify", said[1].splitlines() if said[0] else [])


async def _verify(leaves: Path, checkpoints: Path, key: str) -> tuple[int, str]:
    words = ["audit", "verify", "--leaves", str(leaves), "--checkpoints", str(checkpoints), "--key", key]
    process = await asyncio.create_subprocess_exec(
        COMMAND, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().strip()
