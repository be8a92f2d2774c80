"""What the policy says of copies holds on the bus that every process opens (clause F1)."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from profiles import FOLDER, SECTIONS
from standing import POLICIES, town
from unit.retention.office import a_read, publish

from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.policy import load_folder
from platekeeper_common.shared_policy import longest_on_bus
from platekeeper_retention.service import SERVICE


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """The profiles, of which one lets reads lie on the bus for a day only."""
    folder = shutil.copytree(FOLDER, tmp_path / "policies")
    galt = folder / "galt.toml"
    galt.write_text(galt.read_text().replace('bus = "7 days"', 'bus = "1 day"'))
    return folder


def test_the_strictest_profile_counts(stricter: Path) -> None:
    assert longest_on_bus(load_folder(POLICIES, SECTIONS).values()) == timedelta(days=7)
    assert longest_on_bus(load_folder(stricter, SECTIONS).values()) == timedelta(days=1)


@pytest.mark.clause("F1", "galt")
async def test_the_bus_keeps_no_read_for_longer_than_the_policy_allows(tmp_path: Path, stricter: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,), policies=stricter) as here:
        bus = here.standing.foundation.bus
        await publish(here, a_read(1))
        here.clock.advance(hours=23)
        assert await bus.prune() == 0
        here.clock.advance(hours=2)
        assert await bus.prune() >= 1
        assert await bus.backlog("late", PlatesRead.topic) == 0
