"""The process as others on the machine meet it: whose address it believes, and what of its files they can open."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from folders import each
from precinct import platform
from standing import eventually, town

from platekeeper.server import Server, listen
from platekeeper_access_audit.ledger.service import LEDGER


@pytest.mark.clause("G3")
async def test_a_caller_cannot_say_where_he_calls_from(tmp_path: Path) -> None:
    var = tmp_path / "var"
    async with town(var, [LEDGER]) as here:
        with listen("127.0.0.1", 0) as listener:
            server = Server(here.standing.app)
            serving = asyncio.create_task(server.serve([listener]))
            token = here.token(here.person("inspector", "auditor"))
            headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"}
            url = "http://{}:{}/v1/access-records".format(*listener.getsockname())
            async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
                assert (await client.get(url)).status_code == 200
            server.should_exit = True
            await serving

        def addresses() -> list[tuple[str]]:
            with closing(sqlite3.connect(var / "db" / "ledger.sqlite")) as ledger:
                return ledger.execute("SELECT address FROM access_record").fetchall()

        assert await eventually(addresses) == [("127.0.0.1",)]


async def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    var = tmp_path / "var"
    var.mkdir(mode=0o755)
    async with platform(var, "--empty") as running:
        await running.until("one-time password")
        modes = each(var, lambda path: stat.S_IMODE(path.stat().st_mode))
        assert [path for path in modes if path.suffix == ".sqlite"]
        assert [path for path, mode in modes.items() if mode & 0o077] == []
