"""The policy document from draft to the public page, for each department, with the services' own facts (B4 to B11)."""

import hashlib
import html
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import databases
import httpx
import pytest
import pytest_asyncio
from policy.test_transparency import Page
from profiles import DEPARTMENTS
from standing import AGENCY, eventually
from unit.accounts.house import PASSWORD, House, codes, house

from platekeeper import terminal
from platekeeper.client import ApiError, Session
from platekeeper_access_audit.accounts.policy import AccountsPolicy
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_access_audit.ledger.policy import LedgerPolicy
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_access_audit.publication.service import PUBLICATION
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_release.policy import ReleasePolicy
from platekeeper_release.service import SERVICE as RELEASE
from platekeeper_retention.service import SERVICE as RETENTION

SERVICES = (ACCOUNTS, LEDGER, PUBLICATION, HOTLIST, RELEASE, RETENTION)
SECTIONS = ("purposes", "titles_and_training", "monitoring", "sharing", "custodian", "accuracy", "retention")
TEXTS = {name: f"What the department says of {name}.\n\nAnd more of it." for name in SECTIONS}


@dataclass
class Office:
    """A department that stands, its administrator, and somebody from the street."""

    department: str
    house: House
    boss: httpx.AsyncClient
    anybody: httpx.AsyncClient

    async def publish(self, **texts: str) -> dict[str, Any]:
        drafted = await self.boss.post("/v1/policy-documents", json=TEXTS | texts)
        assert drafted.status_code == 201, drafted.text
        answer = await self.boss.post(f"/v1/policy-documents/{drafted.json()['id']}/publish")
        assert answer.status_code == 201, answer.text
        published: dict[str, Any] = answer.json()
        # Accounts ask whoever signs on to accept it as soon as they have heard of it.
        await eventually(lambda: in_force(self) == published["version"])
        return published

    async def facts(self, **texts: str) -> dict[str, str]:
        """What is generated for each section, as one text."""
        drafted = (await self.boss.post("/v1/policy-documents", json=texts)).json()
        return {
            section["code"]: " | ".join(f"{fact['label']}: {'; '.join(fact['values'])}" for fact in section["facts"])
            for section in drafted["sections"]
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DEPARTMENTS)
async def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    department = str(request.param)
    folder = tmp_path_factory.mktemp(department) / "var"
    async with house(folder, services=SERVICES, statement_seconds=0.1) as here:
        boss = await here.staffed(profile=department)
        made = Office(department, here, boss, here.client())

        async def stated() -> bool:
            drafted = await boss.post("/v1/policy-documents", json=TEXTS)
            return not any(section["lacks"] for section in drafted.json()["sections"])

        await eventually(stated)
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.clause("B4")
async def test_nothing_is_published_while_a_section_is_empty(office: Office) -> None:
    blank = {"accuracy": " \n", "sharing": "", "monitoring": "\u200b\u2060 - \u00ad ..."}
    drafted = await office.boss.post("/v1/policy-documents", json=TEXTS | blank)
    answer = await office.boss.post(f"/v1/policy-documents/{drafted.json()['id']}/publish")
    assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (409, "policy_incomplete", "B4")
    assert [one["section"] for one in answer.json()["missing"]] == ["monitoring", "sharing", "accuracy"]
    assert "(D) sharing: no text" in answer.json()["detail"]


@pytest.mark.clause("B4")
@pytest.mark.clause("B11")
async def test_a_version_is_public_in_three_forms_and_stays_for_ever(office: Office) -> None:
    first = await office.publish(purposes="To find stolen cars.")
    second = await office.publish(purposes="To find stolen cars, and missing persons.")
    assert second["version"] == first["version"] + 1
    page = await office.anybody.get("/policy/pomona-pd", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "and missing persons" in page.text
    assert second["sha256"] in page.text
    paper = await office.anybody.get("/policy/pomona-pd", headers={"Accept": "application/pdf"})
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    data = await office.anybody.get("/policy/pomona-pd.json")
    assert hashlib.sha256(data.content).hexdigest() == second["sha256"] == data.headers["policy-sha256"]
    document = data.json()
    assert [section["element"] for section in document["sections"]] == list("ABCDEFG")
    assert document["previous_sha256"] == first["sha256"]
    listed = (await office.anybody.get("/policy/pomona-pd/versions", headers={"Accept": "application/json"})).json()
    assert [one["version"] for one in listed["versions"]] == list(range(second["version"], 0, -1))
    for one in (first, second):
        for form, digest in one["hashes"].items():
            kept = await office.anybody.get(f"{one['at']}.{form}")
            assert hashlib.sha256(kept.content).hexdigest() == digest
    assert "missing persons" not in (await office.anybody.get(first["at"])).text


@pytest.mark.clause("B9")
async def test_publishing_is_not_kept_back_by_a_vacant_post_and_the_page_says_since_when(office: Office) -> None:
    await office.publish()
    account = await office.house.hire(office.boss, f"sergeant-{office.department}", "trainer")
    posts = (await office.boss.get("/v1/posts")).json()
    post = next(one["post"] for one in posts if one["post"] != "administrator")
    assert (await office.boss.put(f"/v1/posts/{post}", json={"account_id": account})).status_code == 200
    name = f"Sergeant-{office.department}".title()
    await eventually(lambda: says(office, f"{name}, since 2026-11-22"))
    office.house.clock.advance(seconds=1)
    assert (await office.boss.put(f"/v1/posts/{post}", json={"account_id": None})).status_code == 200
    await eventually(lambda: says(office, "vacant since 2026-11-22"))
    assert not await says(office, name)
    await office.publish()
    data = (await office.anybody.get("/policy/pomona-pd.json")).text
    assert "vacant since 2026-11-22" in data


@pytest.mark.clause("B9")
@pytest.mark.clause("B11")
async def test_names_titles_and_texts_are_shown_as_they_are_and_never_run(office: Office) -> None:
    hostile = "<script>alert('1')</script>&lt;b&gt; {{ 7 * 7 }} \N{OHM SIGN}"
    await office.publish()
    title = {"title": f"A {hostile}", "kind": "member", "roles": ["officer"], "courses": ["ALPR operator"]}
    assert (await office.boss.put("/v1/titles", json=title)).is_success
    username = f"mallory-{office.department}"
    account = await office.house.hire(office.boss, username, name=f"B {hostile}", title=f"A {hostile}")
    assert (await office.boss.put("/v1/posts/agency_attorney", json={"account_id": account})).is_success
    await eventually(lambda: says(office, f"B {hostile}"))
    await eventually(lambda: says(office, f"A {hostile}"))
    published = await office.publish(purposes=f"</section></main> C {hostile}")
    for path in ("/policy/pomona-pd", published["at"]):
        shown = (await office.anybody.get(path, headers={"Accept": "text/html"})).text
        assert not {"script", "b"} & Page.of(shown).tags
        for letter in "ABC":
            assert f"{letter} {hostile}" in html.unescape(shown)
    kept = (await office.anybody.get("/policy/pomona-pd.json")).json()
    assert f"C {hostile}" in kept["sections"][0]["text"]
    paper = (await office.anybody.get("/policy/pomona-pd.pdf")).content
    assert not [word for word in (b"/JavaScript", b"/JS", b"/Launch", b"/URI") if word in paper]
    assert (await office.boss.put("/v1/posts/agency_attorney", json={"account_id": None})).is_success


@pytest.mark.clause("B5")
@pytest.mark.clause("B6")
async def test_titles_and_training_of_the_registers_are_on_the_page(office: Office) -> None:
    told = (await office.facts())["titles_and_training"]
    assert "Officer" in told
    assert "without department-approved training" in told
    policy = office.house.standing.foundation.policies.of(AGENCY).section(AccountsPolicy)
    assert f"Training is certified by: {policy.certifier}" in told


@pytest.mark.clause("B7")
async def test_monitoring_is_told_from_the_settings_in_force(office: Office) -> None:
    told = (await office.facts())["monitoring"]
    rules = office.house.standing.foundation.policies.of(AGENCY).section(LedgerPolicy)
    assert f"Periodic system audits: {rules.audit_cadence.title()}" in told
    assert f"kept for {rules.access_years} years" in told
    assert (f"A breach is handled under: {rules.breach_policy}" in told) == (rules.breach_policy is not None)


DIFFERENCES = {
    "pomona": ("At least 1 year", "is then destroyed", "On a written request", "should, where practicable", None),
    "galt": ("At least 1 year", "is then destroyed", "On a written request", "should, where practicable", None),
    "corona": ("At least 1 year", "may then be destroyed", "verified beforehand", "should", "On a written request"),
    "downey": ("At least 1 year", "may then be destroyed", "verified beforehand", "should", "On a written request"),
    "la-port": ("At least 5 years", "is then destroyed", "Under an active agreement", "must verify", None),
}
"""What the profile grid says of each, and what it does not."""


@pytest.mark.clause("B4")
async def test_each_department_publishes_its_own_rules(office: Office) -> None:
    facts = await office.facts()
    told, lacking = " | ".join(facts.values()), DIFFERENCES[office.department][-1]
    for words in DIFFERENCES[office.department][:-1]:
        assert words is not None
        assert words in told
    assert lacking is None or lacking not in told
    owner = office.house.standing.foundation.policies.of(AGENCY).section(ReleasePolicy).non_le_owner
    assert f"the public included, are answered under: {owner}" in facts["sharing"]
    assert "Immigration enforcement" in facts["purposes"]


@pytest.mark.clause("B11")
async def test_what_changed_since_it_was_published_is_told(office: Office) -> None:
    await office.publish()
    assert not await says(office, "have changed since this version")
    title = {"title": "Crime Analyst", "kind": "member", "roles": ["officer"], "courses": ["ALPR operator"]}
    assert (await office.boss.put("/v1/titles", json=title)).is_success
    await eventually(lambda: says(office, "Crime Analyst"))
    assert await says(office, "have changed since this version")
    await office.publish()
    assert not await says(office, "have changed since this version")


@pytest.mark.clause("B4")
async def test_only_the_administrator_writes_and_publishes_and_each_act_is_recorded(office: Office) -> None:
    officer = f"officer-{office.department}"
    await office.house.hire(office.boss, officer)
    asking = await office.house.login(officer)
    draft = (await office.boss.post("/v1/policy-documents", json=TEXTS)).json()["id"]
    refused = [
        await asking.post("/v1/policy-documents", json=TEXTS),
        await asking.post(f"/v1/policy-documents/{draft}/publish"),
        await asking.put("/v1/policy-documents/public-url", json={"url": "https://example.org"}),
    ]
    assert codes(refused) == ["not_administrator"] * 3
    published = (await office.boss.post(f"/v1/policy-documents/{draft}/publish")).json()
    again = await office.boss.post(f"/v1/policy-documents/{draft}/publish")
    assert codes([again]) == ["policy_published"]
    number = f"{AGENCY}/{published['version']}"
    (record,) = await eventually(
        lambda: [one for one in office.house.records("policy.publish") if one.object_id == number]
    )
    assert (record.username, record.object_type) == ("boss", "policy")


@pytest.mark.clause("B4")
async def test_users_accept_a_new_version_at_their_next_sign_on_and_once(office: Office) -> None:
    username = f"rookie-{office.department}"
    account = await office.house.hire(office.boss, username)
    working = await office.house.login(username)
    for purposes in ("First.", "Second."):
        published = await office.publish(purposes=purposes)
        assert (await working.get("/v1/posts")).status_code == 200  # not in the middle of a session
        refused = await office.house.try_login(username)
        told = refused.json()
        assert (refused.status_code, told["code"], told["clause"]) == (403, "policy_not_accepted", "B4")
        assert told["accept_policy"] == published["sha256"]
        assert (await office.anybody.get(told["policy"]["at"])).status_code == 200
        assert codes([await office.house.try_login(username, accept_policy="0" * 64)]) == ["policy_not_accepted"]
        accepted = await office.house.try_login(username, accept_policy=published["sha256"])
        assert accepted.status_code == 200
        assert (await office.house.try_login(username)).status_code == 200
        await eventually(
            lambda number=published["version"]: any(  # type: ignore[misc]
                (record.subject, record.object_id) == (account, f"{AGENCY}/{number}")
                for record in office.house.records("policy.accept")
            )
        )
    refusals = [record for record in office.house.records("login", "refused") if record.subject == account]
    assert {(record.code, record.clause) for record in refusals} == {("policy_not_accepted", "B4")}


@pytest.mark.clause("B4")
async def test_a_command_at_the_terminal_shows_the_policy_and_goes_on_once_it_is_accepted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    username = f"clerk-{office.department}"
    await office.house.hire(office.boss, username)
    published = await office.publish(purposes="As the terminal shows it.")
    await eventually(lambda: in_force(office) == published["version"])

    async def log_in(*typed: str) -> Session:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in (PASSWORD, *typed))))
        return await terminal.log_in(office.anybody, username)

    with pytest.raises(ApiError, match=f"policy_not_accepted.*/versions/{published['version']}"):
        await log_in("no")
    session = await log_in("yes")
    assert [one["post"] for one in await session.get("/v1/posts")]
    assert await (await log_in()).get("/v1/posts")


def in_force(office: Office) -> int:
    known = office.house.room.published.get(AGENCY)
    return known.version if known else 0


@pytest.mark.clause("B11")
async def test_an_agency_that_has_published_nothing_says_so(office: Office) -> None:
    await office.house.open_agency(id="other-pd", name="Other Police Department", profile=office.department)
    page = await office.anybody.get("/policy/other-pd")
    assert (page.status_code, "has not published" in page.text) == (404, True)
    answer = await office.anybody.get("/policy/other-pd.json")
    assert (answer.json()["code"], answer.json()["clause"]) == ("policy_not_published", "B11")
    strangers = [await office.anybody.get(path) for path in ("/policy/nobody", "/policy/pomona-pd/versions/99.pdf")]
    assert codes(strangers) == ["agency_unknown", "version_unknown"]
    agencies = (await office.anybody.get("/policy", headers={"Accept": "application/json"})).json()["agencies"]
    assert {one["id"] for one in agencies} >= {"other-pd", "pomona-pd"}


@pytest.mark.clause("B11")
async def test_what_was_published_cannot_be_changed_in_the_database(office: Office) -> None:
    await office.publish()
    url = office.house.standing.foundation.settings.database_of("publication")
    for statement in ("UPDATE policy_version SET number = 900", "DELETE FROM policy_version"):
        with pytest.raises(Exception, match="stays as it was published"):
            await databases.run(url, statement)


async def says(office: Office, words: str) -> bool:
    return words in html.unescape((await office.anybody.get("/policy/pomona-pd")).text)
