import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standing import AGENCY, Town, eventually, town
from starlette.types import Message
from unit.hotlist.scene import (
    OTHER,
    USE,
    behind_its_back,
    committed_records,
    hits,
    list_plate,
    listening,
    open_list,
    publish,
    query,
    raised,
    records,
    seen,
    serving,
)

from platekeeper_common import ids
from platekeeper_common.caller import Caller
from platekeeper_common.events.access import AccessRecorded, AccessRevoked
from platekeeper_common.ids import CameraId
from platekeeper_hotlist.service import SERVICE

NO_RECORDS = """
    CREATE TRIGGER no_records BEFORE INSERT ON outbox WHEN NEW.access_record
    BEGIN SELECT RAISE(ABORT, 'broken by a test'); END
"""


async def listed(here: Town, **more: Any) -> None:
    """Put 7SAM123 on a list."""
    who = here.person("ines", "investigator", **more)
    await list_plate(here, who, await open_list(here, who), "7SAM123")


async def passes(here: Town, count: int = 1, **more: Any) -> None:
    """The listed plate is seen, each time elsewhere, and its hits are raised."""
    before = len(await raised(here, 0))
    await publish(here, *(seen(here, "7SAM123", camera_id=CameraId(ids.new()), **more) for _ in range(count)))
    await raised(here, before + count)


def about_streams(found: list[AccessRecorded]) -> list[AccessRecorded]:
    return [record for record in found if record.action == "hits.stream"]


async def asked(here: Town, who: Caller, **headers: str) -> httpx.Response:
    """The answer to an attempt that is refused."""
    async with here.client(who) as client:
        return await client.get("/v1/hits/stream", params=USE, headers=headers)


async def test_a_hit_arrives_as_it_is_raised(here: Town) -> None:
    await listed(here)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await passes(here)
        [event] = await ears.hear(1)
        [hit] = await hits(here, here.person())
    assert (event.event, event.json()) == ("hit", hit)
    assert event.id.isdigit()
    assert (hit["read"]["plate"], hit["entry"]["category"], hit["late"]) == ("7SAM123", "stolen_vehicle", False)


async def test_without_last_event_id_only_what_comes_is_told(here: Town) -> None:
    await listed(here)
    await passes(here)
    [before] = await hits(here, here.person())
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await passes(here)
        [event] = await ears.hear(1)
    assert event.json()["id"] in {hit["id"] for hit in await hits(here, here.person())} - {before["id"]}


async def test_resuming_tells_exactly_what_was_missed(here: Town) -> None:
    await listed(here)
    async with serving(here) as url:
        async with listening(here, url, here.person()) as ears:
            await passes(here, 2)
            heard = list(await ears.hear(2))
        await passes(here, 3)
        async with listening(here, url, here.person(), heard[0].id) as ears:
            await ears.hear(4)
            await passes(here)
            again = list(await ears.hear(5))
    offsets = [int(event.id) for event in again]
    assert again[0].json() == heard[1].json()
    assert offsets == sorted(set(offsets))
    told = {event.json()["id"] for event in [heard[0], *again]}
    assert told == {hit["id"] for hit in await hits(here, here.person())}
    assert len(told) == 6


@pytest.mark.clause("E2")
async def test_a_late_hit_is_never_a_live_alert(here: Town) -> None:
    await listed(here)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await passes(here, live_until=here.clock() - timedelta(seconds=1))
        [event] = await ears.hear(1)
    assert (event.event, event.json()["late"]) == ("late_hit", True)


@pytest.mark.clause("E2")
async def test_a_hit_that_was_live_is_no_live_alert_when_it_is_delivered_too_late(here: Town) -> None:
    await listed(here)
    await passes(here)
    await here.let_pass(minutes=6)
    await passes(here)
    async with serving(here) as url, listening(here, url, here.person(), "0") as ears:
        await passes(here)
        events = await ears.hear(2)
    assert [event.event for event in events] == ["hit", "hit"]
    async with serving(here) as url:
        await here.let_pass(minutes=6)
        await passes(here)
        async with listening(here, url, here.person(), "0") as ears:
            events = await ears.hear(3)
    assert [event.event for event in events] == ["late_hit", "late_hit", "hit"]
    assert [event.json()["late"] for event in events] == [False, False, False]


@pytest.mark.clause("H1")
async def test_only_the_own_agencys_hits_are_told(here: Town) -> None:
    await here.open_agency(OTHER, "galt")
    await listed(here)
    await listed(here, agency_id=OTHER)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await passes(here, agency_id=OTHER)
        await passes(here)
        [event] = await ears.hear(1)
    assert event.json()["read"]["id"] in {hit["read"]["id"] for hit in await hits(here, here.person())}
    assert len(about_streams(await records(here, lambda all_: len(about_streams(all_)) >= 2))) == 2


@pytest.mark.clause("G3")
async def test_opening_and_each_delivery_are_recorded(here: Town) -> None:
    await listed(here)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await passes(here, 2)
        told = [event.json() for event in await ears.hear(2)]
    opened, first, second = about_streams(await records(here, lambda all_: len(about_streams(all_)) >= 3))
    assert (await query(here, opened)) == {"stream": "opened", "after": None}
    assert (opened.purpose, opened.matter_type, opened.result_count) == ("stolen_vehicle", "patrol", 0)
    assert [record.result_ids for record in (first, second)] == [(told[0]["id"],), (told[1]["id"],)]
    assert (await query(here, first))["plate"] == "7SAM123"
    assert {record.username for record in (opened, first, second)} == {"officer"}
    assert opened.agency_id == AGENCY


@pytest.mark.clause("B8")
async def test_every_record_is_committed_before_the_first_byte_that_it_stands_for(here: Town) -> None:
    await listed(here)
    await passes(here)
    sent: list[tuple[bytes, int]] = []
    enough = asyncio.Event()

    async def send(message: Message) -> None:
        head = b"start" if message["type"] == "http.response.start" else message["body"]
        sent.append((head, committed_records(here)))
        if b"event: hit" in head:
            enough.set()

    async def receive() -> Message:
        await enough.wait()
        return {"type": "http.disconnect"}

    before = committed_records(here)
    query_string = "&".join(f"{name}={value}" for name, value in USE.items()).encode()
    headers = [(b"authorization", f"Bearer {here.token(here.person())}".encode()), (b"last-event-id", b"0")]
    scope: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET"}
    scope |= {"scheme": "http", "path": "/v1/hits/stream", "query_string": query_string, "headers": headers}
    await passes(here)
    async with asyncio.timeout(10):
        await here.standing.app(scope, receive, send)
    assert sent[0] == (b"start", before + 1)
    assert sent[1][0].startswith(b": open")
    assert [count for head, count in sent if b"event: hit" in head] == [before + 2]


@pytest.mark.clause("B8")
async def test_no_stream_opens_and_none_goes_on_without_its_record(here: Town) -> None:
    await listed(here)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await behind_its_back(here, NO_RECORDS)
        await passes(here)
        [event] = await ears.hear(1)
        await eventually(lambda: ears.ended)
        answer = await asked(here, here.person())
        await behind_its_back(here, "DROP TRIGGER no_records")
    assert (event.event, event.json()["code"]) == ("error", "audit_unavailable")
    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")
    assert about_streams(await records(here, lambda all_: bool(about_streams(all_))))[0].outcome == "allowed"


@pytest.mark.clause("G2")
async def test_the_stream_ends_with_its_token(here: Town) -> None:
    await listed(here)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await passes(here)
        await ears.hear(1)
        await here.let_pass(minutes=10)
        _, end = await ears.hear(2)
        await eventually(lambda: ears.ended)
    assert (end.event, end.json()["reason"]) == ("end", "token_expired")


@pytest.mark.clause("G2")
async def test_a_hit_that_comes_when_the_token_has_ended_is_not_delivered(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here:
        await listed(here)
        async with serving(here) as url, listening(here, url, here.person()) as ears:
            await here.let_pass(minutes=10)
            await passes(here)
            [end] = await ears.hear(1)
            await eventually(lambda: ears.ended)
    assert (end.event, end.json()["reason"]) == ("end", "token_expired")


@pytest.mark.clause("G2")
async def test_the_stream_ends_when_the_token_is_revoked(here: Town) -> None:
    who = here.person()
    async with serving(here) as url, listening(here, url, who) as ears:
        revoked = AccessRevoked(agency_id=AGENCY, subject=who.subject, before=here.clock() + timedelta(seconds=1))
        await here.standing.foundation.bus.publish([revoked], source="accounts")
        [end] = await ears.hear(1)
        await eventually(lambda: ears.ended)
    assert (end.event, end.json()["code"]) == ("error", "token_revoked")


async def test_the_stream_ends_when_the_agency_closes(here: Town) -> None:
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await here.open_agency(mode="closed")
        [end] = await ears.hear(1)
    assert (end.event, end.json()["code"]) == ("error", "agency_unknown")


@pytest.mark.clause("C2")
async def test_an_untrained_officer_is_refused_and_that_is_recorded(here: Town) -> None:
    answer = await asked(here, here.person(trained=False))
    assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (403, "training_missing", "C2")
    [record] = about_streams(await records(here, lambda all_: bool(about_streams(all_))))
    assert (record.outcome, record.code, record.clause) == ("refused", "training_missing", "C2")


@pytest.mark.clause("A2")
async def test_an_administrator_hears_no_hits(here: Town) -> None:
    answer = await asked(here, here.person("boss", "administrator"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1.5", "1" * 19])
async def test_a_wrong_last_event_id_is_refused(here: Town, wrong: str) -> None:
    answer = await asked(here, here.person(), **{"Last-Event-ID": wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "last_event_id_invalid")


async def test_a_stream_that_is_too_old_points_to_the_list(here: Town) -> None:
    await listed(here)
    await passes(here, 2)
    await here.let_pass(days=8)
    await here.standing.foundation.bus.prune()
    pruned = await asked(here, here.person(), **{"Last-Event-ID": "0"})
    unknown = await asked(here, here.person(), **{"Last-Event-ID": "1000"})
    for answer in (pruned, unknown):
        assert (answer.status_code, answer.json()["code"]) == (410, "stream_too_old")
        assert answer.json()["hits"] == "/v1/hits"


async def test_a_quiet_stream_says_that_it_lives(here: Town) -> None:
    async with serving(here) as url, httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {here.token(here.person())}"}
        async with client.stream("GET", "/v1/hits/stream", params=USE, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            text = ""
            async for part in answer.aiter_text():
                text += part
                if text.count(": keep-alive\n\n") >= 2:
                    break
    assert text.startswith(": open\n\n")


async def test_a_client_that_goes_ends_its_stream_at_once(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (SERVICE,)) as here, serving(here) as url:
        before = len(asyncio.all_tasks())
        async with listening(here, url, here.person()):
            assert len(asyncio.all_tasks()) > before
        await eventually(lambda: len(asyncio.all_tasks()) <= before)


async def test_the_document_of_the_api_names_the_event_stream(here: Town) -> None:
    async with here.client() as client:
        paths = json.loads((await client.get("/docs/hotlist/openapi.json")).text)["paths"]
    assert "text/event-stream" in paths["/v1/hits/stream"]["get"]["responses"]["200"]["content"]
