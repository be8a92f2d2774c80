from pathlib import Path

import pytest
from contracts.bus.harness import HARNESSES, Harness


@pytest.fixture(params=sorted(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Each backend in turn, on data of its own."""
    return HARNESSES[request.param](str(tmp_path))
