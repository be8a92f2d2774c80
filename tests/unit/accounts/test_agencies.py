"""Agencies, their accounts and posts: who opens what, and what every process hears of it."""

from pathlib import Path

import pytest
from databases import on_both
from standing import eventually
from unit.accounts.house import PASSWORD, POMONA, House, codes, house

from platekeeper_access_audit.accounts import storage
from platekeeper_common.ids import AgencyId
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR

pytestmark = on_both
COMMANDER = "Administrative Services Division Commander"


def _body(username: str, *roles: str, **more: str) -> dict[str, object]:
    title = COMMANDER if "administrator" in roles else "Officer"
    return {"username": username, "name": username.title(), "title": title, "roles": roles or ("officer",), **more}


async def test_an_agency_opens_in_test_and_every_process_hears_of_it(here: House) -> None:
    answer = await here.open_agency()
    assert answer.json() == POMONA | {"synthetic": False, "mode": "test"}
    (said,) = await eventually(here.changes)
    assert (said.agency_id, said.ori, said.mode, said.synthetic) == ("pomona-pd", "CA0195300", "test", False)
    assert said.policy_version.startswith("pomona-")
    (record,) = await eventually(lambda: here.records("agency.open"))
    assert (record.username, record.object_id, record.agency_id) == ("admin", "pomona-pd", "platform")


@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"id": "Pomona"}, "invalid_request"),
        ({"id": "-x-"}, "invalid_request"),
        ({"id": "platform"}, "agency_exists"),
        ({"ori": "CA01953"}, "invalid_request"),
        ({"time_zone": "Pacific"}, "time_zone_unknown"),
        ({"time_zone": "../../etc/passwd"}, "time_zone_unknown"),
        ({"profile": "atlantis"}, "profile_unknown"),
        ({"colour": "blue"}, "invalid_request"),
    ],
)
async def test_an_agency_that_makes_no_sense_is_refused(here: House, different: dict[str, str], code: str) -> None:
    assert codes([await here.open_agency(**different)]) == [code]


async def test_only_the_platform_opens_agencies_and_a_name_is_taken_once(here: House) -> None:
    boss = await here.staffed()
    assert codes([await here.open_agency(), await boss.post("/v1/agencies", json=POMONA | {"id": "other"})]) == [
        "agency_exists",
        "not_allowed",
    ]
    await here.open_agency(id="galt-pd", profile="galt")
    seen = [
        [agency["id"] for agency in (await who.get("/v1/agencies")).json()] for who in (boss, await here.platform())
    ]
    assert seen == [["pomona-pd"], ["galt-pd", "pomona-pd"]]


async def test_no_agency_goes_live_while_a_demonstration_is_left(here: House) -> None:
    await here.open_agency()
    boss = await here.staffed(id="demonstration", synthetic=True)
    await here.hire(boss, "invented")
    platform = await here.platform()
    tries = [await platform.post(f"/v1/agencies/{name}/go-live") for name in ("pomona-pd", "demonstration", "nowhere")]
    assert codes(tries) == ["demonstration_present", "agency_synthetic", "agency_unknown"]
    assert [answer.status_code for answer in tries] == [409, 409, 404]
    here.clock.advance(seconds=1)
    assert (await platform.post("/v1/agencies/demonstration/close")).json()["mode"] == "closed"
    await here.until_revoked("demonstration/*")
    assert codes([await boss.get("/v1/accounts"), await here.try_login("invented"), await here.try_login("boss")]) == [
        "token_revoked",
        "credentials_wrong",
        "credentials_wrong",
    ]
    assert (await platform.post("/v1/agencies/pomona-pd/go-live")).json()["mode"] == "live"
    assert codes(
        [
            await platform.post("/v1/agencies/pomona-pd/go-live"),
            await platform.post("/v1/agencies/demonstration/go-live"),
            await here.open_agency(id="second-demonstration", synthetic=True),
        ]
    ) == ["agency_not_in_test", "agency_not_in_test", "live_agency_present"]
    await eventually(lambda: [said.mode for said in here.changes()] == ["test", "test", "closed", "live"])


async def test_the_people_of_a_closed_demonstration_can_be_invented_again(here: House) -> None:
    await here.staffed(id="demonstration-1", synthetic=True)
    await (await here.platform()).post("/v1/agencies/demonstration-1/close")
    boss = await here.staffed(id="demonstration-2", synthetic=True)
    assert [agency["id"] for agency in (await boss.get("/v1/agencies")).json()] == ["demonstration-2"]


async def test_a_real_agency_that_closes_keeps_its_accounts_disabled(here: House) -> None:
    boss = await here.staffed()
    await here.hire(boss, "rivera")
    platform = await here.platform()
    await platform.post("/v1/agencies/pomona-pd/close")
    await here.until_revoked("pomona-pd/*")
    people = (await platform.get("/v1/accounts", params={"agency_id": "pomona-pd"})).json()
    assert [(person["username"], person["disabled_at"] is not None) for person in people] == [
        ("boss", True),
        ("rivera", True),
    ]
    new = _body("late", "administrator", agency_id="pomona-pd")
    assert codes(
        [
            await here.try_login("rivera"),
            await platform.post("/v1/agencies/pomona-pd/close"),
            await platform.post("/v1/accounts", json=new),
            await platform.put("/v1/posts/administrator", json={"account_id": None, "agency_id": "pomona-pd"}),
        ]
    ) == ["credentials_wrong", "agency_closed", "agency_closed", "agency_closed"]
    assert (await here.client().get("/health/accounts")).json()["counts"]["agencies"] == 0


@pytest.mark.clause("B2")
async def test_the_platform_opens_an_agencys_first_administrator_and_nobody_else(here: House) -> None:
    await here.open_agency()
    platform, own = await here.platform(), {"agency_id": "pomona-pd"}
    tries = [
        await platform.post("/v1/accounts", json=_body("rivera", **own)),
        await platform.post("/v1/accounts", json=_body("rivera", "administrator", "officer", **own)),
        await platform.post("/v1/accounts", json=_body("rivera", "administrator")),
        await platform.post("/v1/accounts", json=_body("boss", "administrator", **own)),
        await platform.post("/v1/accounts", json=_body("second", "administrator", **own)),
    ]
    assert codes(tries) == ["not_administrator", "not_administrator", "agency_required", "201", "not_administrator"]


async def test_an_administrator_manages_the_accounts_of_the_own_agency_alone(here: House) -> None:
    boss = await here.staffed()
    officer = await here.hire(boss, "rivera")
    await here.open_agency(id="galt-pd", profile="galt")
    await here.hire(await here.platform(), "galt-boss", "administrator", agency_id="galt-pd")
    stranger = await here.login("galt-boss")
    other_accounts = [
        await stranger.post(f"/v1/accounts/{officer}/disable"),
        await stranger.post(f"/v1/accounts/{officer}/reset"),
        await stranger.put("/v1/posts/administrator", json={"account_id": officer}),
    ]
    assert codes(other_accounts) == ["account_unknown"] * 3
    other_agencies = [
        await stranger.get("/v1/accounts", params={"agency_id": "pomona-pd"}),
        await stranger.get("/v1/posts", params={"agency_id": "pomona-pd"}),
        await stranger.post("/v1/accounts", json=_body("spy", agency_id="pomona-pd")),
    ]
    assert codes(other_agencies) == ["agency_unknown"] * 3
    refused = await (await here.login("rivera")).post("/v1/accounts", json=_body("friend"))
    assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (403, "not_administrator", "B2")
    assert [person["username"] for person in (await stranger.get("/v1/accounts")).json()] == ["galt-boss"]


async def test_roles_are_those_that_an_agency_gives_and_usernames_are_taken_once(here: House) -> None:
    boss = await here.staffed()
    tries = [
        await boss.post("/v1/accounts", json=body)
        for body in (
            _body("rivera", PLATFORM_ADMINISTRATOR),
            _body("rivera", "officer", "king"),
            _body("admin"),
            _body("Rivera"),
            _body("rivera") | {"roles": []},
        )
    ]
    assert codes(tries) == ["role_unknown", "role_unknown", "username_taken", "invalid_request", "invalid_request"]


async def test_a_disabled_account_loses_tokens_and_posts(here: House) -> None:
    boss = await here.staffed()
    sergeant = await here.hire(boss, "sergeant", "trainer")
    await boss.put("/v1/posts/training_owner", json={"account_id": sergeant})
    client = await here.login("sergeant")
    here.clock.advance(seconds=1)
    assert (await boss.post(f"/v1/accounts/{sergeant}/disable")).status_code == 204
    await here.until_revoked(f"pomona-pd/{sergeant}")
    boss_id = (await here.try_login("boss")).json()["account_id"]
    assert codes(
        [
            await client.get("/v1/posts"),
            await here.try_login("sergeant"),
            await boss.post(f"/v1/accounts/{sergeant}/disable"),
            await boss.post(f"/v1/accounts/{boss_id}/disable"),
            await boss.put("/v1/posts/training_owner", json={"account_id": sergeant}),
        ]
    ) == ["token_revoked", "credentials_wrong", "account_disabled", "own_account", "account_disabled"]
    posts = {post["post"]: post for post in (await boss.get("/v1/posts")).json()}
    assert posts["training_owner"]["account_id"] is None
    assert posts["training_owner"]["vacant_since"] == here.clock().isoformat().replace("+00:00", "Z")


@pytest.mark.clause("B3")
async def test_posts_are_those_of_the_policy_and_have_one_holder(here: House) -> None:
    boss = await here.staffed()
    sergeant, other = await here.hire(boss, "sergeant", "trainer"), await here.hire(boss, "other", "trainer")
    titles = {post["post"]: (post["title"], post["name"]) for post in (await boss.get("/v1/posts")).json()}
    assert titles == {
        "administrator": (COMMANDER, None),
        "collection_steward": (COMMANDER, None),
        "training_owner": ("Training Sergeant", None),
        "agency_head": ("Chief of Police", None),
        "custodian_of_records": ("Custodian of Records", None),
        "agency_attorney": ("City Attorney", None),
    }
    assert (await here.client().get("/health/accounts")).json()["counts"]["vacant_posts"] == 6
    for holder in (sergeant, other, other):
        answer = await boss.put("/v1/posts/training_owner", json={"account_id": holder})
        assert answer.json()["account_id"] == holder
    assert (await here.client().get("/health/accounts")).json()["counts"]["vacant_posts"] == 5
    assert codes(
        [
            await boss.put("/v1/posts/mascot", json={"account_id": other}),
            await boss.put("/v1/posts/administrator", json={"account_id": "nobody"}),
            await (await here.login("other")).put("/v1/posts/administrator", json={"account_id": other}),
        ]
    ) == ["post_unknown", "account_unknown", "not_administrator"]
    platform, own = await here.platform(), {"agency_id": "pomona-pd"}
    assert codes(
        [
            await platform.put("/v1/posts/training_owner", json={"account_id": sergeant, **own}),
            await platform.put("/v1/posts/administrator", json={"account_id": sergeant, **own}),
            await platform.put("/v1/posts/administrator", json={"account_id": other, **own}),
        ]
    ) == ["not_administrator", "200", "not_administrator"]


async def test_a_changed_policy_is_said_again_at_the_next_start(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        await here.open_agency()
    async with house(tmp_path / "var") as again:
        await eventually(again.changes)
        async with again.room.db.tx() as tx:
            await storage.set_policy_version(tx, AgencyId("pomona-pd"), "pomona-of-yesterday")
    async with house(tmp_path / "var") as third:
        await eventually(lambda: len(third.changes()) >= 2)  # at least once: a stop may leave a word to be said again
        async with third.room.db.tx() as tx:
            assert (await storage.policy_versions(tx))[AgencyId("pomona-pd")] == third.changes()[0].policy_version
        assert {said.policy_version for said in third.changes()} == {third.changes()[0].policy_version}
        assert codes([await third.try_login("admin", PASSWORD)]) == ["200"]
