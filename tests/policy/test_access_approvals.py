"""Access is approved by somebody, reviewed each quarter, and ends at once on separation, per department (A8)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import on_both
from profiles import DEPARTMENTS, department
from standing import eventually
from unit.accounts.house import FAST, House, certificate, codes, house

from platekeeper_access_audit.accounts.dormancy.handlers import close_unused
from platekeeper_access_audit.accounts.policy import ApprovalsPolicy
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common.periods import Period
from platekeeper_retention.service import SERVICE as RETENTION

EVERY = pytest.mark.parametrize("profile", DEPARTMENTS)
APPROVALS = "/v1/access-approvals"
SEARCH = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-1", "plate": "7ABC123"}
OFFICER = {"title": "Officer", "roles": ["officer"]}


async def standing(here: House, username: str) -> tuple[str, str | None]:
    """How the approval of the account stands, and by whom it was given."""
    listed = (await (await here.login("boss")).get(APPROVALS)).json()
    (one,) = [one for one in listed if one["username"] == username]
    return one["standing"], one["approval"] and one["approval"]["approver_name"]


async def train(here: House, profile: str, username: str, account_id: str) -> None:
    """Somebody certifies the person; boss is in the administrator's post again afterwards."""
    boss = await here.login("boss")
    owner = await here.hire(boss, "owner", "administrator")
    post = "/v1/posts/" + ("administrator" if profile in ("corona", "downey") else "training_owner")
    boss_id = (await here.try_login("boss")).json()["account_id"]
    assert (await boss.put(post, json={"account_id": owner})).status_code == 200
    answer = await (await here.login("owner")).post("/v1/training-certificates", json=certificate(here, account_id))
    assert answer.status_code == 201, answer.text
    assert (await (await here.login("owner")).put(post, json={"account_id": boss_id})).status_code in (200, 403)


@pytest.mark.clause("A8")
@EVERY
async def test_opening_an_account_approves_it_until_the_next_quarterly_review(tmp_path: Path, profile: str) -> None:
    policy = department(profile).section(ApprovalsPolicy)
    assert policy.access_review == Period(3, "month")
    async with house(tmp_path / "var") as here:
        boss = await here.staffed(profile=profile)
        rivera = await here.hire(boss, "rivera")
        (one,) = [one for one in (await boss.get(APPROVALS)).json() if one["username"] == "rivera"]
        given = one["approval"]
        assert (one["standing"], given["approver_name"], given["occasion"]) == ("current", "Boss", "opened")
        assert (given["title"], given["scope"]) == ("Officer", ["officer"])
        review = policy.access_review.after(here.clock())
        assert given["review_by"] == review.isoformat().replace("+00:00", "Z")
        for at, expected in (
            (review - policy.review_warning - timedelta(seconds=1), "current"),
            (review - policy.review_warning, "due"),
            (review, "overdue"),
            (review + policy.review_grace, "suspended"),
        ):
            here.clock.now = at
            await here.login("rivera")  # an account that nobody signs on with is disabled after 90 days
            assert await standing(here, "rivera") == (expected, "Boss")
        boss = await here.login("boss")
        boss_id = (await here.try_login("boss")).json()["account_id"]
        assert codes(
            [
                await boss.post(APPROVALS, json={"account_ids": [rivera, boss_id]}),
                await boss.post(APPROVALS, json={"account_ids": [boss_id]}),
                await boss.post(APPROVALS, json={"account_ids": ["nobody"]}),
                await (await here.login("rivera")).post(APPROVALS, json={"account_ids": [boss_id]}),
            ]
        ) == ["self_approval", "self_approval", "account_unknown", "not_administrator"]
        assert await standing(here, "rivera") == ("suspended", "Boss")
        assert (await boss.post(APPROVALS, json={"account_ids": [rivera]})).status_code == 201
        assert await standing(here, "rivera") == ("current", "Boss")
        platform = await here.platform()
        assert codes(
            [
                await platform.post(APPROVALS, json={"account_ids": [rivera]}),
                await platform.post(APPROVALS, json={"account_ids": [boss_id]}),
            ]
        ) == ["not_administrator", "201"]
        assert await standing(here, "boss") == ("current", "Administrator")


@pytest.mark.clause("A8")
@EVERY
async def test_a_stored_search_needs_an_approval_whose_review_is_not_overdue(tmp_path: Path, profile: str) -> None:
    policy = department(profile).section(ApprovalsPolicy)
    async with house(tmp_path / "var", services=(ACCOUNTS, RETENTION)) as here:
        boss = await here.staffed(profile=profile)
        rivera = await here.hire(boss, "rivera")
        end = policy.access_review.after(here.clock()) + policy.review_grace
        await train(here, profile, "rivera", rivera)
        long_ago = f"{here.clock() - policy.review_grace:%Y-%m-%d %H:%M:%S}"
        await here.run_sql(f"UPDATE access_approval SET review_by = '{long_ago}'")  # noqa: S608 - the test's own
        officer = await here.login("rivera")
        answer = await officer.post("/v1/searches", json=SEARCH)
        assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (
            403,
            "access_not_approved",
            "A8",
        )
        refused = await eventually(lambda: here.records("reads.search", "refused"))
        assert [(one.username, one.code) for one in refused] == [("rivera", "access_not_approved")]
        approved = await (await here.login("boss")).post(APPROVALS, json={"account_ids": [rivera]})
        assert approved.status_code == 201
        assert codes([await officer.post("/v1/searches", json=SEARCH)]) == ["access_not_approved"]
        assert codes([await (await here.login("rivera")).post("/v1/searches", json=SEARCH)]) == ["201"]
        until = (await here.try_login("rivera")).json()["approved_until"]
        assert until == end.isoformat().replace("+00:00", "Z")


@pytest.mark.clause("A8")
@EVERY
async def test_who_leaves_the_department_is_out_at_once(tmp_path: Path, profile: str) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed(profile=profile)
        rivera = await here.hire(boss, "rivera")
        assert (await boss.put("/v1/posts/collection_steward", json={"account_id": rivera})).status_code == 200
        officer = await here.login("rivera")
        boss_id = (await here.try_login("boss")).json()["account_id"]
        here.clock.advance(seconds=1)
        assert codes(
            [
                await boss.post(f"/v1/accounts/{rivera}/separate"),
                await boss.post(f"/v1/accounts/{rivera}/separate"),
                await boss.post(f"/v1/accounts/{boss_id}/separate"),
                await officer.post(f"/v1/accounts/{boss_id}/separate"),
            ]
        )[:3] == ["204", "account_separated", "own_account"]
        await here.until_revoked(f"pomona-pd/{rivera}")
        assert codes([await officer.get("/v1/posts"), await here.try_login("rivera")]) == [
            "token_revoked",
            "credentials_wrong",
        ]
        posts = {post["post"]: post["account_id"] for post in (await boss.get("/v1/posts")).json()}
        assert posts["collection_steward"] is None
        (kept,) = [one for one in (await boss.get("/v1/accounts")).json() if one["username"] == "rivera"]
        assert kept["separated_at"] == kept["disabled_at"] is not None
        (record,) = await eventually(lambda: here.records("account.separate"))
        assert (record.username, record.object_id) == ("boss", rivera)
        assert (
            codes(
                [
                    await boss.post(APPROVALS, json={"account_ids": [rivera]}),
                    await boss.put(f"/v1/accounts/{rivera}/access", json=OFFICER),
                ]
            )
            == ["account_disabled"] * 2
        )


@on_both
@pytest.mark.clause("A8")
async def test_who_left_while_the_account_was_dormant_is_not_let_in_by_a_reset(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed()
        rivera = await here.hire(boss, "rivera")
        await here.pass_days(100, "boss")
        assert await close_unused(here.room) == 1
        boss = await here.login("boss")
        left = [await boss.post(f"/v1/accounts/{rivera}/{act}") for act in ("separate", "reset")]
        assert codes(left) == ["204", "account_separated"]
        assert left[1].json()["clause"] == "A8"
        (kept,) = [one for one in (await boss.get("/v1/accounts")).json() if one["username"] == "rivera"]
        assert (kept["separated_at"] is not None, kept["disabled_because"]) == (True, None)
        await here.run_sql("UPDATE account SET disabled_at = NULL WHERE username = 'rivera'")  # as resets once did
        assert codes([await here.try_login("rivera")]) == ["account_disabled"]


@on_both
@pytest.mark.clause("A8")
async def test_who_narrows_the_own_roles_approves_no_own_access(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed()
        roles = ("administrator", "officer", "investigator")
        lieutenant = await here.hire(boss, "lieutenant", *roles, title="Lieutenant")
        assert (await boss.put("/v1/posts/administrator", json={"account_id": lieutenant})).is_success

        async def approval() -> dict[str, Any]:
            listed = (await (await here.login("lieutenant")).get(APPROVALS)).json()
            return dict(next(one["approval"] for one in listed if one["username"] == "lieutenant"))

        before = await approval()
        await here.pass_days(80, "lieutenant")
        own = await here.login("lieutenant")
        fewer = {"roles": ["administrator", "officer"], "reason": "leaves the detective bureau"}
        narrowed = await own.put(f"/v1/accounts/{lieutenant}/roles", json=fewer)
        assert narrowed.json()["status"] == "in_force"
        after = await approval()
        kept = ("approver_name", "occasion", "given_at", "review_by")
        assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
        assert after["scope"] == ["administrator", "officer"]
        rows = here.rows(f"SELECT ended_at FROM access_approval WHERE account_id = '{lieutenant}'")  # noqa: S608
        assert len(rows) == 2


@pytest.mark.clause("A8")
async def test_other_access_is_a_new_approval_and_ends_the_tokens_of_the_old(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed()
        boss_id = (await here.try_login("boss")).json()["account_id"]
        assert (await boss.put("/v1/posts/administrator", json={"account_id": boss_id})).status_code == 200
        rivera = await here.hire(boss, "rivera", "officer", "investigator")
        officer = await here.login("rivera")
        here.clock.advance(seconds=1)
        sergeant = {"title": "Sergeant", "roles": ["investigator"]}
        wider = await boss.put(f"/v1/accounts/{rivera}/access", json=sergeant | {"roles": ["supervisor"]})
        assert (wider.status_code, wider.json()["code"], wider.json()["clause"]) == (409, "roles_widen", "B2")
        assert (await boss.put(f"/v1/accounts/{rivera}/access", json=sergeant)).status_code == 204
        await here.until_revoked(f"pomona-pd/{rivera}")
        assert codes([await officer.get("/v1/posts")]) == ["token_revoked"]
        signed_on = (await here.try_login("rivera")).json()
        assert (signed_on["title"], signed_on["roles"]) == ("Sergeant", ["investigator"])
        (one,) = [one for one in (await boss.get(APPROVALS)).json() if one["username"] == "rivera"]
        assert (one["approval"]["occasion"], one["approval"]["scope"]) == ("changed", ["investigator"])
        await here.hire(boss, "second", "administrator")
        second = await here.login("second")
        assert codes(
            [
                await boss.put(f"/v1/accounts/{boss_id}/access", json=OFFICER),
                await second.put(f"/v1/accounts/{rivera}/access", json=OFFICER),
                await second.post(APPROVALS, json={"account_ids": [rivera]}),
            ]
        ) == ["self_approval", "not_administrator", "not_administrator"]


@pytest.mark.clause("A8")
async def test_a_review_is_announced_to_the_person_and_the_administrator(tmp_path: Path) -> None:
    sheet = FAST.model_copy(update={"notices_every_seconds": 0.05})
    async with house(tmp_path / "var", own={"accounts": sheet}) as here:
        boss = await here.staffed()
        await here.hire(boss, "rivera")
        here.clock.now = Period(3, "month").after(here.clock()) - timedelta(days=14)

        async def seen(username: str) -> set[tuple[str, int]]:
            told = (await (await here.login(username)).get("/v1/expiry-notices")).json()
            return {(one["name"], one["days"]) for one in told if one["subject"] == "access_review"}

        async def both() -> bool:
            return await seen("boss") == {("Rivera", 14), ("Boss", 14)}

        await eventually(both)
        assert await seen("rivera") == {("Rivera", 14)}
