from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.accounts.house import House, house


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    """Accounts standing over a fresh folder."""
    async with house(tmp_path / "var") as standing:
        yield standing
