"""The register of authorised titles, per department: who may get an account, with what, and until when (B5)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from policy.test_equipment import trained
from profiles import DEPARTMENTS, department
from standing import eventually
from unit.accounts.house import House, codes, house, title_for

from platekeeper_access_audit.accounts.policy import AccountsPolicy, TitlesPolicy, TrainingPolicy
from platekeeper_common.caller import Caller
from platekeeper_common.events.public import Courses, StatedInPublic, Titles

EVERY = pytest.mark.parametrize("profile", DEPARTMENTS)
CONTRACTOR = {"title": "Independent Auditor", "roles": ["auditor"]}


def account(username: str, **different: object) -> dict[str, object]:
    """An officer's account."""
    return {"username": username, "name": username.title(), "title": "Officer", "roles": ["officer"], **different}


async def says(here: House, username: str) -> Caller:
    """What a fresh token of that person says."""
    token = (await here.try_login(username)).json()["access_token"]
    return await here.standing.foundation.verifier.verify(token)


@pytest.mark.clause("B5")
@EVERY
def test_each_department_authorises_the_posts_that_its_manual_names(profile: str) -> None:
    policy, accounts = department(profile).section(TitlesPolicy), department(profile).section(AccountsPolicy)
    titles = {one.title: one for one in policy.authorised}
    assert "administrator" in titles[accounts.administrator].roles
    assert accounts.training_owner is None or "trainer" in titles[accounts.training_owner].roles
    assert {one.kind for one in policy.authorised} == {"member", "contractor"}
    taught = {one.course for one in department(profile).section(TrainingPolicy).courses}
    assert all(set(one.courses) <= taught for one in policy.authorised)


@pytest.mark.clause("B5")
@EVERY
async def test_an_account_needs_a_registered_title_its_roles_and_a_contractors_end(
    tmp_path: Path, profile: str
) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed(profile=profile)
        later, earlier = (here.clock() + timedelta(days=days) for days in (30, -1))
        tries = [
            account("mayor", title="Mayor"),
            account("rivera", roles=["officer", "administrator"]),
            account("hired", **CONTRACTOR),
            account("hired", **CONTRACTOR, valid_until=earlier.isoformat()),
            account("hired", **CONTRACTOR, valid_until=later.isoformat()),
            account("rivera"),
        ]
        answers = [await boss.post("/v1/accounts", json=body) for body in tries]
        assert codes(answers) == ["title_not_authorised"] * 4 + ["201"] * 2
        assert {(one.status_code, one.json()["clause"]) for one in answers[:4]} == {(409, "B5")}
        assert title_for(profile, "administrator") in answers[0].json()["detail"]
        refused = await eventually(lambda: [one.code for one in here.records("account.open", "refused")][3:])
        assert refused == ["title_not_authorised"]
        contractor = answers[4].json()["id"]
        without_end = {"title": "Independent Auditor", "roles": ["auditor"]}
        changes = [
            await boss.put(f"/v1/accounts/{contractor}/access", json=without_end),
            await boss.put(f"/v1/accounts/{contractor}/access", json=without_end | {"title": "Mayor"}),
        ]
        assert codes(changes) == ["title_not_authorised"] * 2


@pytest.mark.clause("B5")
async def test_a_contractors_account_ends_by_itself_and_can_get_a_new_end(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed()
        end = here.clock() + timedelta(days=30)
        auditor = await here.hire(boss, "hired", "auditor", title="Independent Auditor", valid_until=end.isoformat())
        assert (await says(here, "hired")).roles == {"auditor"}
        here.clock.advance(days=30)
        answer = await here.try_login("hired")
        assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (403, "account_expired", "B5")
        assert codes([await here.try_login("hired", "wrong password")]) == ["credentials_wrong"]
        await eventually(lambda: "account_expired" in [one.code for one in here.records("login", "refused")])
        access = {**CONTRACTOR, "valid_until": (end + timedelta(days=30)).isoformat()}
        boss = await here.login("boss")
        assert (await boss.put(f"/v1/accounts/{auditor}/access", json=access)).status_code == 204
        assert (await says(here, "hired")).roles == {"auditor"}


@pytest.mark.clause("B5")
@EVERY
async def test_the_administrator_edits_the_register_and_it_binds_at_the_next_sign_on(
    tmp_path: Path, profile: str
) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed(profile=profile)
        cadet = {"title": "Cadet", "kind": "member", "roles": ["officer", "dispatcher"], "courses": ["ALPR operator"]}
        assert codes(
            [
                await boss.post("/v1/accounts", json=account("cadet", title="Cadet")),
                await boss.put("/v1/titles", json=cadet | {"courses": ["Juggling"]}),
                await boss.put("/v1/titles", json=cadet | {"roles": ["king"]}),
                await boss.put("/v1/titles", json=cadet),
            ]
        ) == ["title_not_authorised", "course_unknown", "role_unknown", "200"]
        await here.hire(boss, "cadet", "officer", "dispatcher", title="Cadet")
        assert (await says(here, "cadet")).roles == {"officer", "dispatcher"}
        assert (await boss.put("/v1/titles", json=cadet | {"roles": ["dispatcher"]})).status_code == 200
        assert (await says(here, "cadet")).roles == {"dispatcher"}
        listed = {one["title"]: one for one in (await (await here.login("cadet")).get("/v1/titles")).json()}
        assert listed["Cadet"]["roles"] == ["dispatcher"]
        assert listed["Officer"]["since"] is None
        assert codes(
            [
                await boss.post("/v1/titles/withdraw", json={"title": "Cadet"}),
                await boss.post("/v1/titles/withdraw", json={"title": "Detective"}),
                await boss.post("/v1/titles/withdraw", json={"title": "Detective"}),
                await (await here.login("cadet")).put("/v1/titles", json=cadet),
            ]
        ) == ["title_in_use", "204", "title_unknown", "not_administrator"]
        assert codes([await boss.post("/v1/accounts", json=account("ines", title="Detective"))]) == [
            "title_not_authorised"
        ]
        assert len(await eventually(lambda: here.records("title.edit")[2:])) == 1


@pytest.mark.clause("B5")
@EVERY
async def test_who_has_no_end_sees_no_plate_data_once_the_title_is_a_contractors(tmp_path: Path, profile: str) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed(profile=profile)
        analyst = {"title": "Analyst", "kind": "member", "roles": ["officer"], "courses": ["ALPR operator"]}
        assert (await boss.put("/v1/titles", json=analyst)).is_success
        person = await here.hire(boss, "ines", title="Analyst")
        await trained(here, boss, profile, person)
        boss = await here.login("boss")
        assert (await says(here, "ines")).trained
        assert (await boss.put("/v1/titles", json=analyst | {"kind": "contractor"})).is_success
        told = await says(here, "ines")
        assert (told.trained, told.approved) == (False, False)
        end = (here.clock() + timedelta(days=30)).isoformat()
        access = {"title": "Analyst", "roles": ["officer"], "valid_until": end}
        assert (await boss.put(f"/v1/accounts/{person}/access", json=access)).is_success
        told = await says(here, "ines")
        assert (told.trained, told.approved) == (True, True)


@pytest.mark.clause("B5")
@pytest.mark.parametrize("hidden", ["Chief\x00", "Chief \u202egnidnammoC", "\u200b", "Chief\u2028Two"])
async def test_a_title_or_a_name_that_cannot_be_read_is_refused(tmp_path: Path, hidden: str) -> None:
    """What no statement can hold would keep the public page as it was before."""
    async with house(tmp_path / "var") as here:
        boss = await here.staffed()
        title = {"title": hidden, "kind": "member", "roles": ["officer"], "courses": ["ALPR operator"]}
        course = {"course": "ALPR operator", "version": hidden, "validity": "1 year", "proof": "Certificate"}
        answers = [
            await boss.put("/v1/titles", json=title),
            await boss.post("/v1/courses", json=course),
            await boss.post("/v1/accounts", json=account("ines", name=hidden)),
        ]
        assert codes(answers) == ["invalid_request"] * 3
        assert all("control or invisible characters" in answer.json()["detail"] for answer in answers)


@pytest.mark.clause("B5")
async def test_only_the_administrator_in_office_edits_the_register(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        boss = await here.staffed()
        boss_id = (await here.try_login("boss")).json()["account_id"]
        assert (await boss.put("/v1/posts/administrator", json={"account_id": boss_id})).status_code == 200
        await here.hire(boss, "second", "administrator")
        second = await here.login("second")
        title = {"title": "Cadet", "kind": "member", "roles": ["officer"], "courses": ["ALPR operator"]}
        answers = [
            await second.put("/v1/titles", json=title),
            await second.post("/v1/titles/withdraw", json={"title": "Detective"}),
            await second.post("/v1/accounts", json=account("rivera")),
        ]
        assert codes(answers) == ["not_administrator"] * 3


@pytest.mark.clause("B5")
@pytest.mark.clause("B6")
@EVERY
async def test_titles_and_training_are_stated_in_public(tmp_path: Path, profile: str) -> None:
    async with house(tmp_path / "var", statement_seconds=0.2) as here:
        await here.staffed(profile=profile)

        def told() -> dict[type, Any]:
            return {type(one.content): one.content for one in here.said if isinstance(one, StatedInPublic)}

        await eventually(lambda: {Titles, Courses} <= told().keys())
        titles, courses = told()[Titles], told()[Courses]
        assert {one.title for one in titles.titles} == {
            one.title for one in department(profile).section(TitlesPolicy).authorised
        }
        assert courses.owner == department(profile).section(AccountsPolicy).certifier
        (course,) = courses.courses
        assert (course.title, course.version, course.valid_for) == ("ALPR operator", "1", "1 year")
        assert "Officer" in course.titles
