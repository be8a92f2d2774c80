"""Every kind of access is documented by name, date and time, in one form for all five departments (B8, G3)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from profiles import DEPARTMENTS
from standing import AGENCY, Town, eventually, town
from unit.ledger.proofs import check, export, signed
from unit.retention.office import USE, a_read, keep, store

from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_common.delegation import RELEASE, Delegation, Scope
from platekeeper_hotlist.service import SERVICE as HOTLIST
from platekeeper_ingest.service import SERVICE as INGEST
from platekeeper_retention.service import SERVICE as RETENTION

PLATE = "8ABC123"
STATUTORY = ("at", "username", "name", "organisation", "action", "outcome", "policy_version", "subject")
"""Of every record; those of plate data also say the purpose and, sealed, what was asked (Civil Code 1798.90.52)."""
RECORDS = "/v1/access-records"
VIEW = "/v1/reads/read-0001"


@pytest.fixture(params=DEPARTMENTS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """Services that show plate data, and the ledger, with AGENCY on each department's profile."""
    async with town(tmp_path / "var", (INGEST, HOTLIST, RETENTION, LEDGER)) as standing:
        await standing.open_agency(AGENCY, request.param)
        picture = await keep(standing, b"\x89PNG\r\n\x1a\n the street", "image", "image/png")
        await store(standing, a_read(1, image=picture))
        yield standing


async def found(here: Town, count: int) -> list[dict[str, Any]]:
    """Every record that the acts below left, in full, once there are so many; the oldest first."""
    auditor = here.person("reader", "auditor")
    async with here.client(auditor) as client:

        async def there() -> list[dict[str, Any]]:
            page = (await client.get(RECORDS, params={"limit": 500})).json()
            left = [one for one in page["records"] if one["username"] != "reader"]
            return left if len(left) >= count else []

        listed = await eventually(there)
        return [(await client.get(f"{RECORDS}/{one['id']}")).json() for one in reversed(listed)]


@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_each_kind_of_access_leaves_one_record_of_one_form(here: Town) -> None:
    day = (datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    acting = Delegation(RELEASE, "request-7", Scope(plates=(PLATE,), captured_from=day[0], captured_to=day[1]))
    within = {"from": day[0].isoformat(), "to": day[1].isoformat()}
    search = {**USE, "plate": PLATE}
    acts: list[tuple[str, Any, str, str, dict[str, Any], int]] = [
        ("search", here.person("ana"), "POST", "/v1/searches", {"json": search}, 201),
        ("view", here.person("ben"), "GET", VIEW, {"params": USE}, 200),
        ("image", here.person("carl", "investigator"), "GET", f"{VIEW}/image", {"params": USE}, 200),
        ("hits", here.person("dora", "dispatcher"), "GET", "/v1/hits", {"params": USE}, 200),
        ("hot lists", here.person("eve", "auditor"), "GET", "/v1/hotlists", {"params": USE}, 200),
        ("export", here.person("fay", "auditor"), "GET", f"{RECORDS}/export", {"params": {"username": "ana"}}, 200),
        (
            "partner",
            here.person("gil", kind="delegated", roles=frozenset(), delegation=acting),
            "POST",
            "/v1/searches",
            {"json": search | within},
            201,
        ),
        ("administration", here.person("hal", "auditor"), "GET", "/v1/devices", {}, 200),
        ("untrained", here.person("ida", trained=False), "POST", "/v1/searches", {"json": search}, 403),
        ("without purpose", here.person("jon"), "POST", "/v1/searches", {"json": {"plate": PLATE}}, 422),
        ("not allowed", here.person("kim", "trainer"), "GET", VIEW, {"params": USE}, 403),
        ("a stranger's read", here.person("lea"), "GET", "/v1/reads/none", {"params": USE}, 404),
    ]
    for kind, who, method, path, more, status in acts:
        async with here.client(who) as client:
            answer = await client.request(method, path, **more)
            assert answer.status_code == status, (kind, answer.text)
    left = await found(here, len(acts))
    by_name = {one["username"]: one for one in left}
    assert sorted(one["username"] for one in left) == sorted(who.username for _, who, *_ in acts)
    forms = {frozenset(one) for one in left}
    assert len(forms) == 1
    for kind, who, _, _, _, status in acts:
        record = by_name[who.username]
        assert all(record[name] for name in STATUTORY), kind
        assert datetime.fromisoformat(record["at"]) == here.clock()
        assert record["outcome"] == ("allowed" if status < 300 else "refused"), kind
        if record["kind"] == "plate_data":
            assert record["purpose"], kind
            assert isinstance(record["query"], dict), kind
            assert record["query"], kind
        else:
            assert (record["object_type"], record["object_id"]) != (None, None), kind
    assert by_name["ana"]["query"]["plate"] == PLATE
    assert (by_name["gil"]["actor"], by_name["gil"]["authority"]) == (RELEASE, "release:request-7")
    assert by_name["carl"]["action"] == "image.view"
    assert (by_name["ida"]["code"], by_name["ida"]["clause"]) == ("training_missing", "C2")
    assert by_name["jon"]["purpose"] == "not_stated"
    await signed(here)
    async with here.client(here.person("reader", "auditor")) as client:
        lines, notes, key = await export(here, client)
    assert not check(lines, notes, key).findings
    assert PLATE not in "".join(lines)


@pytest.mark.clause("B8")
async def test_records_are_exported_by_date_and_by_person(here: Town) -> None:
    for name in ("ana", "ben"):
        async with here.client(here.person(name)) as client:
            assert (await client.post("/v1/searches", json={**USE, "plate": PLATE})).status_code == 201
    await found(here, 2)
    async with here.client(here.person("reader", "administrator")) as client:
        whole = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z", "action": "reads.search"}
        by_date = (await client.get(f"{RECORDS}/export", params=whole)).text.splitlines()
        by_person = (await client.get(f"{RECORDS}/export", params={"username": "ana"})).text.splitlines()
        earlier = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}
        assert (await client.get(f"{RECORDS}/export", params=earlier)).text == ""
    assert (len(by_date), len(by_person)) == (2, 1)


@pytest.mark.clause("B8")
async def test_without_a_record_there_is_no_data(here: Town) -> None:
    broken = "CREATE TRIGGER broken BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'broken'); END"
    await here.run_sql("retention", broken)
    async with here.client(here.person("ana")) as client:
        doors = (("POST", "/v1/searches"), ("GET", VIEW), ("GET", f"{VIEW}/image"))
        for method, path in doors:
            more = {"json": {**USE, "plate": PLATE}} if method == "POST" else {"params": USE}
            answer = await client.request(method, path, **more)  # type: ignore[arg-type]
            told = answer.json()
            assert (answer.status_code, told["code"], told["clause"]) == (503, "audit_unavailable", "B8")
            assert PLATE not in answer.text
        await here.run_sql("retention", "DROP TRIGGER broken")
        assert (await client.post("/v1/searches", json={**USE, "plate": PLATE})).status_code == 201
