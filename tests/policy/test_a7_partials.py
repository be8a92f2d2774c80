"""A7: a partial plate of a major incident is entered on a hot list, or somebody says why not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from profiles import DEPARTMENTS
from standing import Town, town

from platekeeper_common.ids import AgencyId
from platekeeper_hotlist.service import SERVICE

HARBOR = AgencyId("harbor")
USE = {"purpose": "suspect_interdiction", "matter_type": "criminal", "matter_number": "26-004711"}
SEEN = {**USE, "incident": "26-004711", "incident_type": "homicide", "plate": "7a?c*"}
pytestmark = pytest.mark.clause("A7")


@pytest.fixture(params=DEPARTMENTS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """Hotlist of an agency on each department's profile."""
    async with town(tmp_path / "var", (SERVICE,)) as standing:
        await standing.open_agency(HARBOR, request.param)
        yield standing


@pytest.fixture
async def iris(here: Town) -> AsyncIterator[httpx.AsyncClient]:
    """An investigator."""
    async with here.client(here.person("iris", "investigator", agency_id=HARBOR)) as client:
        yield client


async def reported(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/reported-partials", json=SEEN | more)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def due(client: httpx.AsyncClient) -> list[str]:
    answer = await client.get("/v1/reported-partials", params={**USE, "due": "true"})
    assert answer.status_code == 200, answer.text
    return [one["plate"] for one in answer.json()["partials"]]


async def test_it_prompts_until_it_is_entered(here: Town, iris: httpx.AsyncClient) -> None:
    document = await reported(iris)
    assert (document["plate"], document["state"], document["major"]) == ("7A?C*", "due", True)
    assert document["prompt"] == "enter this partial plate of 26-004711 on a hot list, or say why it is not entered"
    assert await due(iris) == ["7A?C*"]
    opened = await iris.post("/v1/hotlists", json={**USE, "name": "Partials", "source": "dept"})
    entry = {**USE, "plate": "7A?C*", "category": "felony", "reason": "Seen leaving", "incident": "26-004711"}
    listed = await iris.post(f"/v1/hotlists/{opened.json()['id']}/entries", json=entry)
    assert listed.status_code == 201, listed.text
    assert await due(iris) == []
    shown = (await iris.get("/v1/reported-partials", params={**USE, "incident": "26-004711"})).json()["partials"]
    assert [(one["state"], one["entry_id"], one["prompt"]) for one in shown] == [("entered", listed.json()["id"], None)]


async def test_that_it_is_not_entered_needs_a_reason(iris: httpx.AsyncClient) -> None:
    place = f"/v1/reported-partials/{(await reported(iris))['id']}/not-entered"
    for why in ("", "no need"):
        refused = await iris.post(place, json={**USE, "why": why})
        assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (422, "reason_required", "A7")
    settled = await iris.post(place, json={**USE, "why": "The witness withdrew what she had seen"})
    assert (settled.status_code, settled.json()["state"]) == (200, "not_entered")
    assert await due(iris) == []
    assert (await iris.post(place, json={**USE, "why": "Said once more, for no reason"})).status_code == 409


async def test_other_incidents_do_not_prompt(iris: httpx.AsyncClient) -> None:
    document = await reported(iris, incident_type="burglary")
    assert (document["state"], document["prompt"]) == ("optional", None)
    assert await due(iris) == []


@pytest.mark.parametrize(
    ("lacks", "code"),
    [
        ({"incident": ""}, "incident_required"),
        ({"incident_type": "gossip"}, "incident_type_unknown"),
        ({"plate": "7ABC123"}, "pattern_complete"),
        ({"plate": "??*"}, "pattern_invalid"),
    ],
)
async def test_what_no_incident_or_no_partial_plate_is_is_refused(
    lacks: dict[str, str], code: str, iris: httpx.AsyncClient
) -> None:
    answer = await iris.post("/v1/reported-partials", json=SEEN | lacks)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("department", ["pomona"])
@on_both
async def test_each_is_reported_once_and_stays_with_its_agency(tmp_path: Path, department: str) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await here.open_agency(HARBOR, department)
        own, stranger = here.person("iris", "investigator", agency_id=HARBOR), here.person("eve", "investigator")
        async with here.client(own) as iris, here.client(stranger) as eve:
            document = await reported(iris)
            again = await iris.post("/v1/reported-partials", json=SEEN)
            assert (again.status_code, again.json()["code"]) == (409, "partial_reported")
            assert await due(eve) == []
            theirs = await eve.post(
                f"/v1/reported-partials/{document['id']}/not-entered", json={**USE, "why": "None of my business"}
            )
            assert (theirs.status_code, theirs.json()["code"]) == (404, "partial_unknown")
