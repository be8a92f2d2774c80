"""The edge of every service: one transaction a request, problem documents, and a record of every refusal."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from standing import Town, eventually
from unit.common.kiosk.service import FAULTS, Kiosk, note

from platekeeper_common import outbox
from platekeeper_common.caller import Caller
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.ids import AgencyId

NOTES, FRAMES = "/v1/kiosk/notes", "/v1/kiosk/frames"
PLATE = "7KXQ042"


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem document, checked for its form (RFC 9457)."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:platekeeper:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    return body


async def kept(kiosk: Kiosk) -> list[str]:
    async with kiosk.db.tx() as tx:
        return [row.text for row in await tx.rows(select(note))]


async def heard(kiosk: Kiosk, count: int) -> list[AccessRecorded]:
    await eventually(lambda: len(kiosk.heard) >= count)
    assert len(kiosk.heard) == count
    return kiosk.heard


def forgiving(here: Town, who: Caller) -> httpx.AsyncClient:
    """A client that is answered as one behind a socket is, when the app raises."""
    transport = httpx.ASGITransport(app=here.standing.app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {here.token(who)}"}
    return httpx.AsyncClient(transport=transport, base_url="http://platekeeper", headers=headers)


async def test_an_answer_comes_with_its_record(here: Town, kiosk: Kiosk) -> None:
    async with here.client(here.person()) as client:
        answer = await client.post(NOTES, json={"text": "hello"})
    assert (answer.status_code, answer.json()) == (201, {"text": "hello"})
    [record] = await heard(kiosk, 1)
    assert (record.outcome, record.username, record.number, record.address) == ("allowed", "officer", 1, "127.0.0.1")


@pytest.mark.clause("B8")
async def test_the_record_is_committed_before_the_first_byte(here: Town, kiosk: Kiosk) -> None:
    there: list[tuple[str, int]] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def watch(message: Any) -> None:
            async with kiosk.db.tx() as tx:
                number = await tx.row(select(outbox.access_number.c.last))
            there.append((message["type"], number[0] if number else 0))
            await send(message)

        await here.standing.app(scope, receive, watch)

    headers = {"Authorization": f"Bearer {here.token(here.person())}"}
    transport = httpx.ASGITransport(app=watched)
    async with httpx.AsyncClient(transport=transport, base_url="http://platekeeper", headers=headers) as client:
        await client.post(NOTES, json={"text": "hello"})
        await client.post(NOTES, json={"text": "no", "fault": "refused"})
    assert [number for kind, number in there if kind == "http.response.start"] == [1, 2]


@pytest.mark.parametrize("fault", ["refused", "missing", "taken"])
async def test_a_refusal_rolls_back_and_leaves_its_record(here: Town, kiosk: Kiosk, fault: str) -> None:
    async with here.client(here.person()) as client:
        answer = await client.post(NOTES, json={"text": "hello", "fault": fault})
    error = FAULTS[fault]
    body = problem_of(answer)
    assert (answer.status_code, body["code"]) == (getattr(error, "status", 0), getattr(error, "code", ""))
    assert body.get("clause") == getattr(error, "clause", None)
    assert body.get("holder") == ("somebody" if fault == "taken" else None)
    assert await kept(kiosk) == []
    [record] = await heard(kiosk, 1)
    assert (record.outcome, record.code, record.clause, record.kind, record.action) == (
        "refused",
        body["code"],
        body.get("clause"),
        "plate_data",
        "reads.search",
    )


async def test_what_is_away_is_503_and_no_refusal(here: Town, kiosk: Kiosk) -> None:
    async with here.client(here.person()) as client:
        busy = await client.post(NOTES, json={"text": "a", "fault": "busy"})
        away = await client.post(NOTES, json={"text": "b", "fault": "away"})
        await client.post(NOTES, json={"text": "c"})
    assert (problem_of(busy)["code"], busy.headers["retry-after"]) == ("backlog_full", "7")
    assert (problem_of(away)["code"], away.headers["retry-after"]) == ("unavailable", "2")
    assert [record.outcome for record in await heard(kiosk, 1)] == ["allowed"]
    assert await kept(kiosk) == ["c"]


async def test_a_fault_of_ours_is_500_and_tells_nothing(here: Town, kiosk: Kiosk) -> None:
    async with forgiving(here, here.person()) as client:
        answer = await client.post(NOTES, json={"text": "hello", "fault": "broken"})
    assert (answer.status_code, problem_of(answer)["code"]) == (500, "internal_error")
    assert PLATE not in answer.text
    assert await kept(kiosk) == []


@pytest.mark.clause("B8")
async def test_a_handler_that_forgets_the_record_answers_nothing(here: Town, kiosk: Kiosk) -> None:
    async with forgiving(here, here.person()) as client:
        answer = await client.post(NOTES, json={"text": "hello", "fault": "silent"})
    assert answer.status_code == 500
    assert await kept(kiosk) == []


async def test_a_device_leaves_no_record_of_its_work(here: Town, kiosk: Kiosk) -> None:
    async with here.client(here.device("car-12")) as client:
        assert (await client.post(FRAMES, json={"text": "frame"})).status_code == 202
    assert await kept(kiosk) == ["frame"]
    assert kiosk.heard == []


@pytest.mark.clause("B8")
@pytest.mark.parametrize("fault", [None, "refused"])
async def test_no_record_no_answer(here: Town, kiosk: Kiosk, fault: str | None) -> None:
    async with kiosk.db.tx() as tx:
        await tx.write(text("DROP TABLE access_number"))
    async with here.client(here.person()) as client:
        answer = await client.post(NOTES, json={"text": "hello", "fault": fault})
    body = problem_of(answer)
    assert (answer.status_code, body["code"], body["clause"]) == (503, "audit_unavailable", "B8")
    assert await kept(kiosk) == []


@pytest.mark.clause("B8")
async def test_no_plate_data_when_the_last_checkpoint_is_too_old(here: Town, kiosk: Kiosk) -> None:
    signed_at = here.clock() + timedelta(days=20_000)
    await here.say_signed(signed_at)
    here.clock.now = signed_at + timedelta(minutes=5)
    async with here.client(here.person()) as client:
        assert (await client.post(NOTES, json={"text": "a"})).status_code == 201
        here.clock.advance(seconds=1)
        late = await client.post(NOTES, json={"text": "b"})
        assert (late.status_code, problem_of(late)["code"]) == (503, "audit_unavailable")
        await here.say_signed(here.clock())
        assert (await client.post(NOTES, json={"text": "c"})).status_code == 201
    assert await kept(kiosk) == ["a", "c"]


@pytest.mark.clause("B8")
async def test_no_plate_data_while_records_cannot_be_delivered(here: Town, kiosk: Kiosk) -> None:
    await here.standing.foundation.bus.close()
    async with here.client(here.person()) as client:
        assert (await client.post(NOTES, json={"text": "a"})).status_code == 201
        here.clock.advance(minutes=5)
        assert (await client.post(NOTES, json={"text": "b"})).status_code == 201
        here.clock.advance(seconds=1)
        late = await client.post(NOTES, json={"text": "c"})
    assert (late.status_code, problem_of(late)["code"]) == (503, "audit_unavailable")
    async with here.client(here.person("chief", "administrator")) as client:
        assert (await client.get(NOTES)).json() == ["a", "b"]


async def test_nothing_here_is_404_and_the_wrong_method_405(here: Town, kiosk: Kiosk) -> None:
    async with here.client(here.person()) as client:
        missing, wrong = await client.get("/v1/kiosk/nothing"), await client.delete(NOTES)
        nowhere, elsewhere = await client.get("/v1/elsewhere"), await client.get(f"{NOTES}/")
    assert (missing.status_code, problem_of(missing)["code"]) == (404, "not_found")
    assert (nowhere.status_code, problem_of(nowhere)["code"]) == (404, "not_found")
    assert (elsewhere.status_code, problem_of(elsewhere)["code"]) == (404, "not_found")
    assert (wrong.status_code, problem_of(wrong)["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"json": {"text": PLATE * 3}}, "text"),
        ({"json": {"plate": PLATE, "text": "a"}}, "plate"),
        ({"json": {}}, "text"),
        ({"json": [PLATE]}, "body"),
        ({"content": b'{"text": ' + PLATE.encode(), "headers": {"content-type": "application/json"}}, None),
        ({"content": b"", "headers": {"content-type": "application/json"}}, "body"),
    ],
)
async def test_what_cannot_be_understood_names_the_field_and_repeats_nothing(
    here: Town, kiosk: Kiosk, sent: dict[str, Any], field: str | None
) -> None:
    async with here.client(here.person()) as client:
        answer = await client.post(NOTES, **sent)
    body = problem_of(answer)
    assert (answer.status_code, body["code"]) == (422, "invalid_request")
    assert field is None or field in [error["field"] for error in body["errors"]]
    assert PLATE not in answer.text
    [record] = await heard(kiosk, 1)
    assert (record.outcome, record.code) == ("refused", "invalid_request")


async def test_an_answer_names_few_wrong_fields_of_many(here: Town, kiosk: Kiosk) -> None:
    async with here.client(here.person()) as client:
        answer = await client.post(NOTES, json={str(number): 1 for number in range(80)})
    assert len(problem_of(answer)["errors"]) == 20
    assert (await heard(kiosk, 1))[0].outcome == "refused"


async def slowly(data: bytes) -> AsyncIterator[bytes]:
    """A body that does not say how long it is."""
    for start in range(0, len(data), 100):
        yield data[start : start + 100]


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_413_and_recorded(here: Town, kiosk: Kiosk, declared: bool) -> None:
    data = b'{"text": "' + b"a" * 1_000 + b'"}'
    async with here.client(here.person()) as client:
        headers = {"content-type": "application/json"}
        answer = await client.post(NOTES, content=data if declared else slowly(data), headers=headers)
    body = problem_of(answer)
    assert (answer.status_code, body["code"]) == (413, "too_large")
    assert "1000 bytes" in body["detail"]
    [record] = await heard(kiosk, 1)
    assert (record.outcome, record.code) == ("refused", "too_large")


@pytest.mark.clause("G2")
@pytest.mark.parametrize(
    "sent",
    [{"json": {"text": "a"}}, {"json": {}}, {"content": b"a" * 2_000}, {"json": {"text": "a", "fault": "taken"}}],
)
async def test_a_stranger_learns_nothing_but_401(here: Town, kiosk: Kiosk, sent: dict[str, Any]) -> None:
    async with here.client() as client:
        answer = await client.post(NOTES, **sent)
        assert (await client.get("/v1/kiosk/open")).json() == {"hello": "stranger"}
    body = problem_of(answer)
    assert (answer.status_code, body["code"], body["clause"]) == (401, "token_missing", "G2")
    assert (await kept(kiosk), kiosk.heard) == ([], [])


async def test_a_caller_of_a_closed_agency_is_refused(here: Town, kiosk: Kiosk) -> None:
    galt = AgencyId("galt-pd")
    await here.open_agency(galt, "galt", "closed")
    async with here.client(here.person(agency_id=galt)) as client:
        answer = await client.post(NOTES, json={"text": "hello"})
    assert (answer.status_code, problem_of(answer)["code"]) == (403, "agency_unknown")
    [record] = await heard(kiosk, 1)
    assert (record.agency_id, record.code, record.policy_version) == (galt, "agency_unknown", "none")


async def test_the_document_and_the_health_of_a_service_are_open(here: Town) -> None:
    async with here.client() as client:
        health = (await client.get("/health/kiosk")).json()
        document = (await client.get("/docs/kiosk/openapi.json")).json()
    assert health == {"service": "kiosk", "ready": True, "trouble": [], "counts": {}}
    assert document["paths"][NOTES]["post"]["security"]
    assert "security" not in document["paths"]["/v1/kiosk/open"]["get"]
