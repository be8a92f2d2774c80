"""Purge orders: who signs, for how long, and whether a purge may run, through the public door (B10, B9)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from profiles import FOLDER, department
from unit.accounts.house import House, codes, house

BOUND = ("pomona", "galt", "la-port")
ITEM = {name: f"{name}-alpr-{years}y" for name, years in zip(BOUND, (1, 1, 5), strict=True)}
PATH = "/v1/purge-orders"


@dataclass
class Records:
    """An agency whose commander and custodian are in office."""

    here: House
    profile: str
    boss: httpx.AsyncClient
    custodian: httpx.AsyncClient
    people: dict[str, str]

    def purge(self, **different: Any) -> dict[str, Any]:
        """All that has been due for a month."""
        years = 5 if self.profile == "la-port" else 1
        before = self.here.clock() - timedelta(days=years * 366 + 30)
        return {"schedule_item": ITEM[self.profile], "received_before": before.isoformat(), **different}

    async def draft(self, kind: str = "standing", **more: Any) -> dict[str, Any]:
        body = {"kind": kind, "schedule_item": ITEM[self.profile], "reason": "what the schedule says is due", **more}
        answer = await self.boss.post(PATH, json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def sign(self, order: dict[str, Any], client: httpx.AsyncClient, post: str) -> httpx.Response:
        body = {"post": post, "sha256": order["sha256"]}
        return await client.post(f"{PATH}/{order['id']}/signatures", json=body)

    async def signed(self, kind: str = "standing", **more: Any) -> dict[str, Any]:
        order = await self.draft(kind, **more)
        assert (await self.sign(order, self.boss, "administrator")).status_code == 201
        return dict((await self.sign(order, self.custodian, "custodian_of_records")).json())

    async def check(self, order: dict[str, Any], **different: Any) -> httpx.Response:
        return await self.boss.post(f"{PATH}/{order['id']}/check", json=self.purge(**different))


@asynccontextmanager
async def records_office(folder: Path, profile: str) -> AsyncIterator[Records]:
    async with house(folder) as here:
        boss = await here.staffed(profile=profile)
        people = {"boss": (await here.try_login("boss")).json()["account_id"]}
        people["records"] = await here.hire(boss, "records", "auditor")
        people["rivera"] = await here.hire(boss, "rivera")
        for post, name in (("custodian_of_records", "records"), ("administrator", "boss")):
            assert (await boss.put(f"/v1/posts/{post}", json={"account_id": people[name]})).is_success
        await here.settle()
        yield Records(here, profile, await here.login("boss"), await here.login("records"), people)


@pytest.mark.clause("B10", "pomona", "galt", "la-port")
@pytest.mark.parametrize("profile", BOUND)
async def test_a_standing_order_is_signed_by_two_persons_and_stands_for_twelve_months(
    tmp_path: Path, profile: str
) -> None:
    async with records_office(tmp_path / "var", profile) as there:
        order = await there.draft()
        assert (order["status"], order["missing"]) == ("unsigned", ["administrator", "custodian_of_records"])
        refused = (await there.check(order)).json()
        assert (refused["code"], refused["clause"], len(refused["missing"])) == ("order_unsigned", "B10", 2)
        assert (await there.sign(order, there.boss, "administrator")).json()["missing"] == ["custodian_of_records"]
        answer = await there.check(order)
        refused = answer.json()
        assert (answer.status_code, refused["code"], refused["missing"]) == (
            409,
            "order_unsigned",
            ["custodian_of_records"],
        )
        assert "Custodian of Records" in refused["detail"]
        signed = (await there.sign(order, there.custodian, "custodian_of_records")).json()
        assert (signed["status"], signed["missing"]) == ("in_force", [])
        assert signed["ends_at"] == "2027-11-22T18:00:00Z"
        allowed = (await there.check(order)).json()
        assert allowed["may_run"] is True
        assert [one["post"] for one in allowed["signatures"]] == ["administrator", "custodian_of_records"]
        young = there.here.clock() - timedelta(days=300)
        refused = (await there.check(order, received_before=young.isoformat())).json()
        assert (refused["code"], refused["clause"]) == ("not_due", "F1")
        minimum = department(profile).document["retention"]["minimum"]
        assert minimum in refused["detail"]
        await there.here.pass_days(365, "boss")
        boss = await there.here.login("boss")
        late = await boss.post(f"{PATH}/{order['id']}/check", json=there.purge())
        assert (late.status_code, late.json()["code"]) == (409, "order_expired")


@pytest.mark.clause("B10", "pomona", "galt", "la-port")
@pytest.mark.parametrize("profile", BOUND)
async def test_what_lies_outside_the_standing_order_is_signed_singly(tmp_path: Path, profile: str) -> None:
    async with records_office(tmp_path / "var", profile) as there:
        asked = there.purge()
        begins = (there.here.clock() - timedelta(days=3000)).isoformat()
        window = {"received_from": begins, "received_before": asked["received_before"]}
        papers = {"governing_body": "Resolution 2026-114 of 2 November", "attorney_consent": "Letter of 4 November"}
        order = await there.draft("single", **window, **papers)
        assert (order["governing_body"], order["attorney_consent"]) == tuple(papers.values())
        assert codes([await there.check(order, **window)]) == ["order_unsigned"]
        for client, post in ((there.boss, "administrator"), (there.custodian, "custodian_of_records")):
            assert (await there.sign(order, client, post)).status_code == 201
        answers = [
            await there.check(order, **window),
            await there.check(order),
            await there.check(order, **window | {"schedule_item": "other"}),
        ]
        assert codes(answers) == ["200", "outside_order", "outside_order"]


@on_both
@pytest.mark.clause("B10", "pomona", "galt", "la-port")
@pytest.mark.clause("B9")
async def test_every_signature_that_an_order_may_not_have_is_refused(tmp_path: Path) -> None:
    async with records_office(tmp_path / "var", "pomona") as there:
        here = there.here
        rivera = await here.login("rivera")
        draft = {"kind": "standing", "schedule_item": ITEM["pomona"], "reason": "due"}
        refused = [
            await rivera.post(PATH, json=draft),
            await there.boss.post(PATH, json=draft | {"schedule_item": "everything"}),
            await there.boss.post(PATH, json=draft | {"received_before": here.clock().isoformat()}),
            await there.boss.post(PATH, json=draft | {"kind": "single"}),
        ]
        wrong = ["not_a_signer", "schedule_item_unknown", "order_window_wrong", "order_window_wrong"]
        assert codes(refused) == wrong
        order = await there.draft()
        assert codes(
            [
                await there.sign(order, rivera, "administrator"),
                await there.sign(order, there.custodian, "administrator"),
                await there.sign(order, there.boss, "agency_head"),
                await there.sign(order | {"sha256": "0" * 64}, there.boss, "administrator"),
                await there.sign(order | {"id": "none"}, there.boss, "administrator"),
                await there.sign(order, there.boss, "administrator"),
                await there.sign(order, there.boss, "administrator"),
            ]
        ) == [
            "not_administrator",
            "not_administrator",
            "not_a_signer",
            "order_altered",
            "order_unknown",
            "201",
            "already_signed",
        ]
        both = {"account_id": there.people["boss"]}
        assert (await there.boss.put("/v1/posts/custodian_of_records", json=both)).is_success
        same = (await there.sign(order, there.boss, "custodian_of_records")).json()
        assert (same["code"], same["clause"], same["missing"]) == ("same_person", "B10", ["custodian_of_records"])
        back = {"account_id": there.people["records"]}
        assert (await there.boss.put("/v1/posts/custodian_of_records", json=back)).is_success
        await there.here.settle()
        assert codes([await there.sign(order, there.custodian, "custodian_of_records")]) == ["201"]
        assert codes([await there.check(order)]) == ["200"]
        assert (await there.boss.put("/v1/posts/custodian_of_records", json={"account_id": None})).is_success
        vacant = (await there.check(order)).json()
        assert (vacant["code"], vacant["clause"], vacant["post"]) == ("post_vacant", "B9", "custodian_of_records")
        assert (await there.boss.put("/v1/posts/custodian_of_records", json=back)).is_success
        assert codes([await rivera.post(f"{PATH}/{order['id']}/revoke")]) == ["not_a_signer"]
        assert (await there.boss.post(f"{PATH}/{order['id']}/revoke")).json()["status"] == "revoked"
        assert codes([await there.check(order), await there.sign(order, there.boss, "administrator")]) == [
            "order_revoked",
            "order_revoked",
        ]
        listed = (await there.custodian.get(PATH)).json()
        assert [(one["id"], one["status"]) for one in listed] == [(order["id"], "revoked")]


@pytest.mark.clause("B9")
@pytest.mark.parametrize("profile", ["corona", "downey"])
async def test_where_no_custodian_is_named_the_administrator_signs_alone_and_a_vacancy_blocks(
    tmp_path: Path, profile: str
) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed(profile=profile)
        boss_id = (await here.try_login("boss")).json()["account_id"]
        draft = {"kind": "standing", "schedule_item": f"{profile}-alpr-1y", "reason": "due"}
        refused = await boss.post(PATH, json=draft)
        assert (refused.json()["code"], refused.json()["clause"]) == ("post_vacant", "B9")
        assert (await boss.put("/v1/posts/administrator", json={"account_id": boss_id})).is_success
        order = (await boss.post(PATH, json=draft)).json()
        signature = {"post": "administrator", "sha256": order["sha256"]}
        signed = await boss.post(f"{PATH}/{order['id']}/signatures", json=signature)
        assert signed.json()["status"] == "in_force"
        before = (here.clock() - timedelta(days=400)).isoformat()
        asked = {"schedule_item": f"{profile}-alpr-1y", "received_before": before}
        assert codes([await boss.post(f"{PATH}/{order['id']}/check", json=asked)]) == ["200"]
        assert (await boss.put("/v1/posts/administrator", json={"account_id": None})).is_success
        vacant = (await boss.post(f"{PATH}/{order['id']}/check", json=asked)).json()
        assert (vacant["code"], vacant["clause"]) == ("post_vacant", "B9")


@pytest.mark.clause("B10", "pomona", "galt", "la-port")
@pytest.mark.parametrize("profile", BOUND)
async def test_no_policy_that_one_person_adopts_does_without_the_custodian(tmp_path: Path, profile: str) -> None:
    text = (FOLDER / f"{profile}.toml").read_text("utf-8")
    named = 'custodian_of_records = "Custodian of Records"'
    async with records_office(tmp_path / "var", profile) as there:
        order = await there.signed()

        async def propose(after: str) -> dict[str, Any]:
            body = {"document": text.replace(named, after), "reason": "reorganised"}
            return dict((await there.boss.post("/v1/policy-changes", json=body)).json())

        refused = await propose('custodian_of_records = "none"')
        assert (refused["code"], refused["clause"], refused["setting"]) == (
            "policy_forbidden",
            "B10",
            "posts.custodian_of_records",
        )
        assert (await propose('custodian_of_records = "City Clerk"'))["status"] == "adopted"
        assert codes([await there.check(order)]) == ["200"]


@pytest.mark.clause("B10", "pomona", "galt", "la-port")
@pytest.mark.parametrize("profile", BOUND)
async def test_an_order_that_the_policy_in_force_asks_more_for_is_drafted_and_signed_anew(
    tmp_path: Path, profile: str
) -> None:
    text = (FOLDER / f"{profile}.toml").read_text("utf-8")
    two, three = '["administrator", "custodian_of_records"]', '["administrator", "custodian_of_records", "agency_head"]'
    async with records_office(tmp_path / "var", profile) as there:
        assert (await there.boss.put("/v1/posts/agency_head", json={"account_id": there.people["rivera"]})).is_success
        order = await there.signed()
        assert codes([await there.check(order)]) == ["200"]
        more = text.replace(f"purge_signed_by = {two}", f"purge_signed_by = {three}")
        other = more.replace(f'schedule_item = "{ITEM[profile]}"', 'schedule_item = "alpr-2027"')

        async def adopt(document: str) -> None:
            body = {"document": document, "reason": "the council asks for it"}
            change = (await there.boss.post("/v1/policy-changes", json=body)).json()
            if change["status"] == "proposed":
                change = (await there.custodian.post(f"/v1/policy-changes/{change['id']}/confirm")).json()
            assert change["status"] == "adopted"

        await adopt(more)
        refused = (await there.check(order)).json()
        assert (refused["code"], refused["clause"], refused["missing"]) == ("order_unsigned", "B10", ["agency_head"])
        await adopt(other)
        refused = (await there.check(order)).json()
        assert (refused["code"], refused["clause"]) == ("schedule_item_unknown", "B10")
