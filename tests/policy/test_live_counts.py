"""Nothing that anybody can get moves when a car drives by: the public door tells no live count of anybody (H2)."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from policy.test_nothing_personal_in_public import public_doors, spelt
from standing import Town, town
from unit.hotlist.scene import handled, list_plate, open_list
from unit.retention.office import a_read, store

from platekeeper import pages
from platekeeper.registry import SERVICES
from platekeeper_retention.service import SERVICE as RETENTION

TOLD = {
    "devices",
    "cameras",
    "lists",
    "agencies",
    "vacant_posts",
    "producers_with_gaps",
    "lag_seconds",
    "unwitnessed_seconds",
    "alarms",
    "policies",
    "not_posted",
}
"""What the platform is made of and how it stands: nobody's plate, search or account is among it."""
GATEWAY: dict[str, Any] = {"trusted_proxies": "127.0.0.1"}


@pytest.fixture
async def behind_a_gateway(tmp_path: Path) -> AsyncIterator[Town]:
    """Every service and the start page, as a gateway passes strangers on to them."""
    async with town(tmp_path / "var", SERVICES, rest=pages.build(SERVICES), peer_seconds=30, **GATEWAY) as standing:
        yield standing


async def told(anybody: httpx.AsyncClient, here: Town) -> dict[str, str]:
    """What each public door answers, by door; a page says when it was made, by a clock that stands still here."""
    found = {}
    for method, path in [*public_doors(here), ("GET", "/"), ("GET", "/login")]:
        for door in spelt(path):
            answer = await anybody.request(method, door, json={} if method == "POST" else None)
            found[f"{method} {door}"] = re.sub(r'"(challenge|challenge_id)": ?"[^"]*"', "", answer.text)
    return found


@pytest.mark.clause("H2")
async def test_a_wanted_car_that_drives_by_moves_nothing_in_public(behind_a_gateway: Town) -> None:
    here = behind_a_gateway
    person = here.person("quentin", "investigator")
    listed = await open_list(here, person)
    await list_plate(here, person, listed, "7KXQ042")
    async with here.client() as anybody:
        before = await told(anybody, here)
        await store(here, a_read(1, plate="7KXQ042"))
        await handled(here)
        async with here.client(person) as asking:
            assert len((await asking.get("/v1/hits", params=USE)).json()["hits"]) == 1
            assert (await asking.post("/v1/searches", json=USE | {"plate": "7KXQ042"})).status_code == 201
        after = await told(anybody, here)
    moved = {door: (before[door], after[door]) for door in before if before[door] != after[door]}
    assert moved == {}


USE = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-009911"}


@pytest.mark.clause("H2")
async def test_the_public_door_counts_what_the_platform_is_made_of_and_nothing_else(behind_a_gateway: Town) -> None:
    here = behind_a_gateway
    async with here.client() as anybody:
        counts = [
            (await anybody.get(f"/health/{service.name}", headers=headers)).json()["counts"]
            for service in SERVICES
            for headers in ({}, {"X-Forwarded-For": "203.0.113.7"})
        ]
        page = (await anybody.get("/", headers={"Accept": "application/json"})).json()
    counts += [service["counts"] for service in page]
    assert {name for one in counts for name in one} == TOLD


@pytest.mark.clause("H2")
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "203.0.113.7"}, {"Via": "1.1 proxy"}])
async def test_on_this_machine_alone_every_count_is_told(tmp_path: Path, headers: dict[str, str]) -> None:
    """`make run` shows its owner all; a proxy that passes a stranger on to it gets what the public gets."""
    services = (RETENTION,)
    async with town(tmp_path / "var", services, rest=pages.build(services)) as here, here.client() as anybody:
        health: Any = (await anybody.get("/health/retention", headers=headers)).json()
        page: Any = (await anybody.get("/", headers={"Accept": "application/json"} | headers)).json()
    (shown,) = [service["counts"] for service in page if service["name"] == "retention"]
    assert (health["counts"], shown) == (({}, {}) if headers else ({"reads_stored": 0}, {"reads_stored": 0}))
