from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from policy.signing_on.station import Station, manned, signing_on
from unit.accounts.house import House


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    """Accounts and hot lists over a fresh folder."""
    async with signing_on(tmp_path / "var") as standing:
        yield standing


@pytest.fixture
async def station(here: House) -> Station:
    """The agency's people."""
    return await manned(here)
