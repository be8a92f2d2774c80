"""One person with two accounts stays one: who opened, reset or chose an account could speak through it (A3, B2)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import on_both
from profiles import DEPARTMENTS, FOLDER, department
from unit.accounts.false_issuer import false_issuer
from unit.accounts.house import PASSWORD, House, codes, house

from platekeeper_access_audit.accounts.policy import PostsPolicy

BEHOLDEN = (409, "second_person_beholden", "B2")


@dataclass
class Two:
    """An administrator in office, and a head of the agency whom he opened, put into office and could be."""

    here: House
    profile: str
    boss: httpx.AsyncClient
    people: dict[str, str]

    @property
    def days(self) -> int:
        """How long it takes until it is another person."""
        return department(self.profile).section(PostsPolicy).second_person_after.days

    async def client(self, name: str) -> httpx.AsyncClient:
        return await self.here.login(name)

    async def fill(self, post: str, name: str) -> None:
        boss = await self.client("boss")
        assert (await boss.put(f"/v1/posts/{post}", json={"account_id": self.people[name]})).is_success

    async def reset(self, name: str) -> None:
        """The administrator hands out a password, and somebody signs on with it."""
        boss = await self.client("boss")
        password = (await boss.post(f"/v1/accounts/{self.people[name]}/reset")).json()["one_time_password"]
        await self.here.login(name, password, new_password=PASSWORD)

    async def confirmed(self, name: str) -> httpx.Response:
        """The administrator widens what the officer may, and that one confirms it."""
        boss, path = await self.client("boss"), f"/v1/accounts/{self.people['rivera']}/roles"
        await boss.put(path, json={"roles": ["officer"], "reason": "back on patrol"})
        asked = await boss.put(path, json={"roles": ["officer", "investigator"], "reason": "a case of fraud"})
        assert asked.json()["status"] == "proposed", asked.text
        return await (await self.client(name)).post(f"/v1/role-grants/{asked.json()['id']}/confirm")

    async def pass_days(self, days: int) -> None:
        await self.here.pass_days(days, *self.people)


@asynccontextmanager
async def two(folder: Path, profile: str) -> AsyncIterator[Two]:
    async with house(folder) as here:
        boss = await here.staffed(profile=profile)
        people = {"boss": (await here.try_login("boss")).json()["account_id"]}
        people["chief"] = await here.hire(boss, "chief", "auditor")
        people["rivera"] = await here.hire(boss, "rivera", title="Lieutenant")
        there = Two(here, profile, boss, people)
        for post, name in (("agency_head", "chief"), ("administrator", "boss")):
            await there.fill(post, name)
        yield there


def told(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.json()["clause"]


@pytest.mark.clause("A3")
@pytest.mark.clause("B2")
@pytest.mark.parametrize("profile", DEPARTMENTS)
async def test_who_opened_an_account_is_no_second_person_through_it(tmp_path: Path, profile: str) -> None:
    async with two(tmp_path / "var", profile) as there:
        refused = await there.confirmed("chief")
        assert told(refused) == BEHOLDEN
        until = datetime.fromisoformat(refused.json()["until"])
        assert (until - there.here.clock()).days == there.days
        assert until.isoformat() in refused.json()["detail"]
        change = {"document": widened(profile), "reason": "decided at the staff meeting"}
        waiting = (await (await there.client("boss")).post("/v1/policy-changes", json=change)).json()
        confirm = f"/v1/policy-changes/{waiting['id']}/confirm"
        assert told(await (await there.client("chief")).post(confirm)) == BEHOLDEN
        await there.pass_days(there.days - 1)
        assert told(await there.confirmed("chief")) == BEHOLDEN
        await there.pass_days(1)
        assert (await there.confirmed("chief")).json()["status"] == "in_force"
        assert (await (await there.client("chief")).post(confirm)).json()["status"] == "adopted"


@on_both
@pytest.mark.clause("A3")
@pytest.mark.clause("B2")
async def test_nor_who_reset_it_or_put_it_into_office_nor_through_a_third(tmp_path: Path) -> None:
    async with two(tmp_path / "var", "pomona") as there:
        await there.pass_days(there.days)
        assert (await there.confirmed("chief")).status_code == 200
        await there.reset("chief")
        assert told(await there.confirmed("chief")) == BEHOLDEN
        await there.pass_days(there.days)
        await there.fill("custodian_of_records", "rivera")
        answer = await there.confirmed("chief")
        assert answer.status_code == 200, answer.text


@on_both
@pytest.mark.clause("A3")
@pytest.mark.clause("B2")
async def test_an_old_account_that_was_put_into_office_lately_confirms_nothing_of_who_did_it(tmp_path: Path) -> None:
    async with two(tmp_path / "var", "pomona") as there:
        there.people["keeper"] = await there.here.hire(there.boss, "keeper", "auditor")
        await there.pass_days(there.days)
        await there.fill("custodian_of_records", "keeper")
        assert told(await there.confirmed("keeper")) == BEHOLDEN
        assert (await there.confirmed("chief")).status_code == 200
        await there.pass_days(there.days)
        assert (await there.confirmed("keeper")).status_code == 200


@on_both
@pytest.mark.clause("A3")
@pytest.mark.clause("B2")
async def test_two_whom_a_third_could_be_are_no_two_persons(tmp_path: Path) -> None:
    """Whose password the administrator handed out proposes nothing that he, or whom he could be, confirms."""
    async with two(tmp_path / "var", "pomona") as there:
        await there.pass_days(there.days)
        boss = await there.client("boss")
        acts = ["roles.change"]
        ends = there.here.clock().replace(year=2030).isoformat()
        there.people["helper"] = await there.here.hire(boss, "helper")
        await there.reset("chief")
        body = {"post": "administrator", "account_id": there.people["helper"], "acts": acts, "ends": ends}
        assert (await boss.post("/v1/delegations", json=body)).status_code == 201
        wider = {"roles": ["officer", "investigator"], "reason": "moves to the detective bureau"}
        path = f"/v1/accounts/{there.people['rivera']}/roles"
        waiting = (await (await there.client("helper")).put(path, json=wider)).json()
        confirm = f"/v1/role-grants/{waiting['id']}/confirm"
        for name in ("chief", "boss"):
            assert told(await (await there.client(name)).post(confirm)) == BEHOLDEN
        await there.pass_days(there.days)
        assert (await (await there.client("boss")).post(confirm)).status_code == 200


@on_both
@pytest.mark.clause("A3")
@pytest.mark.clause("B2")
async def test_nor_does_it_propose_by_delegation_what_the_delegator_then_confirms(tmp_path: Path) -> None:
    async with two(tmp_path / "var", "pomona") as there:
        there.people["keeper"] = await there.here.hire(there.boss, "keeper", "auditor")
        await there.pass_days(there.days)
        ends = there.here.clock().replace(year=2030).isoformat()
        given = {"post": "administrator", "account_id": there.people["keeper"], "acts": ["roles.change"], "ends": ends}
        assert (await (await there.client("boss")).post("/v1/delegations", json=given)).status_code == 201
        wider = {"roles": ["officer", "investigator"], "reason": "a case of fraud"}
        path = f"/v1/accounts/{there.people['rivera']}/roles"
        waiting = (await (await there.client("keeper")).put(path, json=wider)).json()
        confirm = f"/v1/role-grants/{waiting['id']}/confirm"
        assert told(await (await there.client("boss")).post(confirm)) == BEHOLDEN
        assert (await (await there.client("chief")).post(confirm)).status_code == 200


@on_both
@pytest.mark.clause("B10", "pomona")
@pytest.mark.clause("B2")
async def test_one_person_signs_no_purge_order_twice(tmp_path: Path) -> None:
    async with two(tmp_path / "var", "pomona") as there:
        await there.fill("custodian_of_records", "chief")
        order = {"kind": "standing", "schedule_item": "pomona-alpr-1y", "reason": "what the schedule says is due"}
        drafted = (await (await there.client("boss")).post("/v1/purge-orders", json=order)).json()
        signatures = f"/v1/purge-orders/{drafted['id']}/signatures"

        async def sign(name: str, post: str) -> httpx.Response:
            return await (await there.client(name)).post(signatures, json={"post": post, "sha256": drafted["sha256"]})

        assert codes([await sign("chief", "custodian_of_records")]) == ["201"]
        assert told(await sign("boss", "administrator")) == (409, "second_person_beholden", "B10")
        await there.pass_days(there.days)
        assert codes([await sign("boss", "administrator")]) == ["201"]


@on_both
@pytest.mark.clause("A3")
@pytest.mark.clause("B2")
async def test_two_persons_say_whose_word_lets_people_in(tmp_path: Path) -> None:
    """An issuer of the administrator's own would make him everybody."""
    async with two(tmp_path / "var", "pomona") as there, false_issuer(there.here.clock) as issuer:
        registration = {"issuer": issuer.url, "client_id": "platekeeper", "client_secret": "secret"}

        async def put(**different: Any) -> dict[str, Any]:
            answer = await (await there.client("boss")).put("/v1/issuer", json=registration | different)
            return dict(answer.json())

        async def confirm(name: str, proposal: dict[str, Any]) -> httpx.Response:
            path = f"/v1/issuer/proposals/{proposal['proposal_id']}/confirm"
            return await (await there.client(name)).post(path)

        first, waiting = await put(), await put(second_factor_acr=["2"])
        assert (waiting["status"], waiting["proposed_by_name"]) == ("proposed", "Boss")
        assert "client_secret" not in waiting
        chief = await there.client("chief")
        assert (await chief.get("/v1/issuer/proposals")).json() == [waiting]
        answers = [
            await chief.get("/v1/issuer"),
            await there.here.client().get("/v1/login/oidc", params={"agency_id": "pomona-pd"}),
            await confirm("chief", first),
            await confirm("boss", waiting),
            await confirm("rivera", waiting),
            await confirm("chief", waiting),
        ]
        assert codes(answers) == [
            "issuer_unknown",
            "issuer_unknown",
            "issuer_proposal_unknown",
            "same_person",
            "not_second_person",
            "second_person_beholden",
        ]
        await there.pass_days(there.days)
        confirmed = (await confirm("chief", waiting)).json()
        assert (confirmed["status"], confirmed["second_factor_acr"]) == ("in_force", ["2"])
        assert (await (await there.client("chief")).get("/v1/issuer/proposals")).json() == []
        assert codes([await confirm("chief", waiting)]) == ["issuer_proposal_unknown"]
        assert (await put(second_factor_acr=["2"]))["status"] == "in_force"
        elsewhere = await put(username_claim="email", second_factor_acr=["2"])
        assert elsewhere["status"] == "proposed"
        kept = (await (await there.client("boss")).get("/v1/issuer")).json()
        assert kept["username_claim"] == "preferred_username"


def widened(profile: str) -> str:
    text = (FOLDER / f"{profile}.toml").read_text("utf-8")
    return text.replace('"other_le",', '"other_le",\n    "amber_alert",')
