from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.release.desk import Desk, desk


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Desk]:
    """The release desk of a Pomona agency, its post filled."""
    async with desk(tmp_path / "var") as standing:
        yield standing
