"""Training certificates: who issues them, and what a token says of them."""

from datetime import timedelta

import pytest
from databases import on_both
from unit.accounts.house import House, certificate, codes

from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Refused

pytestmark = on_both


async def _caller(here: House, username: str) -> Caller:
    """What a fresh token of that person says."""
    token = (await here.try_login(username)).json()["access_token"]
    return await here.standing.foundation.verifier.verify(token)


def _may_search(caller: Caller) -> str:
    try:
        decide(caller, Action.SEARCH)
    except Refused as error:
        return f"{error.code} {error.clause}"
    return "yes"


@pytest.mark.clause("C1")
@pytest.mark.clause("C2")
async def test_training_opens_plate_data_from_the_next_sign_on(here: House) -> None:
    boss = await here.staffed()
    sergeant = await here.hire(boss, "sergeant", "trainer")
    officer = await here.hire(boss, "rivera")
    await boss.put("/v1/posts/training_owner", json={"account_id": sergeant})
    before = await _caller(here, "rivera")
    trainer = await here.login("sergeant")
    answer = await trainer.post("/v1/training-certificates", json=certificate(here, officer))
    assert answer.status_code == 201
    assert (answer.json()["certified_by"], answer.json()["account_id"]) == (sergeant, officer)
    after = await _caller(here, "rivera")
    assert after.training_until == here.clock() + timedelta(days=365)
    assert (_may_search(before), _may_search(after)) == ("training_missing C2", "yes")
    people = {person["username"]: person for person in (await boss.get("/v1/accounts")).json()}
    assert people["rivera"]["training_until"] is not None
    assert people["sergeant"]["training_until"] is None


@pytest.mark.clause("C2")
async def test_lapsed_training_binds_at_the_next_sign_on_and_not_before(here: House) -> None:
    boss = await here.staffed()
    sergeant = await here.hire(boss, "sergeant", "trainer")
    officer = await here.hire(boss, "rivera")
    await boss.put("/v1/posts/training_owner", json={"account_id": sergeant})
    soon = (here.clock() + timedelta(minutes=5)).isoformat()
    yesterday = (here.clock() - timedelta(days=1)).date().isoformat()
    short = certificate(here, officer, completed_on=yesterday, valid_until=soon)
    assert (await (await here.login("sergeant")).post("/v1/training-certificates", json=short)).status_code == 201
    token = (await here.try_login("rivera")).json()["access_token"]
    here.clock.advance(minutes=9)
    in_pursuit = await here.standing.foundation.verifier.verify(token)
    assert _may_search(in_pursuit) == "yes"
    assert _may_search(await _caller(here, "rivera")) == "training_missing C2"
    renewed = await (await here.login("sergeant")).post("/v1/training-certificates", json=certificate(here, officer))
    assert renewed.status_code == 201
    assert _may_search(await _caller(here, "rivera")) == "yes"


@pytest.mark.clause("C3", "pomona", "galt", "la-port")
@pytest.mark.parametrize("profile", ["pomona", "galt", "la-port"])
async def test_only_the_training_owner_in_office_certifies_and_never_the_own(here: House, profile: str) -> None:
    boss = await here.staffed(profile=profile)
    sergeant = await here.hire(boss, "sergeant", "trainer")
    other = await here.hire(boss, "other", "trainer")
    officer = await here.hire(boss, "rivera")
    path, trainer = "/v1/training-certificates", await here.login("sergeant")
    assert codes([await trainer.post(path, json=certificate(here, officer))]) == ["not_training_owner"]
    await boss.put("/v1/posts/training_owner", json={"account_id": sergeant})
    tries = [
        await trainer.post(path, json=certificate(here, sergeant)),
        await (await here.login("other")).post(path, json=certificate(here, officer)),
        await boss.post(path, json=certificate(here, officer)),
        await (await here.login("rivera")).post(path, json=certificate(here, officer)),
        await trainer.post(path, json=certificate(here, officer)),
    ]
    assert codes(tries) == ["self_certification", "not_training_owner", "not_training_owner", "not_allowed", "201"]
    assert [answer.json().get("clause") for answer in tries[:3]] == ["C3"] * 3
    await boss.put("/v1/posts/training_owner", json={"account_id": other})
    assert codes([await trainer.post(path, json=certificate(here, officer))]) == ["not_training_owner"]


@pytest.mark.clause("C3")
@pytest.mark.parametrize("profile", ["corona", "downey"])
async def test_where_the_manual_names_no_training_owner_the_administrator_certifies(here: House, profile: str) -> None:
    boss = await here.staffed(profile=profile)
    officer = await here.hire(boss, "rivera")
    await here.hire(boss, "sergeant", "trainer")
    assert codes([await boss.put("/v1/posts/training_owner", json={"account_id": officer})]) == ["post_unknown"]
    boss_id = (await here.try_login("boss")).json()["account_id"]
    path = "/v1/training-certificates"
    other = await here.login("rivera")
    assert codes([await other.post(path, json=certificate(here, boss_id))]) == ["not_allowed"]
    await boss.put("/v1/posts/administrator", json={"account_id": boss_id})
    tries = [
        await boss.post(path, json=certificate(here, boss_id)),
        await (await here.login("sergeant")).post(path, json=certificate(here, officer)),
        await boss.post(path, json=certificate(here, officer)),
    ]
    assert codes(tries) == ["self_certification", "not_training_owner", "201"]


async def test_a_certificate_must_be_of_completed_training_of_somebody_here(here: House) -> None:
    boss = await here.staffed()
    sergeant = await here.hire(boss, "sergeant", "trainer")
    officer = await here.hire(boss, "rivera")
    leaver = await here.hire(boss, "leaver")
    await boss.post(f"/v1/accounts/{leaver}/disable")
    await boss.put("/v1/posts/training_owner", json={"account_id": sergeant})
    trainer, today = await here.login("sergeant"), here.clock()
    wrong = (
        {"completed_on": (today + timedelta(days=1)).date().isoformat()},
        {"valid_until": today.isoformat()},
        {"valid_until": "2027-11-22T00:00:00"},
        {"valid_until": "9999-12-31T23:59:59-23:59"},
        {"proof_sha256": "none"},
        {"account_id": leaver},
        {"account_id": "somebody"},
    )
    bodies = [certificate(here, officer) | different for different in wrong]
    assert codes([await trainer.post("/v1/training-certificates", json=body) for body in bodies]) == [
        "training_not_completed",
        "training_dates_wrong",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "account_disabled",
        "account_unknown",
    ]
