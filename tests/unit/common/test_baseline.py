"""The security baseline (G1): looked at when a process starts and again, with a record of each look; drift alarms."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from profiles import DEPARTMENTS
from standing import Town, eventually, town
from unit.retention.office import keep

from platekeeper import metrics
from platekeeper.registry import NAMES, service
from platekeeper_common.baseline import Baseline, database_is_as_declared, open_to_others
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Event
from platekeeper_common.ids import PLATFORM
from platekeeper_common.settings import Settings
from platekeeper_retention.service import SERVICE

pytestmark = pytest.mark.clause("G1")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """The records office standing alone."""
    async with town(tmp_path / "var", (SERVICE,)) as standing:
        yield standing


def baseline(here: Town) -> Baseline:
    """The part that looks."""
    (found,) = [part.part for part in here.standing.parts["retention"] if isinstance(part.part, Baseline)]
    return found


async def looks(here: Town, most: int) -> list[AccessRecorded]:
    """The records of the first looks."""
    found: list[AccessRecorded] = []

    async def keep(event: Event) -> None:
        if isinstance(event, AccessRecorded) and event.action == "baseline.check":
            found.append(event)

    listening = asyncio.create_task(here.standing.foundation.bus.follow(AccessRecorded.topic, keep, lambda: None))
    try:
        await eventually(lambda: len(found) >= most)
    finally:
        listening.cancel()
    return found


async def drift(here: Town) -> str:
    """What the next look finds."""
    await baseline(here).look()
    told = (await looks(here, 1))[-1]
    assert (told.outcome, told.code, told.clause, told.agency_id) == ("failed", "baseline_drift", "G1", PLATFORM)
    return told.object_id or ""


@on_both
async def test_a_look_leaves_a_record(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await baseline(here).look()
        (first, *_) = await looks(here, 1)
        assert (first.outcome, first.object_type, first.object_id) == ("allowed", "baseline", "as it must be")
        assert (first.subject, first.agency_id) == ("service:retention", PLATFORM)
        assert b'platekeeper_baseline_drift{service="retention"} 0.0' in await metrics.text(here.standing)


async def test_a_place_that_is_open_to_others_is_drift(here: Town) -> None:
    keys = here.standing.foundation.settings.var / "keys"
    keys.chmod(0o755)
    assert "files_are_private: keys is open to others (mode 755)" in await drift(here)
    assert b'platekeeper_baseline_drift{service="retention"} 1.0' in await metrics.text(here.standing)
    keys.chmod(0o700)
    await baseline(here).look()
    assert [record.outcome for record in await looks(here, 2)] == ["failed", "allowed"]


def test_the_root_of_a_mounted_volume_is_judged_by_what_lies_in_it(tmp_path: Path) -> None:
    root, kek = tmp_path / "checkpoints", tmp_path / "kek"
    (root / "2026-11-22").mkdir(parents=True)
    (root / "2026-11-22").chmod(0o2700)
    root.chmod(0o2775)
    kek.touch(0o440)
    settings, owner = Settings(var=tmp_path, kek_file=kek), os.getuid()

    def told(user: int) -> list[str]:
        return [drift.what for drift in open_to_others(settings, user)]

    assert told(owner) == ["checkpoints is open to others (mode 2775); chmod go= it"]
    assert told(owner + 1) == []
    (root / "2026-11-22").chmod(0o2770)
    assert told(owner + 1) == ["checkpoints/2026-11-22 is open to others (mode 2770); chmod go= it"]
    root.chmod(0o2777)
    assert told(owner + 1)[0] == (
        f"anyone may write in checkpoints (mode 2777); its owner, user {owner}, must close it"
    )
    kek.chmod(0o444)
    assert told(owner + 1)[-1] == "kek is open to others (mode 444); chmod go= it"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "0.0.0.0"}, "PLATEKEEPER_TRUSTED_PROXIES names no gateway"),  # noqa: S104 - what must be found
        ({"backup_hours": 24}, "no backup was ever made"),
        ({"metrics_host": "0.0.0.0"}, "/metrics is open to others on 0.0.0.0"),  # noqa: S104
        ({"log_level": "debug"}, "PLATEKEEPER_LOG_LEVEL is debug"),
    ],
)
async def test_settings_that_open_a_way_are_drift(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    async with town(tmp_path / "var", (SERVICE,), **settings) as here:
        assert said in await drift(here)


async def test_what_the_network_should_have_shut_off_is_drift(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        closed = f"127.0.0.1:9, 127.0.0.1:{port}"
        async with town(tmp_path / "var", (SERVICE,), baseline_closed=closed) as here:
            said = await drift(here)
    assert said == f"nobody_else_answers: 127.0.0.1:{port} can be reached from here, and must not be"


@pytest.mark.parametrize("department", DEPARTMENTS)
async def test_a_picture_that_lies_open_is_drift(here: Town, department: str) -> None:
    await here.open_agency(profile=department)
    await keep(here, b"\x89PNG\r\n\x1a\n the street", "image", "image/png")
    await baseline(here).look()
    (place,) = (here.standing.foundation.settings.var / "objects").glob("*/*/image/*")
    place.write_bytes(b"\x89PNG\r\n\x1a\n the street")
    await baseline(here).look()
    told = await looks(here, 2)
    assert [one.object_id for one in told] == ["as it must be", "pictures_lie_sealed: an object of pomona-pd lies open"]


async def test_a_live_agency_without_a_backup_is_drift(here: Town) -> None:
    await here.open_agency(mode="live")
    assert await drift(here) == "backups_are_made: no backup was ever made from here"
    told = here.standing.foundation.settings.var / "backup.json"
    for days, found in ((7, "as it must be"), (8, "backups_are_made: the last was made 192 hours ago")):
        told.write_text(json.dumps({"made_at": (here.clock() - timedelta(days=days)).isoformat()}))
        await baseline(here).look()
        assert [one.object_id for one in await looks(here, days - 5)][-1] == found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_no_service_drifts_by_its_own_declaration(tmp_path: Path, name: str) -> None:
    async with town(tmp_path / "var", (service(name),)) as here:
        assert await database_is_as_declared(here.standing.rooms[name], service(name)) == []


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_role_that_may_more_or_less_than_is_declared_is_drift(here: Town) -> None:
    await here.run_sql("retention", "GRANT DELETE ON retention.canvass TO retention")
    assert "may also DELETE on retention.canvass" in await drift(here)
