from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.ingest.station import Station, station


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Station]:
    """A station with a gateway and a patrol car."""
    async with station(tmp_path / "var") as opened:
        yield opened
