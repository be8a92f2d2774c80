"""The matter of a session: what its tokens carry, on both databases (clauses A4, A8)."""

import httpx
import pytest
from databases import on_both
from standing import eventually
from unit.accounts.house import PASSWORD, House

from platekeeper_common.matter import Matter

pytestmark = on_both
PENDING = {"purpose": "stolen_vehicle", "matter_type": "criminal", "number_pending": True}


async def carried(here: House, token: str) -> Matter | None:
    return (await here.standing.foundation.verifier.verify(token)).matter


async def refreshed(here: House, token: str) -> dict[str, str]:
    answer = await here.client().post("/v1/session/refresh", json={"refresh_token": token})
    assert answer.status_code == 200, answer.text
    told: dict[str, str] = answer.json()
    return told


@pytest.mark.clause("A4")
@pytest.mark.clause("A8")
async def test_a_refreshed_token_carries_the_matter_as_it_is_now(here: House) -> None:
    boss = await here.staffed()
    await here.hire(boss, "diaz", "investigator")
    begun = (await here.try_login("diaz", PASSWORD)).json()
    chosen = (await here.client(begun["access_token"]).put("/v1/session/matter", json=PENDING)).json()
    matter = await carried(here, chosen["access_token"])
    assert matter is not None
    assert (matter.id, matter.number_pending) == (chosen["matter"]["id"], True)
    second = await refreshed(here, begun["refresh_token"])
    assert await carried(here, second["access_token"]) == matter
    client: httpx.AsyncClient = here.client(second["access_token"])
    supplied = await client.post(f"/v1/matters/{matter.id}/number", json={"matter_number": "26-005812"})
    assert supplied.status_code == 200, supplied.text
    third = await refreshed(here, second["refresh_token"])
    numbered = await carried(here, third["access_token"])
    assert numbered is not None
    assert (numbered.id, numbered.number, numbered.number_pending) == (matter.id, "26-005812", False)
    client = here.client(third["access_token"])
    assert (await client.put("/v1/session/matter", json=PENDING)).json()["matter"]["id"] != matter.id
    assert (await client.delete("/v1/session/matter")).json()["matter"] is None
    assert await carried(here, (await refreshed(here, third["refresh_token"]))["access_token"]) is None
    (record,) = await eventually(lambda: [one for one in here.records("matter.number") if one.object_id == matter.id])
    assert (record.object_type, record.matter_number) == ("matter_session", "26-005812")


@pytest.mark.clause("A3")
async def test_a_machines_account_has_no_other_role(here: House) -> None:
    boss = await here.staffed()
    body = {"username": "feed", "name": "Witness", "title": "Officer", "roles": ["service", "officer"]}
    answer = await boss.post("/v1/accounts", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (422, "role_alone", "A3")
