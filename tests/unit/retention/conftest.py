from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from standing import Town, town

from platekeeper_retention.service import SERVICE


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """The records office standing alone."""
    async with town(tmp_path / "var", (SERVICE,)) as standing:
        yield standing


@pytest.fixture
async def officer(here: Town) -> AsyncIterator[httpx.AsyncClient]:
    """A trained officer's client."""
    async with here.client(here.person("officer")) as client:
        yield client
