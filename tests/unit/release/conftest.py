from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.release.desk import Desk, desk

from platekeeper_access_audit.ledger.service import LEDGER


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Desk]:
    """The release desk of a Pomona agency, its post filled."""
    async with desk(tmp_path / "var") as standing:
        yield standing


@pytest.fixture
async def here_with_ledger(tmp_path: Path) -> AsyncIterator[Desk]:
    """The same, and the ledger."""
    async with desk(tmp_path / "var", beside=(LEDGER,)) as standing:
        yield standing
