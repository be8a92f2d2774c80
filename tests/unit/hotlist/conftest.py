from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standing import Town, town

from platekeeper_hotlist.room import HotlistSettings
from platekeeper_hotlist.service import SERVICE


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """Hotlist standing, with keep-alives that a test can wait for."""
    async with town(tmp_path / "var", (SERVICE,), own={"hotlist": HotlistSettings(keep_alive=0.1)}) as standing:
        yield standing
