from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from policy.purpose.offices import Offices, offices_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Offices]:
    """The offices, once for a module."""
    async with offices_in(tmp_path_factory.mktemp("town") / "var") as standing:
        yield standing
