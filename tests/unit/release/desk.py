"""The release desk with its neighbours, and its people: who enters requests, who decides, who asks for more."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from standing import TestClock, eventually
from unit.accounts.house import House, certificate, house
from unit.retention.office import START, a_read

from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common import access
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.events.recognition import PlateRead, PlatesRead
from platekeeper_common.ids import AgencyId
from platekeeper_common.service import Service
from platekeeper_common.settings import ServiceSettings
from platekeeper_release.service import SERVICE as RELEASE
from platekeeper_retention.service import SERVICE as RETENTION

SERVICES = (ACCOUNTS, RETENTION, RELEASE)
USE = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-004711"}
PLATE, OTHER_PLATE = "8ABC123", "7XYZ987"
WITH_REQUESTS = ("pomona", "galt", "la-port")
"""Departments that receive written requests (I6)."""
WINDOW = {"from": START.isoformat(), "to": (START + timedelta(hours=1)).isoformat()}
ONTARIO = {
    "name": "Ontario Police Department",
    "ori": "CA0360700",
    "kind": "law_enforcement",
    "state": "CA",
    "level": "local",
    "public_agency": True,
    "legal_basis": "Civil Code 1798.90.55(b)",
}


@dataclass
class Desk:
    """The services standing, an agency in them, and its people's clients."""

    house: House
    agency_id: AgencyId
    boss: httpx.AsyncClient
    """Administrator, and holder of the post of that name."""
    clerk: httpx.AsyncClient
    """An investigator, who enters requests."""
    people: dict[str, str]
    """Account ids by username."""
    recipient: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)

    @property
    def clock(self) -> TestClock:
        return self.house.clock

    def request(self, **different: Any) -> dict[str, Any]:
        """A whole request for one plate in an hour."""
        return {
            **USE,
            "agency": {"recipient_id": self.recipient, "name": "Ontario PD"},
            "person": {"name": "Det. Maria Lopez", "title": "Detective", "contact": "909-555-0100"},
            "intended_purpose": "Homicide investigation 26-5520",
            "scope": {"plates": [PLATE], **WINDOW},
            **different,
        }

    async def receive(self, **different: Any) -> dict[str, Any]:
        return dict(good(await self.clerk.post("/v1/release-requests", json=self.request(**different))))

    def approval(self, **different: Any) -> dict[str, Any]:
        return {"outcome": "approved", "expires_at": (self.clock() + timedelta(days=7)).isoformat(), **different}

    async def decide(self, request_id: str, **different: Any) -> httpx.Response:
        body = self.approval(**different)
        return await self.boss.post(f"/v1/release-requests/{request_id}/decision", json=body)

    async def fulfil(self, request_id: str) -> httpx.Response:
        return await self.clerk.post(f"/v1/release-requests/{request_id}/fulfilment")

    async def approved(self, **different: Any) -> str:
        """The id of a request that is approved as it was asked for."""
        request_id = str((await self.receive(**different))["id"])
        good(await self.decide(request_id))
        return request_id

    async def package(self, request_id: str) -> bytes:
        answer = await self.clerk.get(f"/v1/release-requests/{request_id}/package")
        assert answer.status_code == 200, answer.text
        return answer.content

    async def store(self, *reads: PlateRead) -> None:
        """Put reads into the records office."""
        bus = self.house.standing.foundation.bus
        event = PlatesRead(agency_id=self.agency_id, camera_id=reads[0].camera_id, reads=reads)
        await bus.publish([event], source="recognition")

        async def stored() -> bool:
            return await bus.backlog("retention", PlatesRead.topic) == 0

        await eventually(stored)

    async def photographed(self, number: int, **facts: Any) -> PlateRead:
        """A read with an image and a crop, which are kept."""
        read = a_read(number, agency_id=self.agency_id, **facts)
        image, crop = await self._kept(read.id, "image"), await self._kept(read.id, "crop")
        return msgspec.structs.replace(read, image=image, crop=crop)

    async def _kept(self, read_id: str, kind: Any) -> ImageReference:
        data = f"{kind} of {read_id}".encode()
        self.pictures[f"{kind}s/{read_id}.jpg"] = data
        put = self.house.standing.foundation.objects.put
        return await put(
            data,
            agency_id=self.agency_id,
            received_on=date(2026, 11, 22),
            kind=kind,
            name=read_id,
            media_type="image/jpeg",
        )

    async def records(self, action: str, outcome: str = "allowed", most: int = 1) -> list[AccessRecorded]:
        """The records of an action once at least `most` are there."""
        return list(await eventually(lambda: self._enough(action, outcome, most)))

    def _enough(self, action: str, outcome: str, most: int) -> list[AccessRecorded]:
        found = self.house.records(action, outcome)
        return found if len(found) >= most else []

    async def elements(self, record: AccessRecorded) -> dict[str, Any]:
        """The query elements of a record."""
        assert record.query is not None
        opened = await access.unseal(self.house.standing.foundation.keys, record.id, record.query)
        return dict(json.loads(opened))

    async def actor_secret(self) -> str:
        return (await self.house.standing.foundation.keys.key("service/release")).hex()


@asynccontextmanager
async def desk(
    folder: Path,
    profile: str = "pomona",
    own: Mapping[str, ServiceSettings] | None = None,
    *,
    post: bool = True,
    beside: Sequence[Service] = (),
    **more: Any,
) -> AsyncIterator[Desk]:
    """The desk of an agency that follows the profile; `post`: whether its approving post is filled.

    `beside` stands besides the desk and its neighbours.
    """
    async with house(folder, services=(*SERVICES, *beside), own=own, **({"peer_seconds": 30} | more)) as here:
        boss = await here.staffed(profile=profile)
        people = {"boss": account_id(boss)}
        for username, role in (("clerk", "investigator"), ("sergeant", "trainer")):
            people[username] = await here.hire(boss, username, role)
        owner = "training_owner" if profile not in ("corona", "downey") else "administrator"
        await _fill(boss, owner, people["sergeant"])
        sergeant = await here.login("sergeant")
        for username in ("boss", "clerk"):
            good(await sergeant.post("/v1/training-certificates", json=certificate(here, people[username])))
        if post:
            await _fill(sergeant if owner == "administrator" else boss, "administrator", people["boss"])
        agency_id = AgencyId("pomona-pd")
        made = Desk(here, agency_id, await here.login("boss"), await here.login("clerk"), people)
        made.recipient = good(await made.boss.post("/v1/recipients", json=ONTARIO))["id"]
        yield made


async def _fill(boss: httpx.AsyncClient, post: str, account: str | None) -> None:
    good(await boss.put(f"/v1/posts/{post}", json={"account_id": account}))


def account_id(client: httpx.AsyncClient) -> str:
    """Whose client it is."""
    return str(claims(token(client))["sub"])


def token(client: httpx.AsyncClient) -> str:
    """The token of a client."""
    return client.headers["authorization"].partition(" ")[2]


def claims(text: str) -> dict[str, Any]:
    """What a token says, unverified."""
    body = text.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def good(answer: httpx.Response) -> Any:
    """The body of an answer that is no refusal."""
    assert answer.is_success, answer.text
    return answer.json()


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and clause of a refusal."""
    body = answer.json()
    return answer.status_code, str(body.get("code")), body.get("clause")


def unzipped(data: bytes) -> dict[str, bytes]:
    """The files of a package."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
