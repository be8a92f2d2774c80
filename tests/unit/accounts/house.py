"""Accounts standing alone, its tokens verified by its own keys, with an agency and whoever a test needs in it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import databases
import httpx
from jose import jwt
from profiles import SECTIONS, department
from standing import FOR_GOOD, POLICIES, TestClock, eventually, say_signed
from starlette.types import ASGIApp

from platekeeper import runtime
from platekeeper_access_audit.accounts import handlers
from platekeeper_access_audit.accounts.policy import TitlesPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom, AccountsSettings
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common.app import Health
from platekeeper_common.events.access import AccessRecorded, AccessRevoked, AgencyChanged
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.public import StatedInPublic
from platekeeper_common.service import Foundation, Service
from platekeeper_common.settings import ServiceSettings, Settings

PASSWORD = "correct horse battery"
FAST = AccountsSettings(argon2_time_cost=1, argon2_memory_kib=8, argon2_parallelism=1, acts_within=0.5)
POMONA = {
    "id": "pomona-pd",
    "name": "Pomona Police Department",
    "ori": "CA0195300",
    "time_zone": "America/Los_Angeles",
    "profile": "pomona",
}


@dataclass
class House:
    """The service, and everything that it said on the bus."""

    standing: runtime.Standing
    clock: TestClock
    said: list[Event] = field(default_factory=list)
    admin_password: str = ""
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def room(self) -> AccountsRoom:
        room = self.standing.rooms["accounts"]
        assert isinstance(room, AccountsRoom)
        return room

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(app=self.standing.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://platekeeper", headers=headers, timeout=30)
        self.clients.append(client)
        return client

    async def try_login(self, username: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        return await self.client().post("/v1/login", json={"username": username, "password": password, **more})

    async def login(self, username: str, password: str = PASSWORD, **more: str) -> httpx.AsyncClient:
        """A client with a fresh token; the person accepts whatever policy the agency has published."""
        answer = await self.try_login(username, password, **more)
        if answer.status_code == 403 and answer.json()["code"] == "policy_not_accepted":
            answer = await self.try_login(username, password, **more, accept_policy=answer.json()["accept_policy"])
        assert answer.status_code == 200, answer.text
        return self.client(answer.json()["access_token"])

    async def platform(self) -> httpx.AsyncClient:
        return await self.login("admin")

    async def open_agency(self, **different: Any) -> httpx.Response:
        answer = await (await self.platform()).post("/v1/agencies", json={**POMONA, **different})
        if answer.status_code == 201:
            agency_id = answer.json()["id"]
            await eventually(lambda: self.standing.foundation.policies.agency(agency_id))
        return answer

    async def hire(self, opener: httpx.AsyncClient, username: str, *roles: str, **more: Any) -> str:
        """A person whose one-time password is changed already; the account's id."""
        roles = roles or ("officer",)
        title = title_for(self.profile_of(opener, more), *roles)
        body = {"username": username, "name": username.title(), "title": title, "roles": roles}
        if "auditor" in roles:
            body["valid_until"] = (self.clock() + timedelta(days=90)).isoformat()
        answer = await opener.post("/v1/accounts", json=body | more)
        assert answer.status_code == 201, answer.text
        await self.login(username, answer.json()["one_time_password"], new_password=PASSWORD)
        return str(answer.json()["id"])

    async def in_office(self, opener: httpx.AsyncClient) -> httpx.AsyncClient:
        """The head of the agency, so long in office as to be a second person (B2)."""
        chief = await self.hire(opener, "chief", "auditor")
        assert (await opener.put("/v1/posts/agency_head", json={"account_id": chief})).is_success
        await self.settle()
        return await self.login("chief")

    async def settle(self) -> None:
        """As if nobody had opened or reset an account, or put one into office, for long (A3, B2)."""
        await self.run_sql("DELETE FROM account_hand")

    async def trust(self, boss: httpx.AsyncClient, chief: httpx.AsyncClient, issuer: dict[str, Any]) -> None:
        """The issuer is registered, and confirmed by the second person (B2)."""
        waiting = await boss.put("/v1/issuer", json=issuer)
        assert waiting.status_code == 200, waiting.text
        confirmed = await chief.post(f"/v1/issuer/proposals/{waiting.json()['proposal_id']}/confirm")
        assert confirmed.status_code == 200, confirmed.text

    def profile_of(self, opener: httpx.AsyncClient, body: Mapping[str, Any]) -> str:
        """The profile of the agency in which somebody is hired."""
        claims = jwt.get_unverified_claims(opener.headers["authorization"].partition(" ")[2])
        return self.standing.foundation.policies.agency(body.get("agency_id") or claims["agency"]).profile

    async def staffed(self, **different: Any) -> httpx.AsyncClient:
        """An open agency with its administrator `boss`, whose client this is."""
        agency = (await self.open_agency(**different)).json()
        await self.hire(await self.platform(), "boss", "administrator", agency_id=agency["id"])
        return await self.login("boss")

    def rows(self, statement: str) -> list[Any]:
        """Committed rows of accounts' database."""
        return databases.rows(self.standing.foundation.settings.database_of("accounts"), statement)

    async def run_sql(self, statement: str) -> None:
        """Change accounts' database behind its back."""
        await databases.run(self.standing.foundation.settings.database_of("accounts"), statement)

    async def pass_days(self, days: int, *usernames: str) -> None:
        """Let days pass in which these people sign on often enough not to be dormant (G2)."""
        while days > 0:
            step = min(days, 80)
            self.clock.advance(days=step)
            for username in usernames:
                await self.login(username)
            days -= step

    def records(self, action: str, outcome: str = "allowed") -> list[AccessRecorded]:
        records = [event for event in self.said if isinstance(event, AccessRecorded)]
        return [record for record in records if (record.action, record.outcome) == (action, outcome)]

    def revoked(self) -> list[AccessRevoked]:
        return [event for event in self.said if isinstance(event, AccessRevoked)]

    def changes(self) -> list[AgencyChanged]:
        return [event for event in self.said if isinstance(event, AgencyChanged)]

    async def until_revoked(self, key: str) -> None:
        """Until the tokens of the key that were issued before this moment are worth nothing."""
        verifier = self.standing.foundation.verifier
        await eventually(lambda: verifier._revoked.get(key) == self.clock())


@asynccontextmanager
async def house(
    folder: Path,
    clock: TestClock | None = None,
    services: Sequence[Service] = (ACCOUNTS,),
    own: Mapping[str, ServiceSettings] | None = None,
    rest: Callable[[Foundation, Health], ASGIApp] | None = None,
    **more: Any,
) -> AsyncIterator[House]:
    """Accounts over `folder`, alone or among other `services`, with settings of their `own` and `more` for all.

    `rest` answers what none of the services does.

    On a fresh folder the first administrator has changed the one-time password.
    """
    clock = clock or TestClock()
    settings = Settings(**({"var": folder, "policies": POLICIES} | await databases.settings(folder, services) | more))
    sheets = {"accounts": FAST, **(own or {})}
    async with runtime.stand(services, settings, SECTIONS, clock=clock, own=sheets, rest=rest) as standing:
        await standing.ready()
        here = House(standing, clock)
        if "ledger" not in standing.rooms:
            await say_signed(standing, clock() + FOR_GOOD)
        witnesses = [
            asyncio.create_task(_witness(here, event))
            for event in (AccessRecorded, AccessRevoked, AgencyChanged, StatedInPublic)
        ]
        password = await handlers.create_first_administrator(here.room)
        if password is not None:
            here.admin_password = password
            assert (await here.try_login("admin", password, new_password=PASSWORD)).status_code == 200
        try:
            yield here
        finally:
            for witness in witnesses:
                witness.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*witnesses)
            for client in here.clients:
                await client.aclose()


async def _witness(here: House, event: type[Event]) -> None:
    async def hear(said: Event) -> None:
        here.said.append(said)

    await here.standing.foundation.bus.follow(event.topic, hear, lambda: None)


def title_for(profile: str, *roles: str) -> str:
    """The member's title of the department's register that allows these roles and the fewest beside them."""
    register = department(profile).section(TitlesPolicy).authorised
    fitting = [one for one in register if set(roles) <= set(one.roles) and one.kind == "member"]
    return min(fitting, key=lambda one: len(one.roles)).title


def codes(answers: Sequence[httpx.Response]) -> list[str]:
    """What each refusal is called; `200` and the like for what was none."""
    return [str(answer.json()["code"]) if answer.is_error else str(answer.status_code) for answer in answers]


def certificate(house: House, account_id: str, **different: Any) -> dict[str, Any]:
    """Training that was completed today and is valid for a year."""
    now = house.clock()
    return {
        "account_id": account_id,
        "course": "ALPR operator",
        "version": "1",
        "completed_on": now.date().isoformat(),
        "valid_until": (now + timedelta(days=365)).isoformat(),
        "proof_sha256": "ab" * 32,
        **different,
    }
