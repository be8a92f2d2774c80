"""Witnesses cosign what the ledger signs; one that is away stops nothing, and is told."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from databases import on_both
from standing import Town, eventually, town
from unit.ledger.proofs import export, folder, notes, signed
from unit.ledger.samples import searched, send

from platekeeper.witness import server
from platekeeper_access_audit.ledger.room import LedgerRoom, LedgerSettings
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_access_audit.ledger.witnesses import storage
from platekeeper_common.settings import SettingsError
from platekeeper_verify.audit import Demand, check_export
from platekeeper_verify.cosignatures import Witness
from platekeeper_verify.findings import Kind

ORIGIN = "pomona.example/ledger"


@dataclass
class Partner:
    """A witness that another agency runs, over HTTP."""

    folder: Path
    name: str
    port: int

    @property
    def listed(self) -> str:
        """As the ledger's settings name it."""
        return f"{self.key} http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        """Its verifier key."""
        return server.cosigner(self.folder, self.name).key

    @asynccontextmanager
    async def serving(self, log: str) -> AsyncIterator[None]:
        """While the block lasts it watches the log of that verifier key."""
        witness = server.opened(self.folder, self.name, [log])
        config = uvicorn.Config(server.app(witness), port=self.port, log_config=None, lifespan="off")
        running = uvicorn.Server(config)
        task = asyncio.create_task(running.serve())
        await eventually(lambda: running.started)
        try:
            yield
        finally:
            running.should_exit = True
            await task
            witness.close()


def partner(place: Path, name: str) -> Partner:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Partner(place, name, free.getsockname()[1])


@asynccontextmanager
async def watched(tmp_path: Path, *partners: Partner, **more: Any) -> AsyncIterator[Town]:
    listed = ", ".join(one.listed for one in partners)
    own = {"ledger": LedgerSettings(origin=ORIGIN, witnesses=listed, **more)}
    async with town(tmp_path / "var", (LEDGER,), own=own) as here:
        yield here


def room(here: Town) -> LedgerRoom:
    found = here.standing.rooms["ledger"]
    assert isinstance(found, LedgerRoom)
    return found


def cosigned_files(here: Town) -> list[Path]:
    return sorted(folder(here).rglob("*.cosigned.txt"))


@on_both
@pytest.mark.clause("G3")
async def test_partners_cosign_and_a_verifier_can_demand_it(tmp_path: Path) -> None:
    galt, corona = partner(tmp_path / "galt", "galt.example/w"), partner(tmp_path / "corona", "corona.example/w")
    async with watched(tmp_path, galt, corona) as here:
        key = room(here).verifier_key
        async with galt.serving(key), corona.serving(key):
            await send(here, await searched(here, 1), await searched(here, 2))
            size = await signed(here)
            await eventually(lambda: [path for path in cosigned_files(here) if f"{size:016}" in path.name])
            async with here.client(here.person("inspector", "auditor")) as client:
                lines, kept, log = await export(here, client)
                latest = (await client.get("/v1/checkpoints/latest")).json()
            demand = Demand([Witness.parse(galt.key), Witness.parse(corona.key)], 2)
            report = check_export(lines, kept, log, demand=demand)
            assert (report.findings, report.witnessed) == ([], size)
            assert {one["witness"] for one in latest["cosignatures"]} == {galt.name, corona.name}
            assert latest["cosigned"].startswith(latest["note"])
            stranger = Demand([Witness.parse(galt.key), Witness.parse(partner(tmp_path / "x", "x.example/w").key)], 2)
            assert {one.kind for one in check_export(lines, kept, log, demand=stranger).findings} == {
                Kind.NOT_WITNESSED
            }


@pytest.mark.clause("G3")
async def test_a_witness_that_is_away_stops_nothing_and_is_an_alarm_after_the_limit(tmp_path: Path) -> None:
    galt = partner(tmp_path / "galt", "galt.example/w")
    async with watched(tmp_path, galt, witness_minutes=15) as here:
        async with galt.serving(room(here).verifier_key):
            await signed(here)
            await eventually(lambda: cosigned_files(here))
        before = len(notes(here))
        await send(here, await searched(here, 1))
        await here.let_pass(minutes=14)
        await signed(here)
        async with here.client() as client:
            counts = (await client.get("/health/ledger")).json()["counts"]
            assert counts["alarms"] == 0
            await here.let_pass(minutes=2)
            await eventually(lambda: len(notes(here)) >= before + 2)
            answer = (await client.get("/health/ledger")).json()
        assert (answer["ready"], answer["counts"]["alarms"], answer["counts"]["unwitnessed_seconds"] > 900) == (
            True,
            1,
            True,
        )
        async with galt.serving(room(here).verifier_key):
            await signed(here)

            async def quiet() -> bool:
                async with here.client() as client:
                    return bool((await client.get("/health/ledger")).json()["counts"]["alarms"] == 0)

            await eventually(quiet)


@pytest.mark.clause("G3")
async def test_a_ledger_that_was_put_back_is_told_by_its_witness(tmp_path: Path) -> None:
    galt = partner(tmp_path / "galt", "galt.example/w")
    async with watched(tmp_path, galt) as here:
        async with galt.serving(room(here).verifier_key):
            await send(here, await searched(here, 1), await searched(here, 2))
            size = await signed(here)
            await eventually(lambda: [path for path in cosigned_files(here) if f"{size:016}" in path.name])
        ledger = room(here)
        for statement in (
            "DROP TRIGGER access_record_not_deleted",
            "DELETE FROM access_record",
            "DROP TRIGGER checkpoint_not_deleted",
            "DELETE FROM checkpoint",
        ):
            await here.run_sql("ledger", statement)
        async with galt.serving(ledger.verifier_key):
            here.clock.advance(seconds=2)
            await signed(here)
            await eventually(lambda: ledger.refusing == {galt.name})
            async with here.client() as client:
                assert (await client.get("/health/ledger")).json()["counts"]["alarms"] >= 1


async def test_cosignatures_are_kept_once(tmp_path: Path) -> None:
    galt = partner(tmp_path / "galt", "galt.example/w")
    async with watched(tmp_path, galt) as here, galt.serving(room(here).verifier_key):
        await eventually(lambda: cosigned_files(here))
        async with room(here).db.tx() as tx:
            known = await storage.of(tx, [1])
            await storage.add(tx, 1, known[1], now=here.clock())
        assert [one.witness for one in known[1]] == [galt.name]


@pytest.mark.parametrize(
    ("witnesses", "needed", "wrong"),
    [
        ("nobody", None, "needs a verifier key"),
        ("a+00000000+BAAA https://x", None, "needs a verifier key"),
        ("{key}", None, "needs a URL"),
        ("{key} ftp://x", None, "needs a URL"),
        ("{key} https://x, {key} https://y", None, "listed twice"),
        ("{key} https://x", 2, "2 witnesses are needed and 1 are listed"),
    ],
)
async def test_settings_that_make_no_sense_are_refused_by_name(
    tmp_path: Path, witnesses: str, needed: int | None, wrong: str
) -> None:
    listed = witnesses.replace("{key}", partner(tmp_path / "galt", "galt.example/w").key)
    own = {"ledger": LedgerSettings(origin=ORIGIN, witnesses=listed, witnesses_needed=needed)}
    with pytest.raises(SettingsError, match=wrong) as refused:
        async with town(tmp_path / "var", (LEDGER,), own=own):
            pass
    assert "PLATEKEEPER_LEDGER_WITNESSES" in str(refused.value)
