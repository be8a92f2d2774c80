from collections.abc import Iterator
from pathlib import Path

import pytest
from contracts.bus import brokers
from contracts.bus.harness import HARNESSES, Harness, KafkaHarness


@pytest.fixture(params=sorted(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Each backend in turn, on data of its own."""
    return HARNESSES[request.param](str(tmp_path))


@pytest.fixture(params=sorted(HARNESSES))
def breakable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    """Each backend in turn, for a test with an outage: nobody else uses its engine meanwhile."""
    if request.param != KafkaHarness.name:
        yield HARNESSES[request.param](str(tmp_path))
        return
    with brokers.alone("kafka-breakable") as facts:
        yield KafkaHarness(str(tmp_path), facts)
