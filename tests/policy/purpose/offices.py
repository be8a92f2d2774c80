"""The offices of five departments: hotlist, retention, release and accounts, and the doors that ask for a purpose."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from profiles import DEPARTMENTS
from standing import Town, eventually, town

from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common import ids
from platekeeper_common.access import unseal
from platekeeper_common.caller import Caller
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.ids import AgencyId
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_release.service import SERVICE as RELEASE
from platekeeper_retention.service import SERVICE as RETENTION

Door = tuple[str, str, dict[str, Any]]

PLATE = "8ABC123"
CRIMINAL = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}
PATROL = {"purpose": "routine_patrol", "matter_type": "patrol"}
SEARCH: Door = ("POST", "/v1/searches", {"plate": PLATE})
LIST: Door = ("POST", "/v1/hotlists", {"name": "Stolen", "source": "dept"})
HITS: Door = ("GET", "/v1/hits", {})
IMAGE: Door = ("GET", "/v1/reads/some/image", {})
WINDOW = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}
REQUEST: Door = ("POST", "/v1/release-requests", {"scope": {"plates": [PLATE], **WINDOW}})
ASKS_OTHERS = ("pomona", "galt", "la-port")
"""Departments that receive written requests; the others open no such door at all (I5)."""


@dataclass
class Offices:
    """The services, the five agencies in them, and what was recorded."""

    town: Town
    said: list[AccessRecorded] = field(default_factory=list)

    def person(self, department: str, *roles: str, **more: Any) -> Caller:
        username = more.pop("username", f"{'-'.join(roles) or 'officer'}-{ids.new()[-6:]}")
        return self.town.person(username, *(roles or ("officer",)), agency_id=AgencyId(f"{department}-pd"), **more)

    async def knock(self, who: Caller | str, door: Door, **stated: Any) -> httpx.Response:
        """The answer of a door to a person, or to a token."""
        method, path, body = door
        async with self.town.client() as client:
            client.headers["authorization"] = f"Bearer {who if isinstance(who, str) else self.town.token(who)}"
            if method == "GET":
                return await client.get(path, params=body | stated)
            return await client.request(method, path, json=body | stated)

    async def choose(self, who: Caller | str, **chosen: Any) -> httpx.Response:
        return await self.knock(who, ("PUT", "/v1/session/matter", {}), **chosen)

    async def chosen(self, who: Caller | str, **chosen: Any) -> tuple[str, dict[str, Any]]:
        """The token and the matter that it carries."""
        answer = await self.choose(who, **chosen)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"], answer.json()["matter"]

    async def record(self, **facts: Any) -> AccessRecorded:
        """The record that says so."""

        def said() -> list[AccessRecorded]:
            return [one for one in self.said if all(getattr(one, name) == fact for name, fact in facts.items())]

        found: list[AccessRecorded] = await eventually(said)
        return found[-1]

    async def words(self, record: AccessRecorded) -> Mapping[str, Any]:
        """What a record keeps sealed."""
        assert record.query is not None
        keys = self.town.standing.foundation.keys
        return dict(json.loads(await unseal(keys, record.id, record.query)))


@asynccontextmanager
async def offices_in(folder: Path) -> AsyncIterator[Offices]:
    """The services over an empty folder, with an agency of each department; what they record is heard."""
    services = (HOTLIST, RETENTION, RELEASE, ACCOUNTS)
    async with town(folder, services) as standing:
        # Accounts' keys are asked for anew when ten seconds have passed.
        standing.clock.advance(seconds=11)
        offices = Offices(standing)
        for name in DEPARTMENTS:
            await standing.open_agency(AgencyId(f"{name}-pd"), name)

        async def hear(event: Event) -> None:
            assert isinstance(event, AccessRecorded)
            offices.said.append(event)

        bus = standing.standing.foundation.bus
        listening = asyncio.create_task(bus.follow(AccessRecorded.topic, hear, lambda: None))
        yield offices
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body.get("code", ""), body.get("clause")


def doors(department: str) -> tuple[Door, ...]:
    return (SEARCH, LIST, HITS, IMAGE, *((REQUEST,) if department in ASKS_OTHERS else ()))
