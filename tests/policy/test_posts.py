"""Posts, who acts while one is vacant, and what their holders delegate, through the public door (B3, B9)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from profiles import DEPARTMENTS
from standing import eventually
from unit.accounts.house import House, codes, house

NAMED = {"administrator", "collection_steward", "agency_head", "agency_attorney"}
FURTHER = {
    "pomona": {"training_owner", "custodian_of_records"},
    "galt": {"training_owner", "custodian_of_records"},
    "corona": {"records_supervisor"},
    "downey": {"records_supervisor"},
    "la-port": {"training_owner", "custodian_of_records"},
}
TITLES = {
    "pomona": "Administrative Services Division Commander",
    "galt": "Chief of Police Division Commander",
    "corona": "Support Services Division Commander",
    "downey": "Administration Division Commander",
    "la-port": "Support Services Division Commander",
}


@dataclass
class Offices:
    """An agency with a commander, a chief and an officer, none of them in a post yet."""

    here: House
    boss: httpx.AsyncClient
    people: dict[str, str]

    async def fill(self, post: str, name: str | None, **more: Any) -> httpx.Response:
        account = None if name is None else self.people[name]
        return await self.boss.put(f"/v1/posts/{post}", json={"account_id": account, **more})

    async def post(self, code: str) -> dict[str, Any]:
        listed = (await self.boss.get("/v1/posts")).json()
        return dict(next(post for post in listed if post["post"] == code))

    async def may(self, post: str, act: str) -> dict[str, str]:
        """Who may do the act for the post now, and as what."""
        answer = await self.boss.get(f"/v1/posts/{post}/incumbents", params={"act": act})
        names = {account: name for name, account in self.people.items()}
        return {names[one["account_id"]]: one["basis"] for one in answer.json()["incumbents"]}


@asynccontextmanager
async def offices(folder: Path, profile: str) -> AsyncIterator[Offices]:
    async with house(folder, peer_seconds=30) as here:
        boss = await here.staffed(profile=profile)
        people = {"boss": (await here.try_login("boss")).json()["account_id"]}
        for name, role in (("chief", "auditor"), ("rivera", "officer")):
            people[name] = await here.hire(boss, name, role)
        yield Offices(here, boss, people)


def said(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@pytest.mark.clause("B9")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_the_register_says_who_holds_a_post_from_when_and_since_when_it_is_vacant(
    tmp_path: Path, profile: str
) -> None:
    async with offices(tmp_path / "var", profile) as there:
        here, began = there.here, there.here.clock()
        posts = {post["post"] for post in (await there.boss.get("/v1/posts")).json()}
        assert posts == NAMED | FURTHER[profile]
        assert (await there.post("administrator"))["vacant_since"] is None
        assert (await there.fill("administrator", "boss")).status_code == 200
        later = began + timedelta(minutes=5)
        coming = (await there.fill("administrator", "chief", begins=later.isoformat())).json()
        assert (coming["account_id"], coming["until"]) == (there.people["boss"], said(later))
        assert (coming["next"]["account_id"], coming["next"]["since"]) == (there.people["chief"], said(later))
        await here.standing.ready()
        here.clock.advance(minutes=5)
        held = await there.post("administrator")
        assert (held["account_id"], held["since"], held["title"]) == (
            there.people["chief"],
            said(later),
            TITLES[profile],
        )
        chief = await here.login("chief")
        past = {"account_id": there.people["rivera"], "begins": said(began)}
        assert codes([await chief.put("/v1/posts/administrator", json=past)]) == ["term_begins_past"]
        assert (await chief.put("/v1/posts/administrator", json={"account_id": None, "begins": said(later)})).is_success
        vacant = await there.post("administrator")
        assert (vacant["account_id"], vacant["vacant_since"]) == (None, said(later))
        assert vacant["blocked"] == ["purge_order.sign", "release.decide"]
        terms = (await there.boss.get("/v1/posts/administrator/terms")).json()
        assert [(term["name"], term["title"], term["since"], term["until"]) for term in terms] == [
            ("Boss", TITLES[profile], said(began), said(later))
        ]


@pytest.mark.clause("B9")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_a_vacant_post_blocks_approval_and_purge_and_nothing_else(tmp_path: Path, profile: str) -> None:
    async with offices(tmp_path / "var", profile) as there:
        here = there.here
        await there.fill("agency_head", "chief")
        await there.fill("administrator", "boss")
        ends = said(here.clock() + timedelta(days=30))
        acts = ["release.decide", "device.register", "account.open"]
        body = {"post": "administrator", "account_id": there.people["rivera"], "acts": acts, "ends": ends}
        given = (await there.boss.post("/v1/delegations", json=body)).json()
        assert await there.may("administrator", "release.decide") == {"boss": "holder", "rivera": "delegate"}
        here.clock.advance(minutes=1)
        await there.fill("administrator", None)
        boss = there.boss = await here.login("boss")
        vacant = await there.post("administrator")
        assert (vacant["acting"]["post"], vacant["acting"]["names"]) == ("agency_head", ["Chief"])
        for act in ("release.decide", "purge_order.sign"):
            assert await there.may("administrator", act) == {}
        assert await there.may("administrator", "device.register") == {"chief": "acting", "rivera": "delegate"}
        chief, delegate = await here.login("chief"), await here.login("rivera")
        for number, client in enumerate((chief, delegate)):
            person = {"username": f"new-{number}", "name": "New", "title": "Officer", "roles": ["officer"]}
            assert codes([await client.post("/v1/accounts", json=person)]) == ["201"]
        await recorded(here, "account.open", "Chief", "administrator", "vacancy:agency_head")
        await recorded(here, "account.open", "Rivera", "administrator", f"delegation:{given['id']}")
        person = {"username": "late", "name": "Late", "title": "Officer", "roles": ["officer"]}
        refused = await boss.post("/v1/accounts", json=person)
        assert (refused.json()["code"], refused.json()["clause"]) == ("not_administrator", "B2")
        order = {"kind": "standing", "schedule_item": f"{profile}-alpr-1y", "reason": "due"}
        refused = await chief.post("/v1/purge-orders", json=order)
        told = refused.json()
        assert (refused.status_code, told["code"], told["clause"]) == (409, "post_vacant", "B9")
        assert told["acting"] == [there.people["chief"]]
        assert "PUT /v1/posts/administrator" in told["detail"]
        for path in ("/v1/posts", "/v1/posts/administrator/terms", "/v1/agencies"):
            assert (await boss.get(path)).status_code == 200
        given = (await boss.get("/v1/delegations")).json()[0]["id"]
        onward = body | {"account_id": there.people["boss"], "acts": ["purge_order.sign", "device.register"]}
        assert codes([await delegate.post("/v1/delegations", json=onward)]) == ["not_post_holder"]
        assert codes([await delegate.post(f"/v1/delegations/{given}/revoke")]) == ["not_post_holder"]
        assert (await chief.post("/v1/delegations", json=onward)).status_code == 201
        assert await there.may("administrator", "purge_order.sign") == {}
        assert (await there.may("administrator", "device.register"))["boss"] == "delegate"
        here.clock.advance(seconds=1)
        assert (await chief.post(f"/v1/delegations/{given}/revoke")).json()["in_force"] is False
        assert await there.may("administrator", "device.register") == {"chief": "acting", "boss": "delegate"}
        assert (await chief.put("/v1/posts/administrator", json={"account_id": there.people["boss"]})).is_success
        assert await there.may("administrator", "release.decide") == {"boss": "holder"}


@pytest.mark.clause("B3")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_a_delegation_gives_its_acts_for_its_time_and_drops_by_itself(tmp_path: Path, profile: str) -> None:
    async with offices(tmp_path / "var", profile) as there:
        here = there.here
        await there.fill("administrator", "boss")
        begins, ends = here.clock() + timedelta(minutes=2), here.clock() + timedelta(minutes=6)
        body = {
            "post": "administrator",
            "account_id": there.people["rivera"],
            "acts": ["account.open"],
            "begins": said(begins),
            "ends": said(ends),
        }
        rivera = await here.login("rivera")
        assert (await rivera.post("/v1/delegations", json=body)).json()["code"] == "not_post_holder"
        given = (await there.boss.post("/v1/delegations", json=body)).json()
        assert (given["given_by"], given["in_force"]) == (there.people["boss"], False)

        async def open_one(name: str) -> str:
            client = await here.login("rivera")
            person = {"username": name, "name": "New", "title": "Officer", "roles": ["officer"]}
            return codes([await client.post("/v1/accounts", json=person)])[0]

        assert await open_one("before") == "not_administrator"
        here.clock.advance(minutes=2)
        in_time = await here.login("rivera")
        assert await open_one("within") == "201"
        refused = await in_time.put("/v1/posts/agency_head", json={"account_id": None})
        assert (refused.json()["code"], refused.json()["clause"]) == ("not_administrator", "B3")
        here.clock.advance(minutes=4)
        late = {"username": "late", "name": "New", "title": "Officer", "roles": ["officer"]}
        assert codes([await in_time.post("/v1/accounts", json=late)]) == ["not_administrator"]
        assert await open_one("after") == "not_administrator"
        shown = (await here.client(token_of(rivera)).get("/v1/delegations")).json()
        assert [(one["id"], one["in_force"], one["acts"]) for one in shown] == [(given["id"], False, ["account.open"])]
        given_records = await eventually(lambda: here.records("post.delegate"))
        assert [record.object_id for record in given_records] == [given["id"]]
        await recorded(here, "account.open", "Rivera", "administrator", f"delegation:{given['id']}")
        await eventually(lambda: len(here.records("account.open", "refused")) == 3)
        assert {(one.post, one.authority) for one in here.records("account.open", "refused")} == {(None, None)}


async def recorded(
    here: House, action: str, name: str, post: str | None, authority: str | None, *, outcome: str = "allowed"
) -> None:
    """Return once a record says that the person of that name did it for the post, and by what."""
    said = (name, post, authority)
    await eventually(lambda: said in {(one.name, one.post, one.authority) for one in here.records(action, outcome)})


def token_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"].partition(" ")[2]


@on_both
@pytest.mark.clause("B3")
async def test_a_record_says_for_which_post_and_by_which_delegation_somebody_acted(tmp_path: Path) -> None:
    """Also of acts whose post the policy names, and of what is refused within one."""
    async with offices(tmp_path / "var", "pomona") as there:
        here = there.here
        await there.fill("administrator", "boss")
        ends = said(here.clock() + timedelta(days=1))
        acts = ["account.open", "purge_order.sign", "policy_change.confirm", "expiry_notice.view"]
        body = {"post": "administrator", "account_id": there.people["rivera"], "acts": acts, "ends": ends}
        given = (await there.boss.post("/v1/delegations", json=body)).json()["id"]
        rivera, by = await here.login("rivera"), ("administrator", f"delegation:{given}")
        order = {"kind": "standing", "schedule_item": "pomona-alpr-1y", "reason": "due"}
        drafted = (await rivera.post("/v1/purge-orders", json=order)).json()
        signature = {"post": "administrator", "sha256": drafted["sha256"]}
        signed = await rivera.post(f"/v1/purge-orders/{drafted['id']}/signatures", json=signature)
        assert codes([signed, await rivera.get("/v1/expiry-notices"), await rivera.get("/v1/posts")]) == [
            "201",
            "200",
            "200",
        ]
        person = {"username": "boss", "name": "New", "title": "Officer", "roles": ["officer"]}
        assert codes([await rivera.post("/v1/accounts", json=person)]) == ["username_taken"]
        for act in ("purge_order.draft", "purge_order.sign", "expiry_notice.view"):
            await recorded(here, act, "Rivera", *by)
        await recorded(here, "account.open", "Rivera", *by, outcome="refused")
        await recorded(here, "post.view", "Rivera", None, None)
        assert codes([await there.boss.post("/v1/accounts", json=person | {"username": "new"})]) == ["201"]
        await recorded(here, "account.open", "Boss", "administrator", None)


@on_both
@pytest.mark.clause("B3")
async def test_a_delegation_is_taken_back_at_once_and_is_nobodys_to_pass_on(tmp_path: Path) -> None:
    async with offices(tmp_path / "var", "pomona") as there:
        here = there.here
        await there.fill("administrator", "boss")
        ends = said(here.clock() + timedelta(days=1))
        body = {"post": "administrator", "account_id": there.people["rivera"], "ends": ends}
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"acts": []}, "invalid_request"),
            ({"acts": ["king"]}, "invalid_request"),
            ({"acts": ["reads.search"]}, "act_not_of_post"),
            ({"acts": ["account.open"], "ends": None}, "invalid_request"),
            ({"acts": ["account.open"], "ends": said(here.clock())}, "delegation_dates_wrong"),
            ({"acts": ["account.open"], "account_id": there.people["boss"]}, "self_delegation"),
            ({"acts": ["account.open"], "account_id": "nobody"}, "account_unknown"),
            ({"acts": ["account.open"], "post": "mascot"}, "post_unknown"),
            ({"acts": ["account.open"], "begins": said(here.clock() - timedelta(days=1))}, "delegation_dates_wrong"),
            ({"acts": ["purge_order.sign"], "post": "custodian_of_records"}, "not_post_holder"),
        ]
        answers = [await there.boss.post("/v1/delegations", json=body | different) for different, _ in wrong]
        assert codes(answers) == [code for _, code in wrong]
        acts = ["account.open", "post.fill"]
        given = (await there.boss.post("/v1/delegations", json=body | {"acts": acts})).json()
        rivera = await here.login("rivera")
        onward = body | {"acts": ["account.open"], "account_id": there.people["chief"]}
        tries = [
            await rivera.post("/v1/delegations", json=onward),
            await rivera.put("/v1/posts/administrator", json={"account_id": there.people["rivera"]}),
            await rivera.put("/v1/posts/agency_head", json={"account_id": there.people["chief"]}),
            await rivera.post(f"/v1/delegations/{given['id']}/revoke"),
        ]
        assert codes(tries) == ["not_post_holder", "not_administrator", "200", "not_post_holder"]
        here.clock.advance(seconds=1)
        assert (await there.boss.post(f"/v1/delegations/{given['id']}/revoke")).json()["in_force"] is False

        async def worthless() -> bool:
            return codes([await rivera.get("/v1/posts")]) == ["token_revoked"]

        await eventually(worthless)
        again = await here.login("rivera")
        assert codes([await again.put("/v1/posts/agency_head", json={"account_id": None})]) == ["not_administrator"]
        assert codes([await there.boss.post("/v1/delegations/none/revoke")]) == ["delegation_unknown"]


@pytest.mark.clause("B2")
@pytest.mark.clause("B9")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_a_machine_holds_no_post_and_is_nobodys_delegate(tmp_path: Path, profile: str) -> None:
    """Else the administrator alone would be two persons."""
    async with offices(tmp_path / "var", profile) as there:
        here = there.here
        await there.fill("administrator", "boss")
        there.people["robot"] = await here.hire(there.boss, "robot", "service", title="Service account")
        ends = said(here.clock() + timedelta(days=1))
        body = {"post": "administrator", "account_id": there.people["robot"], "acts": ["roles.confirm"], "ends": ends}
        refused = [
            *[await there.fill(post, "robot") for post in ("agency_head", "administrator", "collection_steward")],
            await there.boss.post("/v1/delegations", json=body),
        ]
        assert {(one.status_code, one.json()["code"], one.json()["clause"]) for one in refused} == {
            (409, "not_a_person", "A3")
        }
        assert (await there.post("agency_head"))["account_id"] is None
