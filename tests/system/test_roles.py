"""A service in one role: what it answers, what it runs, what it holds; and how its process begins and ends."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from profiles import SECTIONS
from standing import POLICIES, eventually
from unit.common.kiosk.service import KIOSK

from platekeeper import runtime
from platekeeper.runtime import Standing
from platekeeper.serve import Door, Life, Patient
from platekeeper.server import listen, served
from platekeeper_access_audit.ledger.room import SIGNING_KEY, LedgerRoom
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common import ids
from platekeeper_common.auth import KeySet, SigningKey
from platekeeper_common.bus.contract import Fenced, Unavailable
from platekeeper_common.errors import Busy, Halted
from platekeeper_common.events.access import CheckpointSigned
from platekeeper_common.service import Job, Role, Service
from platekeeper_common.settings import Settings

KEY = SigningKey.make()


async def keys() -> KeySet:
    return {"keys": [KEY.public()]}


async def no_keys() -> KeySet:
    raise ConnectionError("accounts are away")


@asynccontextmanager
async def standing(
    var: Path, service: Service, *roles: Role, fetch: Callable[[], Awaitable[KeySet]] = keys
) -> AsyncIterator[Standing]:
    settings = Settings(var=var, policies=POLICIES)
    async with runtime.stand((service,), settings, SECTIONS, roles=frozenset(roles), fetch_keys=fetch) as here:
        yield here


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://platekeeper")


async def probe(app: Any, name: str, word: str) -> tuple[int, list[str]]:
    async with client(app) as asking:
        answer = await asking.get(f"/health/{name}/{word}")
        return answer.status_code, answer.json()["trouble"]


async def test_an_api_answers_requests_and_consumes_nothing(tmp_path: Path) -> None:
    async with standing(tmp_path, KIOSK, "api") as here, client(here.app) as asking:
        await here.ready()
        assert (await asking.get("/v1/kiosk/open")).status_code == 200
        assert (await asking.get("/v1/dead-letters/kiosk")).status_code == 404
        assert not [part.name for part in here.parts["kiosk"] if part.name.startswith("consume")]
        assert [part.name for part in here.parts["kiosk"] if part.name == "relay"]


async def test_a_worker_answers_probes_and_dead_letters_alone(tmp_path: Path) -> None:
    async with standing(tmp_path, KIOSK, "worker") as here, client(here.app) as asking:
        await here.ready()
        assert (await asking.get("/v1/kiosk/open")).status_code == 404
        assert (await asking.get("/docs/kiosk")).status_code == 404
        assert (await asking.get("/v1/dead-letters/kiosk")).json()["code"] == "token_missing"
        assert [part.name for part in here.parts["kiosk"] if part.name.startswith("consume")] == ["consume kiosk"]


@pytest.mark.clause("B8")
async def test_only_the_ledgers_worker_opens_the_signing_key(tmp_path: Path) -> None:
    async with standing(tmp_path, LEDGER, "api") as here:
        room = here.rooms["ledger"]
        assert isinstance(room, LedgerRoom)
        with pytest.raises(LookupError):
            _ = room.signer
        with pytest.raises(Busy, match="has not been heard of"):
            _ = room.verifier_key
        assert await here.foundation.keys.names(SIGNING_KEY.partition("/")[0]) == []
        assert not [part.name for part in here.parts["ledger"] if part.name == "sign checkpoints"]
        told = CheckpointSigned(
            agency_id=ids.PLATFORM,
            origin=room.origin,
            size=0,
            root="",
            signed_at=here.foundation.clock(),
            note="",
            verifier_key="key of the sequencer",
        )
        await here.foundation.bus.publish([told], source="ledger")
        await eventually(lambda: room.foundation.checkpoints.last)
        assert room.verifier_key == "key of the sequencer"
    async with standing(tmp_path, LEDGER, "worker") as here:
        room = here.rooms["ledger"]
        assert isinstance(room, LedgerRoom)
        assert room.verifier_key == room.signer.key != "key of the sequencer"


async def test_without_the_keys_of_accounts_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    async with standing(tmp_path, KIOSK, "api", fetch=no_keys) as here:
        told = await eventually(lambda: not_ready(here, "token keys: the keys of the login service cannot be had"))
        assert told
        assert await probe(here.app, "kiosk", "live") == (200, [])


async def test_with_keys_of_last_time_accounts_may_be_away(tmp_path: Path) -> None:
    async with standing(tmp_path, KIOSK, "api") as here:
        await here.ready()
    async with standing(tmp_path, KIOSK, "api", fetch=no_keys) as here:
        await here.ready()
        assert await probe(here.app, "kiosk", "ready") == (200, [])


async def not_ready(here: Standing, *why: str) -> bool:
    return await probe(here.app, "kiosk", "ready") == (503, [*why])


async def raises(error: Exception) -> None:
    raise error


def with_job(run: Callable[[], Awaitable[None]], trouble: str | None = None) -> Service:
    return dataclasses.replace(KIOSK, jobs=(Job("work", lambda _: run(), trouble=lambda _: trouble),))


async def test_what_waits_for_a_person_does_not_end_the_process(tmp_path: Path) -> None:
    async with standing(tmp_path, with_job(lambda: raises(Halted("the tree is damaged"))), "worker") as here:
        await eventually(lambda: not_ready(here, "work: ended by Halted"))
        assert await probe(here.app, "kiosk", "live") == (200, [])
        assert not here.course.died.is_set()


async def test_what_only_a_new_process_mends_is_told_to_whoever_watches(tmp_path: Path) -> None:
    async with standing(tmp_path, with_job(lambda: raises(Fenced("by another"))), "worker") as here:
        await asyncio.wait_for(here.course.died.wait(), 20)
        assert await probe(here.app, "kiosk", "live") == (503, ["work: ended by Fenced"])


async def test_a_job_that_is_not_ready_is_told(tmp_path: Path) -> None:
    async with standing(tmp_path, with_job(asyncio.Event().wait, "the engine is not loaded yet"), "worker") as here:  # type: ignore[arg-type]
        await eventually(lambda: not_ready(here, "work: the engine is not loaded yet"))


@asynccontextmanager
async def life(
    stand: Callable[[], Any], **more: Any
) -> AsyncIterator[tuple["asyncio.Task[int]", Patient, httpx.AsyncClient]]:
    """A process's life behind a real port."""
    door = Door("kiosk")
    public = Patient(door)
    with listen("127.0.0.1", 0) as listener:
        url = "http://{}:{}".format(*listener.getsockname())
        async with (
            served(public, listener),
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as asking,
        ):
            settings = Settings(metrics_port="off", **more)
            living = asyncio.create_task(Life("kiosk", stand, settings, door, public).run())
            yield living, public, asking


async def test_a_process_with_a_dead_part_ends_with_1(tmp_path: Path) -> None:
    dying = with_job(lambda: raises(Fenced("by another")))
    async with life(lambda: standing(tmp_path, dying, "worker")) as (living, _, _asking):
        assert await asyncio.wait_for(living, 30) == 1


async def test_a_process_waits_for_what_it_needs_and_says_so(tmp_path: Path) -> None:
    there = asyncio.Event()

    @asynccontextmanager
    async def stand() -> AsyncIterator[Standing]:
        if not there.is_set():
            raise Unavailable("database: ConnectionRefusedError")
        async with standing(tmp_path, KIOSK, "api") as here:
            yield here

    async with life(stand) as (living, public, asking):
        live = await asking.get("/health/kiosk/live")
        assert live.status_code == 200

        async def says_so() -> bool:
            told: list[str] = (await asking.get("/health/kiosk/ready")).json()["trouble"]
            return told == ["starting: database: ConnectionRefusedError"]

        await eventually(says_so, 20)
        refused = await asking.get("/v1/kiosk/open")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        there.set()
        await eventually(lambda: ready(asking), 20)
        assert (await asking.get("/v1/kiosk/open")).status_code == 200
        public.stopping.set()
        assert await asyncio.wait_for(living, 30) == 0


async def test_a_stop_is_told_before_the_door_closes(tmp_path: Path) -> None:
    async with life(lambda: standing(tmp_path, KIOSK, "api"), notice_seconds=1.5) as (living, public, asking):
        await eventually(lambda: ready(asking), 20)
        public.stopping.set()

        async def stopping() -> bool:
            answer = await asking.get("/health/kiosk/ready")
            return answer.status_code == 503 and answer.json()["trouble"][0] == "stopping"

        await eventually(stopping, 20)
        assert (await asking.get("/v1/kiosk/open")).status_code == 200
        assert await asyncio.wait_for(living, 30) == 0


async def test_a_stop_while_it_waits_ends_with_0() -> None:
    @asynccontextmanager
    async def stand() -> AsyncIterator[Standing]:
        raise Unavailable("the bus")
        yield

    async with life(stand) as (living, public, _):
        await asyncio.sleep(0.1)
        public.stopping.set()
        assert await asyncio.wait_for(living, 30) == 0


async def ready(asking: httpx.AsyncClient) -> bool:
    return (await asking.get("/health/kiosk/ready")).status_code == 200
