"""A station whose people sign on: accounts and hot lists, terminals, and what an officer does first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
from standing import eventually
from unit.accounts.house import PASSWORD, House, certificate, house

from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common import ids
from platekeeper_common.events.access import CheckpointSigned
from platekeeper_hotlist.service import SERVICE as HOTLIST

USE = {"purpose": "routine_patrol", "matter_type": "patrol"}
POMONA = {"latitude": 34.055, "longitude": -117.75}
NEXT_DOOR = {"latitude": 34.06, "longitude": -117.74}
FRESNO = {"latitude": 36.74, "longitude": -119.78}
"""Some 350 km away."""


@asynccontextmanager
async def signing_on(folder: Path) -> AsyncIterator[House]:
    """Accounts and hot lists over an empty folder; a checkpoint that grows old in no test has been signed."""
    async with house(folder, services=(ACCOUNTS, HOTLIST)) as standing:
        signed = CheckpointSigned(
            agency_id=ids.PLATFORM,
            origin="elsewhere",
            size=0,
            root="",
            signed_at=standing.clock() + timedelta(days=10_000),
            note="",
            verifier_key="",
        )
        foundation = standing.standing.foundation
        await foundation.bus.publish([signed], source="ledger")
        await eventually(lambda: foundation.checkpoints.last)
        yield standing


class Station:
    """The agency's people."""

    def __init__(self, here: House, boss: httpx.AsyncClient) -> None:
        self.here, self.boss = here, boss
        self.accounts: dict[str, str] = {}

    async def hire(self, username: str, *roles: str, trained: bool = True) -> str:
        self.accounts[username] = account_id = await self.here.hire(self.boss, username, *roles)
        if trained:
            trainer = await self.here.login("sergeant")
            answer = await trainer.post("/v1/training-certificates", json=certificate(self.here, account_id))
            assert answer.status_code == 201, answer.text
        return account_id

    async def terminal(self, kind: str, **more: Any) -> dict[str, str]:
        answer = await self.boss.post("/v1/terminals", json={"name": f"A {kind}", "kind": kind, **more})
        assert answer.status_code == 201, answer.text
        return {"id": answer.json()["id"], "secret": answer.json()["secret"]}

    async def go_live(self) -> None:
        answer = await (await self.here.platform()).post("/v1/agencies/pomona-pd/go-live")
        assert answer.status_code == 200, answer.text


async def manned(here: House) -> Station:
    """The station with its administrator boss, the trainer sergeant in office and the trained officer rivera."""
    boss = await here.staffed()
    standing = Station(here, boss)
    sergeant = await standing.hire("sergeant", "trainer", trained=False)
    await boss.put("/v1/posts/training_owner", json={"account_id": sergeant})
    await standing.hire("rivera")
    return standing


async def sign_on(here: House, username: str = "rivera", **more: Any) -> httpx.Response:
    return await here.client().post("/v1/login", json={"username": username, "password": PASSWORD, **more})


async def signed_on(here: House, username: str = "rivera", **more: Any) -> dict[str, Any]:
    answer = await sign_on(here, username, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def carried_on(here: House, begun: dict[str, Any]) -> httpx.Response:
    return await here.client().post("/v1/session/refresh", json={"refresh_token": begun["refresh_token"]})


async def hits(here: House, begun: dict[str, Any]) -> httpx.Response:
    return await here.client(begun["access_token"]).get("/v1/hits", params=USE)


async def notices(here: House, begun: dict[str, Any]) -> list[str]:
    answer = await here.client(begun["access_token"]).get("/v1/me/notices")
    return [notice["kind"] for notice in answer.json()]


async def enrolled(here: House, begun: dict[str, Any]) -> pyotp.TOTP:
    client = here.client(begun["access_token"])
    answer = (await client.post("/v1/me/second-factor")).json()
    assert answer["qr_svg"].startswith("<svg")
    factor = pyotp.TOTP(answer["secret"])
    confirmed = await client.post("/v1/me/second-factor/confirm", json={"code": factor.at(here.clock())})
    begun["recovery_codes"] = confirmed.json()["recovery_codes"]
    return factor
