"""What operators see of requests: an id, one line and figures by template, and nothing that a caller wrote."""

from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from standing import Town

from platekeeper_common import ids
from platekeeper_common.metrics import Readings

PLATE = "7KXQ042"
NOTES = "/v1/kiosk/notes"


def figures(here: Town, name: str) -> list[dict[str, str]]:
    """The labels of each series of that name."""
    text = Readings().told(here.standing.foundation.meters).decode()
    families = text_string_to_metric_families(text)
    return [sample.labels for family in families for sample in family.samples if sample.name == name]


def lines(captured: Any) -> list[dict[str, Any]]:
    return [line for line in captured if line["event"] == "request"]


async def test_each_request_is_one_line_by_its_template(here: Town) -> None:
    with structlog.testing.capture_logs() as captured:
        async with here.client(here.person()) as client:
            await client.post(NOTES, json={"text": "hello"})
            await client.post(NOTES, json={"text": PLATE, "fault": "refused"})
            await client.get(f"/v1/kiosk/{PLATE}?plate={PLATE}")
            await client.get("/v1/dead-letters/kiosk/" + PLATE)
            await client.request(PLATE, NOTES)
        async with here.client() as stranger:
            await stranger.post(NOTES, json={"text": PLATE})
    said = ("route", "method", "status", "code", "clause")
    shown = [tuple(line.get(part) for part in said) for line in lines(captured)]
    assert shown == [
        ("/v1/kiosk/notes", "POST", 201, None, None),
        ("/v1/kiosk/notes", "POST", 403, "purpose_not_allowed", "A2"),
        ("none", "GET", 404, "not_found", None),
        ("/v1/dead-letters/kiosk/{letter_id}", "GET", 403, "not_allowed", "A2"),
        ("/v1/kiosk/notes", "other", 405, "method_not_allowed", None),
        ("/v1/kiosk/notes", "POST", 401, "token_missing", "G2"),
    ]
    assert PLATE not in str(captured)
    assert PLATE not in Readings().told(here.standing.foundation.meters).decode()
    assert figures(here, "platekeeper_http_refusals_total")[0] == {
        "service": "kiosk",
        "status": "403",
        "code": "purpose_not_allowed",
        "clause": "A2",
    }
    assert {"service": "kiosk", "route": "/v1/kiosk/notes", "method": "other", "status": "4xx"} in figures(
        here, "platekeeper_http_requests_total"
    )


async def test_a_request_of_ours_that_fails_is_counted_and_keeps_its_id(here: Town) -> None:
    mine = ids.new()
    async with here.client(here.person()) as client:
        client._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
        answer = await client.post(NOTES, json={"text": "x", "fault": "broken"}, headers={"X-Request-Id": mine})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, mine)
    (refusal,) = figures(here, "platekeeper_http_refusals_total")
    assert (refusal["status"], refusal["code"]) == ("500", "internal_error")


@pytest.mark.parametrize("sent", [PLATE, "", "a" * 400, "7ABC123-0000"])
async def test_only_a_uuid_is_taken_for_a_request_id(here: Town, sent: str) -> None:
    async with here.client() as client:
        answer = await client.get("/v1/kiosk/open", headers={"X-Request-Id": sent})
        given = answer.headers["x-request-id"]
        assert given != sent
        assert len(given) == 36
        kept = await client.get("/v1/kiosk/open", headers={"X-Request-Id": given.upper()})
    assert kept.headers["x-request-id"] == given


async def test_what_is_logged_while_a_request_is_handled_carries_its_id(here: Town) -> None:
    mine = ids.new()
    bound = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[bound]) as captured:
        async with here.client(here.person()) as client:
            client._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
            await client.post(NOTES, json={"text": "x", "fault": "broken"}, headers={"X-Request-Id": mine})
    told = [(line["event"], line.get("request_id")) for line in captured if line["event"].startswith("request")]
    assert told == [("request failed", mine), ("request", mine)]
    assert structlog.contextvars.get_contextvars() == {}
