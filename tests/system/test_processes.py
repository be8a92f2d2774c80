"""The full stack as real processes, from an empty folder to the last of them gone; and one service beside no other."""

import asyncio
import json
import os
import re
import secrets
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import engines
import httpx
import pytest
from everywhere import signing_keys_turn_without_a_refused_request, what_is_revoked_is_worth_nothing_in_any_process
from precinct import CRIMINAL, PROJECT, Precinct, open_precinct, post_frame
from test_whole_way import _list_plate, _next_hit, _records_tell_all_of_it, _sees_the_pictures, _untrained_is_refused

from platekeeper.client import Session
from platekeeper.demo import street
from platekeeper.stack import state
from platekeeper.stack.ports import free_port
from platekeeper.stack.state import Member, State

PROGRAM = Path(sys.executable).with_name("platekeeper")


async def start(*words: str, var: Path, **environment: str) -> asyncio.subprocess.Process:
    ours = {f"PLATEKEEPER_{name}": value for name, value in ({"VAR": str(var)} | environment).items()}
    return await asyncio.create_subprocess_exec(
        PROGRAM,
        *words,
        cwd=PROJECT,
        env={**os.environ, **ours},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def command(*words: str, var: Path, **environment: str) -> tuple[int, str]:
    process = await start(*words, var=var, **environment)
    told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()


@asynccontextmanager
async def stack() -> AsyncIterator[tuple[Path, str]]:
    """The stack over a folder of its own, and what `up` said; down at the end whatever happened."""
    var = Path(os.environ[engines.VARIABLE]) / f"up-{secrets.token_hex(4)}"
    try:
        status, told = await command("up", "--free-ports", var=var, GATEWAY_KEYS_EVERY_SECONDS="1")
        assert status == 0, told
        yield var, told
    finally:
        await command("down", var=var)


def read_state(var: Path) -> State:
    there = State.read(var)
    assert there is not None
    return there


def member(var: Path, name: str) -> Member:
    return next(one for one in read_state(var).members if one.name == name)


@asynccontextmanager
async def door(var: Path) -> AsyncIterator[httpx.AsyncClient]:
    there = read_state(var)
    trust = ssl.create_default_context(cafile=there.authority)
    async with httpx.AsyncClient(base_url=there.door, verify=trust, timeout=30, trust_env=False) as http:
        yield http


@pytest.mark.clause("A3")
@pytest.mark.clause("G2")
@pytest.mark.clause("G5")
async def test_the_full_stack_from_up_to_down() -> None:
    async with stack() as (var, told):
        assert "gateway" in told
        password = re.search(r"one-time password: (\S+)", told)
        assert password, told
        async with door(var) as http:
            precinct = await open_precinct(http, password[1])
            await _a_frame_goes_the_whole_way(http, precinct)
            await _workers_may_end_while_frames_are_in_flight(var, precinct)
            await _nothing_was_given_up(precinct.platform_admin)
            await signing_keys_turn_without_a_refused_request(http, precinct, var)
            await what_is_revoked_is_worth_nothing_in_any_process(http, precinct)
        assert (await command("ps", var=var))[0] == 0
        await _migrating_again_changes_nothing(var)
        there = read_state(var)
        status, told = await command("down", var=var)
        assert (status, told) == (0, "down; what was kept stays\n")
        assert [one.name for one in there.members if state.same(one.pid or 0, one.born)] == []
        assert not _processes_of(var)


async def _a_frame_goes_the_whole_way(http: httpx.AsyncClient, precinct: Precinct) -> None:
    wanted = street.samples()[0]
    await _list_plate(precinct.administrator, wanted.plate)
    stream = await _next_hit(http, precinct.officer)
    started = datetime.now(UTC)
    frame = await post_frame(precinct.gateway, precinct.cameras[0], "first", wanted.image())
    hit = await asyncio.wait_for(stream, 30)
    assert (hit["read"]["plate"], hit["read"]["frame_id"]) == (wanted.plate, frame["id"])
    [read] = await _reads(precinct.officer, [precinct.cameras[0]], wanted.plate, started)
    await _sees_the_pictures(http, precinct.officer, read["id"], wanted.image())
    await _untrained_is_refused(precinct)
    await _records_tell_all_of_it(precinct, wanted.plate)


async def _workers_may_end_while_frames_are_in_flight(var: Path, precinct: Precinct) -> None:
    """One is killed, one is told to stop: every acknowledged frame is read once, and both come again."""
    started = datetime.now(UTC)
    killed, stopped = (member(var, f"recognition-worker-{number}") for number in (1, 2))
    for number, sample in enumerate(street.samples()[1:9]):
        for camera in precinct.cameras:
            await post_frame(precinct.gateway, camera, f"flight-{number}", sample.image())
        if number == 2:
            assert killed.pid
            os.kill(killed.pid, signal.SIGKILL)
        if number == 5:
            assert stopped.pid
            os.kill(stopped.pid, signal.SIGTERM)
    for sample in street.samples()[1:9]:
        await _reads(precinct.officer, precinct.cameras, sample.plate, started)
    async with asyncio.timeout(60):
        while not all(member(var, one.name).restarts and member(var, one.name).ready for one in (killed, stopped)):
            await asyncio.sleep(0.2)
    log = (var / "up" / "log" / "recognition-worker-2.log").read_text()
    assert "service stopped" in log
    assert "ended with status 0" in (var / "up" / "log" / "supervisor.log").read_text()


async def _nothing_was_given_up(admin: Session) -> None:
    for service in ("recognition", "hotlist", "retention", "ledger"):
        assert await admin.get(f"/v1/dead-letters/{service}") == []


async def _migrating_again_changes_nothing(var: Path) -> None:
    """Twice at once, beside everything that runs."""
    told: dict[str, dict[str, str]] = json.loads((var / "up" / "commands.json").read_text())
    own = {name.removeprefix("PLATEKEEPER_"): value for name, value in told["migrate"].items()}
    both = await asyncio.gather(*(command("migrate", **(own | {"var": var})) for _ in range(2)))  # type: ignore[arg-type]
    assert [status for status, _ in both] == [0, 0], both
    own = {name.removeprefix("PLATEKEEPER_"): value for name, value in told["administrator"].items()}
    status, said = await command("administrator", **(own | {"var": var}))  # type: ignore[arg-type]
    assert (status, "password:" in said) == (0, False)


async def _reads(officer: Session, cameras: list[str], plate: str, since: datetime) -> list[dict[str, Any]]:
    """The plate's reads, once each of these cameras has its one."""
    async with asyncio.timeout(60):
        while True:
            answer = await officer.post("/v1/searches", {"plate": plate, "from": since.isoformat(), **CRIMINAL})
            found: list[dict[str, Any]] = answer["reads"]
            seen = sorted(read["camera_id"] for read in found)
            assert len(seen) == len(set(seen))
            if seen == sorted(cameras):
                return found
            await asyncio.sleep(0.5)


def _processes_of(var: Path) -> list[str]:
    """Commands of processes that name the folder, in their words or in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if process.name != str(os.getpid()) and str(var).encode() in words + environment:
            found.append(words.replace(b"\0", b" ").decode())
    return found


async def test_one_service_alone_lives_tells_what_it_lacks_and_ends_well(tmp_path: Path) -> None:
    port = str(free_port())
    alone = await start("serve", "hotlist", "--role", "worker", var=tmp_path, PORT=port, METRICS_PORT="0")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/health/hotlist", trust_env=False) as http:
        async with asyncio.timeout(60):
            while not await _lacks_keys_alone(http):
                await asyncio.sleep(0.2)
        assert (await http.get("/live")).json() == {"service": "hotlist", "live": True, "trouble": []}
        status, told = await command("serve", "hotlist", "--role", "api", var=tmp_path, PORT="0")
        assert status == 1
        assert "PLATEKEEPER_BUS=kafka://" in told
        assert "PLATEKEEPER_DATABASE=postgresql+asyncpg://" in told
    alone.terminate()
    said, _ = await asyncio.wait_for(alone.communicate(), 40)
    assert alone.returncode == 0, said


async def _lacks_keys_alone(http: httpx.AsyncClient) -> bool:
    try:
        answer = await http.get("/ready")
    except httpx.TransportError:
        return False
    told: list[str] = answer.json()["trouble"]
    return told == ["token keys: the keys of the login service cannot be had"]
