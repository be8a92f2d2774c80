from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import places
import pytest
from places import Outage, Place
from standing import TestClock, Town, town
from unit.common.kiosk.service import KIOSK, Kiosk
from unit.common.tokens import KEY, Issuer

from platekeeper_common.auth import Verifier
from platekeeper_common.settings import ServiceSettings


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """The kiosk standing, with room for a thousand bytes a body."""
    async with town(tmp_path / "var", (KIOSK,), own={"kiosk": ServiceSettings(body_limit=1_000)}) as here:
        yield here


@pytest.fixture
def kiosk(here: Town) -> Kiosk:
    room = here.standing.rooms["kiosk"]
    assert isinstance(room, Kiosk)
    return room


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each test of a store runs on both kinds."""
    return Place(tmp_path / "place") if request.param == "folder" else places.bucket(monkeypatch)


@pytest.fixture
def outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    """A bucket of a server that the test may stop."""
    there = places.outage(monkeypatch, tmp_path / "s3")
    yield there
    there.away()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(KEY)


@pytest.fixture
def verifier(issuer: Issuer, clock: TestClock) -> Verifier:
    return Verifier(issuer, issuer="platekeeper", audience="platekeeper", clock=clock)
