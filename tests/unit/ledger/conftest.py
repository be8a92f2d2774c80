from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standing import Town, town

from platekeeper_access_audit.ledger.service import LEDGER


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """The ledger standing."""
    async with town(tmp_path / "var", (LEDGER,)) as here:
        yield here
