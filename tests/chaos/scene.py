"""What a campaign needs before it begins: an agency with its people, cameras kilometres apart, and a hot list."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from precinct import CRIMINAL, open_precinct

from chaos.stack import Stack
from platekeeper import client
from platekeeper.client import ApiError, Session
from platekeeper.demo import street

CAMERAS = 7
APART = 0.02
"""Degrees of latitude between two cameras: more than two kilometres, where sightings lie within 300 m."""
CALL_SECONDS = 20.0
LISTED_SAMPLES = 2
"""So many of the sample frames show a listed plate."""
PLAIN_LETTERS, PLAIN_DIGITS = "ACEFHJKLMNPRTUVWXY", "3479"
"""Characters that nothing is mistaken for."""

BACKGROUND = "K"
"""How plates begin that nobody looks for."""
LISTED = "LCV"
"""How the plates on the list end, and no other."""


@dataclass
class Scene:
    """Sessions of those who take part, each renewed when its token ends."""

    http: httpx.AsyncClient
    agency_id: str
    administrator: Session
    officer: Session
    device_id: str
    secret: str
    cameras: list[str]
    live_plates: list[str]
    late_plates: list[str]

    def device(self) -> Session:
        """A session of the gateway that posts."""
        return client.device(self.http, self.device_id, self.secret)


def background_plates() -> Iterator[str]:
    """Plates that no list means, none twice."""
    letters, digits = PLAIN_LETTERS, PLAIN_DIGITS
    words = itertools.product(BACKGROUND, letters, letters, digits, digits, letters, digits)
    return ("".join(word) for word in words)


def listed_plates(first: str, count: int) -> list[str]:
    """So many plates that begin with `first`, of no two of which one could be taken for the other."""
    words = itertools.product(first, PLAIN_LETTERS, PLAIN_LETTERS, PLAIN_DIGITS)
    return ["".join(word) + LISTED for word in itertools.islice(words, count)]


@asynccontextmanager
async def connect(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway that trusts its authority."""
    there = stack.state
    trust = ssl.create_default_context(cafile=there.authority)
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
    async with httpx.AsyncClient(
        base_url=there.door, verify=trust, timeout=CALL_SECONDS, trust_env=False, limits=limits
    ) as http:
        yield http


async def set_up(stack: Stack, http: httpx.AsyncClient, listed: int) -> Scene:
    """Open the agency; list `listed` plates to be seen live, as many to be handed in late, and the sample plates."""
    precinct = await open_precinct(http, stack.one_time_password)
    boss = precinct.administrator
    registered = await boss.post(
        "/v1/devices",
        {
            "name": "Campaign",
            "kind": "gateway",
            "cameras": [
                {
                    "name": f"Camera {number}",
                    "kind": "fixed",
                    "position": {"latitude": 34.0 + APART * number, "longitude": -117.75},
                }
                for number in range(CAMERAS)
            ],
        },
    )
    scene = Scene(
        http=http,
        agency_id=precinct.agency_id,
        administrator=boss,
        officer=precinct.officer,
        device_id=registered["id"],
        secret=registered["secret"],
        cameras=[camera["id"] for camera in registered["cameras"]],
        live_plates=listed_plates("7", listed),
        late_plates=listed_plates("9", listed),
    )
    await soon(scene.device().log_in)
    hot = await boss.post("/v1/hotlists", {"name": "Campaign", "source": "dept", **CRIMINAL})
    plates = [*scene.live_plates, *scene.late_plates, *(one.plate for one in street.samples()[:LISTED_SAMPLES])]
    for plate in plates:
        entry = {"plate": plate, "category": "stolen_vehicle", "reason": "Drawn by lot", **CRIMINAL}
        await soon(lambda entry=entry: boss.post(f"/v1/hotlists/{hot['id']}/entries", entry))  # type: ignore[misc]
    return scene


async def soon(act: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """What `act` answers, once its neighbours have heard of what is new."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await act()
            except ApiError as error:
                if error.code not in {"agency_unknown", "device_unknown", "unavailable"}:
                    raise
                await asyncio.sleep(0.1)
