"""Who may shut the account of somebody in office, and what a vacancy gives whoever did it (B2, B3, B9)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from profiles import DEPARTMENTS
from standing import eventually
from unit.accounts.house import PASSWORD, House, codes, house, title_for

from platekeeper_access_audit.accounts.dormancy.handlers import close_unused

POSTS = ("agency_head", "administrator")


@dataclass
class Staff:
    """An agency with an administrator and a head in office, a helper with the administrator's role, and an officer."""

    here: House
    profile: str
    people: dict[str, str]

    async def by(self, name: str) -> httpx.AsyncClient:
        return await self.here.login(name)

    async def end(self, by: str, act: str, name: str) -> httpx.Response:
        """Somebody does it to somebody's account."""
        return await (await self.by(by)).post(f"/v1/accounts/{self.people[name]}/{act}")

    async def fill(self, by: str, post: str, name: str | None, **more: Any) -> httpx.Response:
        account = None if name is None else self.people[name]
        return await (await self.by(by)).put(f"/v1/posts/{post}", json={"account_id": account, **more})

    async def opens(self, by: str, username: str) -> httpx.Response:
        title = title_for(self.profile, "officer")
        body = {"username": username, "name": "New", "title": title, "roles": ["officer"]}
        return await (await self.by(by)).post("/v1/accounts", json=body)

    async def delegate(self, by: str, post: str, name: str, *acts: str) -> None:
        ends = (self.here.clock() + timedelta(days=300)).isoformat()
        body = {"post": post, "account_id": self.people[name], "acts": acts, "ends": ends}
        answer = await (await self.by(by)).post("/v1/delegations", json=body)
        assert answer.status_code == 201, answer.text

    async def holders(self, by: str) -> dict[str, str | None]:
        """Who holds these posts, by name."""
        listed = (await (await self.by(by)).get("/v1/posts")).json()
        names = {account: name for name, account in self.people.items()}
        return {post["post"]: names.get(post["account_id"]) for post in listed if post["post"] in POSTS}


@asynccontextmanager
async def staff(folder: Path, profile: str = "pomona") -> AsyncIterator[Staff]:
    async with house(folder) as here:
        boss = await here.staffed(profile=profile)
        people = {"boss": (await here.try_login("boss")).json()["account_id"]}
        for name, role in (("chief", "auditor"), ("helper", "administrator"), ("rivera", "officer")):
            people[name] = await here.hire(boss, name, role)
        there = Staff(here, profile, people)
        for post, name in (("agency_head", "chief"), ("administrator", "boss")):
            assert (await there.fill("boss", post, name)).status_code == 200
        here.clock.advance(seconds=1)
        yield there


@pytest.mark.clause("B2")
@pytest.mark.clause("B3")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_a_helper_stops_a_stolen_account_in_office_at_once_and_gains_no_post_by_it(
    tmp_path: Path, profile: str
) -> None:
    async with staff(tmp_path / "var", profile) as there:
        here, boss = there.here, await there.by("boss")
        refused = [await there.end("helper", act, who) for act in ("disable", "separate") for who in ("boss", "chief")]
        assert {(one.status_code, one.json()["code"], one.json()["clause"]) for one in refused} == {
            (403, "not_administrator", "B2")
        }
        told = refused[0].json()
        assert told["posts"] == ["administrator"]
        for way in (f"/v1/accounts/{there.people['boss']}/suspend", "PUT /v1/posts/administrator", "in office"):
            assert way in told["detail"]
        here.clock.advance(seconds=1)
        assert codes([await there.end("helper", "suspend", who) for who in ("boss", "chief", "helper")]) == [
            "204",
            "204",
            "own_account",
        ]
        await here.until_revoked(f"pomona-pd/{there.people['boss']}")
        assert codes([await boss.get("/v1/posts"), await here.try_login("boss"), await here.try_login("chief")]) == [
            "token_revoked",
            "credentials_wrong",
            "credentials_wrong",
        ]
        assert await there.holders("helper") == {"administrator": "boss", "agency_head": "chief"}
        tries = [
            await there.opens("helper", "xavier"),
            await there.fill("helper", "administrator", "helper"),
            await there.end("helper", "reset", "boss"),
            await there.end("helper", "separate", "boss"),
            await there.end("helper", "disable", "chief"),
        ]
        assert codes(tries) == ["not_administrator"] * 5
        once = (await there.end("admin", "reset", "boss")).json()["one_time_password"]
        assert codes([await here.try_login("boss", once, new_password=PASSWORD)]) == ["200"]
        assert codes([await there.end("boss", "reset", "chief"), await there.opens("boss", "xavier")]) == ["200", "201"]
        suspended = await eventually(lambda: len(found := here.records("account.suspend")) == 2 and found)
        assert {record.username for record in suspended} == {"helper"}


@on_both
@pytest.mark.clause("B2")
@pytest.mark.clause("B9")
async def test_the_agency_head_ends_the_administrators_office_and_does_not_take_it(tmp_path: Path) -> None:
    async with staff(tmp_path / "var") as there:
        here = there.here
        assert codes([await there.end("rivera", "disable", "boss")]) == ["not_administrator"]
        assert codes([await there.end("helper", "suspend", "boss"), await there.end("chief", "disable", "boss")]) == [
            "204",
            "204",
        ]
        ended = await eventually(lambda: here.records("account.disable"))
        assert [(one.username, one.post, one.authority) for one in ended] == [("chief", "agency_head", None)]
        here.clock.advance(seconds=1)
        assert await there.holders("chief") == {"administrator": None, "agency_head": "chief"}
        assert codes([await there.opens("chief", "new"), await there.opens("helper", "newer")]) == [
            "201",
            "not_administrator",
        ]
        refused = (await there.fill("chief", "administrator", "chief")).json()
        assert (refused["code"], refused["clause"]) == ("not_administrator", "B3")
        assert "platform" in refused["detail"]
        assert codes([await there.end("chief", "reset", "boss"), await there.end("admin", "reset", "boss")]) == [
            "not_allowed",
            "account_disabled",
        ]
        assert codes([await there.fill("chief", "administrator", "rivera")]) == ["200"]
        assert codes([await there.end("chief", "separate", "helper")]) == ["204"]


@on_both
@pytest.mark.clause("B3")
async def test_a_delegate_ends_no_office_of_whom_they_act_for_nor_above(tmp_path: Path) -> None:
    async with staff(tmp_path / "var") as there:
        there.people["deputy"] = await there.here.hire(await there.by("boss"), "deputy", "auditor")
        await there.delegate("boss", "administrator", "rivera", "account.disable")
        await there.delegate("chief", "agency_head", "deputy", "account.disable", "account.separate")
        assert (await there.fill("boss", "collection_steward", "helper")).is_success
        tries = [
            await there.end("rivera", "disable", "boss"),
            await there.end("rivera", "disable", "chief"),
            await there.end("deputy", "disable", "chief"),
            await there.end("helper", "disable", "rivera"),
            await there.end("rivera", "separate", "helper"),
            await there.end("rivera", "disable", "helper"),
            await there.end("deputy", "separate", "boss"),
        ]
        assert codes(tries) == ["not_administrator"] * 5 + ["204"] * 2


@on_both
@pytest.mark.clause("B3")
@pytest.mark.clause("B9")
async def test_the_role_alone_fills_no_post_once_the_administrators_was_held(tmp_path: Path) -> None:
    async with staff(tmp_path / "var") as there:
        for post in POSTS:
            assert (await there.fill("boss", post, None)).is_success
        there.here.clock.advance(seconds=1)
        assert codes([await there.opens("helper", "new")]) == ["201"]
        for post in POSTS:
            refused = (await there.fill("helper", post, "rivera")).json()
            assert (refused["code"], refused["clause"]) == ("not_administrator", "B3")
            assert "platform" in refused["detail"]
        vacant = {"account_id": there.people["rivera"], "agency_id": "pomona-pd"}
        filled = await (await there.here.platform()).put("/v1/posts/administrator", json=vacant)
        assert codes([filled, await there.fill("rivera", "agency_head", "helper")]) == ["200", "200"]


@on_both
@pytest.mark.clause("B2")
@pytest.mark.clause("B3")
async def test_nobody_signs_on_as_a_delegate_or_a_holder_to_come_whose_account_is_shut(tmp_path: Path) -> None:
    """What is delegated to a suspended or dormant account is in force again once a reset opens it."""
    async with staff(tmp_path / "var") as there:
        await there.delegate("boss", "administrator", "rivera", "account.open")
        begins = (there.here.clock() + timedelta(days=100)).isoformat()
        there.people["heir"] = await there.here.hire(await there.by("boss"), "heir")
        assert (await there.fill("boss", "agency_head", "heir", begins=begins)).is_success
        assert codes([await there.end("helper", "suspend", name) for name in ("rivera", "heir")]) == ["204"] * 2
        resets = [await there.end("helper", "reset", name) for name in ("rivera", "heir")]
        assert codes(resets) == ["not_administrator"] * 2
        assert codes([await there.end("boss", "reset", name) for name in ("rivera", "heir")]) == ["200"] * 2
        await there.here.pass_days(95, "boss", "helper")
        assert await close_unused(there.here.room) == 3
        assert codes([await there.end("helper", "reset", "rivera")]) == ["not_administrator"]


@on_both
@pytest.mark.clause("G2")
async def test_a_suspended_account_without_office_is_opened_by_a_reset(tmp_path: Path) -> None:
    async with staff(tmp_path / "var") as there:
        tries = [await there.end("helper", act, "rivera") for act in ("suspend", "suspend", "reset")]
        assert codes(tries) == ["204", "account_disabled", "200"]
        once = tries[2].json()["one_time_password"]
        assert codes([await there.here.try_login("rivera", once, new_password=PASSWORD)]) == ["200"]
        assert codes([await there.end("helper", act, "rivera") for act in ("suspend", "disable", "reset")]) == [
            "204",
            "204",
            "account_disabled",
        ]
        assert codes([await there.end("helper", "separate", "rivera")]) == ["204"]
