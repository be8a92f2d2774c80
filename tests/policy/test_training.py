"""Courses, certificates, notices and the report, per department (B6, C1 to C3)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from profiles import DEPARTMENTS, department
from standing import eventually
from unit.accounts.house import FAST, House, certificate, codes, house

from platekeeper_access_audit.accounts.policy import TrainingPolicy
from platekeeper_access_audit.accounts.service import ACCOUNTS
from platekeeper_common.service import Service
from platekeeper_ingest.service import SERVICE as INGEST
from platekeeper_retention.service import SERVICE as RETENTION

EVERY = pytest.mark.parametrize("profile", DEPARTMENTS)
WITH_OWNER = ("pomona", "galt", "la-port")
CERTIFICATES = "/v1/training-certificates"
SECOND = {"course": "ALPR operator", "version": "2", "validity": "6 months", "proof": "Signed certificate"}
SEARCH = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-1", "plate": "7ABC123"}
GATEWAY = {
    "name": "Gateway 1",
    "kind": "gateway",
    "cameras": [{"name": "Camera", "kind": "fixed", "position": {"latitude": 34.05, "longitude": -117.75}}],
}


@dataclass
class School:
    """An agency whose training owner is in office, and an officer."""

    here: House
    boss: httpx.AsyncClient
    trainer: httpx.AsyncClient
    """Who certifies: the training owner, or a second administrator where the manual names none."""
    people: Mapping[str, str]

    async def certify(self, username: str, **different: Any) -> httpx.Response:
        """Certify by the trainer, signed on afresh."""
        self.trainer = await self.here.login("owner")
        return await self.trainer.post(CERTIFICATES, json=certificate(self.here, self.people[username], **different))

    async def search(self, username: str) -> list[str]:
        """What a stored search is answered after a fresh sign-on."""
        return codes([await (await self.here.login(username)).post("/v1/searches", json=SEARCH)])


@asynccontextmanager
async def school(folder: Path, profile: str, *beside: Service, every: float = 3600) -> AsyncIterator[School]:
    """The training owner `owner` in office, boss, and the officer `rivera`; nobody is trained."""
    sheet = FAST.model_copy(update={"notices_every_seconds": every})
    async with house(folder / "var", services=(ACCOUNTS, *beside), own={"accounts": sheet}) as here:
        boss = await here.staffed(profile=profile)
        owned = profile in WITH_OWNER
        owner = await here.hire(boss, "owner", "trainer" if owned else "administrator")
        people = {"owner": owner, "rivera": await here.hire(boss, "rivera")}
        people |= {one["username"]: one["id"] for one in (await boss.get("/v1/accounts")).json()}
        post = "training_owner" if owned else "administrator"
        assert (await boss.put(f"/v1/posts/{post}", json={"account_id": owner})).status_code == 200
        yield School(here, boss, await here.login("owner"), people)


@pytest.mark.clause("C2")
@pytest.mark.clause("C1")
@EVERY
async def test_without_a_first_completed_training_no_data_and_no_equipment_ever(tmp_path: Path, profile: str) -> None:
    async with school(tmp_path, profile, RETENTION, INGEST) as at:
        assert await at.search("rivera") == ["training_missing"]
        administrator = "boss" if profile in WITH_OWNER else "owner"
        refused = await (await at.here.login(administrator)).post("/v1/devices", json=GATEWAY)
        assert (refused.status_code, refused.json()["code"], refused.json()["clause"]) == (
            403,
            "training_missing",
            "C1",
        )
        records = await eventually(lambda: at.here.records("device.register", "refused"))
        assert [(one.username, one.code) for one in records] == [(administrator, "training_missing")]
        searched = await eventually(lambda: at.here.records("reads.search", "refused"))
        assert [(one.username, one.code, one.clause) for one in searched] == [("rivera", "training_missing", "C2")]
        for username in ("rivera", "boss"):
            assert (await at.certify(username)).status_code == 201
        assert await at.search("rivera") == ["201"]
        if profile not in WITH_OWNER:  # nobody certifies the own training: the trained boss takes the post over
            back = {"account_id": at.people["boss"]}
            assert (await at.trainer.put("/v1/posts/administrator", json=back)).status_code == 200
        assert codes([await (await at.here.login("boss")).post("/v1/devices", json=GATEWAY)]) == ["201"]


@pytest.mark.clause("B6")
@pytest.mark.clause("C2")
@EVERY
async def test_a_new_course_version_binds_at_the_next_sign_on_and_not_in_the_session(
    tmp_path: Path, profile: str
) -> None:
    async with school(tmp_path, profile, RETENTION) as at:
        assert (await at.certify("rivera")).status_code == 201
        in_pursuit = await at.here.login("rivera")
        assert codes(
            [
                await at.boss.post("/v1/courses", json=SECOND) if profile in WITH_OWNER else _refused(),
                await at.trainer.post("/v1/courses", json=SECOND | {"version": "1"}),
                await at.trainer.post("/v1/courses", json=SECOND | {"validity": "a while"}),
                await at.trainer.post("/v1/courses", json=SECOND | {"content_sha256": "cd" * 32}),
            ]
        ) == ["not_training_owner", "course_version_exists", "invalid_request", "201"]
        assert codes([await in_pursuit.post("/v1/searches", json=SEARCH)]) == ["201"]
        assert await at.search("rivera") == ["training_missing"]
        assert codes([await at.certify("rivera"), await at.certify("rivera", course="Juggling")]) == [
            "course_version_not_accepted",
            "course_unknown",
        ]
        half = (at.here.clock() + timedelta(days=170)).isoformat()
        assert (await at.certify("rivera", version="2", valid_until=half)).status_code == 201
        assert await at.search("rivera") == ["201"]
        listed = {one["version"]: one for one in (await in_pursuit.get("/v1/courses")).json()}
        assert listed["1"]["accepted_until"] is not None
        assert (listed["2"]["accepted_until"], listed["2"]["content_sha256"]) == (None, "cd" * 32)
        assert (listed["2"]["validity"], listed["2"]["edited_by"]) == ("6 months", at.people["owner"])


def _refused() -> httpx.Response:
    """Stands where the department has no training owner beside the administrator."""
    return httpx.Response(403, json={"code": "not_training_owner"})


@pytest.mark.clause("B6")
@EVERY
async def test_a_title_needs_all_of_its_courses_and_a_certificate_counts_no_longer_than_the_course(
    tmp_path: Path, profile: str
) -> None:
    async with school(tmp_path, profile) as at:
        firearms = {"course": "Felony stops", "version": "2026", "validity": "2 years", "proof": "Range card"}
        assert (await at.trainer.post("/v1/courses", json=firearms)).status_code == 201
        administrator = at.boss if profile in WITH_OWNER else at.trainer
        title = {"title": "Officer", "kind": "member", "roles": ["officer"]}
        courses = {"courses": ["ALPR operator", "Felony stops"]}
        assert (await administrator.put("/v1/titles", json=title | courses)).status_code == 200
        tomorrow = at.here.clock().date() + timedelta(days=1)
        long = (at.here.clock() + timedelta(days=800)).isoformat()
        assert codes([await at.certify("rivera", valid_until=long), await at.certify("rivera", valid_until=None)]) == [
            "training_dates_wrong",
            "201",
        ]
        assert (await at.here.try_login("rivera")).json()["training_until"] is None
        second = await at.certify("rivera", course="Felony stops", version="2026", valid_until=None)
        assert date.fromisoformat(second.json()["valid_until"][:10]) == tomorrow.replace(year=tomorrow.year + 2)
        until = (await at.here.try_login("rivera")).json()["training_until"]
        assert date.fromisoformat(until[:10]) == tomorrow.replace(year=tomorrow.year + 1)


@pytest.mark.clause("B6")
async def test_earlier_versions_may_count_for_a_while_yet(tmp_path: Path) -> None:
    async with school(tmp_path, "pomona") as at:
        assert (await at.certify("rivera")).status_code == 201
        soon = at.here.clock() + timedelta(days=30)
        body = SECOND | {"earlier_versions_count_until": soon.isoformat()}
        assert (await at.trainer.post("/v1/courses", json=body)).status_code == 201
        until = (await at.here.try_login("rivera")).json()["training_until"]
        assert until == soon.isoformat().replace("+00:00", "Z")
        (line,) = [one for one in await report(at) if one["username"] == "rivera"]
        assert (line["trained"], line["courses"][0]["standing"]) == (True, "expiring")
        at.here.clock.advance(days=30)
        (line,) = [one for one in await report(at) if one["username"] == "rivera"]
        assert (line["trained"], line["courses"][0]["standing"]) == (False, "superseded")


async def report(at: School) -> list[dict[str, Any]]:
    """Trained versus authorised, as the training owner sees it."""
    people: list[dict[str, Any]] = (await (await at.here.login("owner")).get("/v1/training/report")).json()["people"]
    return people


@pytest.mark.clause("C3", "pomona", "galt", "la-port")
@pytest.mark.parametrize("profile", WITH_OWNER)
async def test_the_report_shows_who_is_authorised_and_who_is_trained(tmp_path: Path, profile: str) -> None:
    async with school(tmp_path, profile) as at:
        await at.here.hire(at.boss, "ines", "investigator")
        assert (await at.certify("rivera")).status_code == 201
        told = (await at.trainer.get("/v1/training/report")).json()
        standing = {one["username"]: (one["authorised"], one["trained"]) for one in told["people"]}
        assert standing == {
            "boss": (True, False),
            "owner": (True, False),
            "rivera": (True, True),
            "ines": (True, False),
        }
        assert (told["authorised"], told["trained"], told["authorised_and_not_trained"]) == (4, 1, 3)
        missing = {one["username"]: one["courses"][0]["standing"] for one in told["people"]}
        assert missing == {"boss": "missing", "owner": "missing", "rivera": "current", "ines": "missing"}
        assert codes([await (await at.here.login("rivera")).get("/v1/training/report")]) == ["not_allowed"]
        await at.here.pass_days(310, "boss", "owner", "rivera")
        told = {one["username"]: one for one in await report(at)}
        assert (told["rivera"]["courses"][0]["standing"], told["rivera"]["authorised"]) == ("expiring", False)


@pytest.mark.clause("C3", "pomona", "galt", "la-port")
@pytest.mark.parametrize("profile", WITH_OWNER)
async def test_the_end_of_training_is_announced_60_30_and_7_days_before_to_three_people_each_once(
    tmp_path: Path, profile: str
) -> None:
    days = tuple(one.days for one in department(profile).section(TrainingPolicy).expiry_notices)
    assert days == (60, 30, 7)
    async with school(tmp_path, profile, every=0.05) as at:
        await at.here.hire(at.boss, "ines", "investigator")
        ends = (await at.certify("rivera")).json()["valid_until"]

        async def seen(username: str) -> list[int]:
            told = (await (await at.here.login(username)).get("/v1/expiry-notices")).json()
            return [one["days"] for one in told if one["subject"] == "training" and one["ends_at"] == ends]

        assert await seen("rivera") == []
        till = date_of(at, ends) - timedelta(days=61) - at.here.clock()
        await at.here.pass_days(till.days, "rivera", "owner", "boss", "ines")
        for before, expected in ((61, []), (60, [60]), (31, [60]), (30, [30, 60]), (7, [7, 30, 60]), (1, [7, 30, 60])):
            at.here.clock.now = date_of(at, ends) - timedelta(days=before)
            await eventually(lambda wanted=expected: _is(seen, "rivera", wanted))  # type: ignore[misc]
        for username, told in (("owner", [7, 30, 60]), ("boss", [7, 30, 60]), ("ines", [])):
            assert await seen(username) == told, username
        at.here.clock.advance(days=2)
        assert await seen("rivera") == [7, 30, 60]


def date_of(at: School, text: str) -> Any:
    """The moment that the text says."""
    return type(at.here.clock.now).fromisoformat(text.replace("Z", "+00:00"))


async def _is(seen: Any, username: str, wanted: list[int]) -> bool:
    return bool(await seen(username) == wanted)
