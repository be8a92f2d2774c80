from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from databases import Engine
from standing import Town, town
from unit.common.kiosk.service import KIOSK, Kiosk

from platekeeper_common.settings import ServiceSettings


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Town]:
    """The kiosk standing, with room for a thousand bytes a body."""
    own = {"kiosk": ServiceSettings(body_limit=1_000)}
    async with town(tmp_path / "var", (KIOSK,), own=own, engine=engine) as here:
        yield here


@pytest.fixture
def kiosk(here: Town) -> Kiosk:
    room = here.standing.rooms["kiosk"]
    assert isinstance(room, Kiosk)
    return room
