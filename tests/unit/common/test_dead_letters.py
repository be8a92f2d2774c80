"""Dead letters at the door: who sees them, what is shown of them, that retrying and discarding are audited acts,
and that none keeps what it says for longer than the bus.
"""

from datetime import datetime
from typing import Any

import pytest
from databases import on_both
from standing import AGENCY, Town, eventually
from unit.common.kiosk.service import Kiosk

from platekeeper_common import forgetting
from platekeeper_common.bus.contract import DeadLetter, Record
from platekeeper_common.events import envelope
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.events.envelope import Topic
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.ids import PLATFORM
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR

pytestmark = on_both
DOOR = "/v1/dead-letters/kiosk"
SUBJECT = "account-of-the-letter"


def mender(here: Town) -> Any:
    return here.client(here.person("admin", PLATFORM_ADMINISTRATOR, agency_id=PLATFORM))


async def letter(
    kiosk: Kiosk,
    here: Town,
    *,
    group: str = "kiosk",
    value: bytes | None = None,
    topic: Topic = AccessRecorded.topic,
    offset: int = 7,
) -> None:
    """Put an event, of the kiosk's own topic unless another is named, into its dead letters."""
    if value is None:
        acted = kiosk.recorder.unauthenticated(SUBJECT, "token_missing", "G2", count=1)
        value = envelope.encode(acted, source="kiosk", at=here.clock())
    record = Record(topic.name, 0, offset, "key", value, here.clock())
    await kiosk.dead_letters.add(DeadLetter(group, record, "failed: it did", 5, here.clock()))


async def the_letter(client: Any) -> dict[str, Any]:
    [found] = (await client.get(DOOR)).raise_for_status().json()
    return dict(found)


def acts(kiosk: Kiosk) -> list[tuple[str, str, str | None, str | None]]:
    return [(said.action, said.outcome, said.object_type, said.object_id) for said in kiosk.heard if said.username]


async def test_a_letter_is_shown_without_its_content(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here)
    async with mender(here) as client:
        found = await the_letter(client)
        shown = await client.get(f"{DOOR}/{found['id']}")
        assert (await client.get(f"{DOOR}/nobody-wrote-it")).json()["code"] == "dead_letter_unknown"
    assert shown.json() == found
    assert (found["topic"], found["offset"], found["reason"], found["attempts"]) == (
        "access.recorded",
        7,
        "failed: it did",
        5,
    )
    assert SUBJECT not in shown.text
    await eventually(lambda: len(acts(kiosk)) == 3)
    assert acts(kiosk) == [
        ("dead_letters.view", "allowed", "dead_letters", "kiosk"),
        ("dead_letters.view", "allowed", "dead_letter", found["id"]),
        ("dead_letters.view", "refused", "request", f"GET {DOOR}/nobody-wrote-it"),
    ]


async def test_a_retried_letter_is_handled_recorded_and_gone(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here)
    async with mender(here) as client:
        found = await the_letter(client)
        answer = await client.post(f"{DOOR}/{found['id']}/retry")
        assert answer.json() == {"id": found["id"], "outcome": "handled"}
        assert (await client.get(DOOR)).json() == []
    assert f"source:{SUBJECT}" in [said.subject for said in kiosk.heard]
    await eventually(lambda: ("dead_letters.retry", "allowed", "dead_letter", found["id"]) in acts(kiosk))


async def test_a_letter_that_fails_again_stays_with_its_reason(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here, value=b'{"plate": "7KXQ042"')
    async with mender(here) as client:
        found = await the_letter(client)
        answer = (await client.post(f"{DOOR}/{found['id']}/retry")).json()
        again = await the_letter(client)
    assert (answer["outcome"], answer["reason"]) == ("failed", "undecodable: no event that this version knows")
    assert (again["attempts"], again["reason"]) == (6, answer["reason"])
    await eventually(lambda: ("dead_letters.retry", "allowed", "dead_letter", found["id"]) in acts(kiosk))


async def test_a_letter_of_a_group_that_is_no_more_is_told_so(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here, group="closed-counter")
    async with mender(here) as client:
        found = await the_letter(client)
        answer = await client.post(f"{DOOR}/{found['id']}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "dead_letter_orphaned")


@pytest.mark.clause("B8")
async def test_nothing_is_retried_that_cannot_be_recorded(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here)
    async with mender(here) as client:
        found = await the_letter(client)
        await eventually(lambda: len(acts(kiosk)) == 1)
        await here.run_sql("kiosk", "ALTER TABLE access_number RENAME TO hidden")
        answer = await client.post(f"{DOOR}/{found['id']}/retry")
        assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")
        await here.run_sql("kiosk", "ALTER TABLE hidden RENAME TO access_number")
        assert (await the_letter(client))["attempts"] == 5
    assert f"source:{SUBJECT}" not in [said.subject for said in kiosk.heard]


@pytest.mark.clause("F1")
async def test_a_letter_forgets_what_it_said_when_the_bus_does_and_stays(here: Town, kiosk: Kiosk) -> None:
    plate = b"7KXQ042"
    await letter(kiosk, here, value=plate, topic=PlatesRead.topic)
    await here.let_pass(days=6)
    await letter(kiosk, here, value=plate, topic=PlatesRead.topic, offset=8)
    assert await forgetting.forget(kiosk) == 0
    await here.let_pass(days=1)
    assert await forgetting.forget(kiosk) == 1
    assert await forgetting.forget(kiosk) == 0
    assert [row[0] for row in here.rows("kiosk", "SELECT value FROM dead_letter ORDER BY id")] == [b"", plate]
    async with mender(here) as client:
        _, forgotten = (await client.get(DOOR)).json()
        told = (forgotten["topic"], forgotten["reason"], forgotten["offset"], forgotten["bytes"], forgotten["sha256"])
        assert told == ("plates.read", "failed: it did", 7, 0, None)
        assert datetime.fromisoformat(forgotten["forgotten_at"]) == here.clock()
        answer = await client.post(f"{DOOR}/{forgotten['id']}/retry")
        assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (
            410,
            "dead_letter_forgotten",
            "F1",
        )
    await eventually(lambda: ("dead_letters.forget", "allowed", "dead_letter", forgotten["id"]) in acts(kiosk))


@pytest.mark.clause("B8")
async def test_an_access_record_that_was_refused_waits_for_as_long_as_it_takes(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here)
    await here.let_pass(days=400)
    assert await forgetting.forget(kiosk) == 0
    async with mender(here) as client:
        assert (await the_letter(client))["forgotten_at"] is None


@pytest.mark.clause("F1")
async def test_a_letter_is_discarded_by_an_act_that_is_recorded(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here)
    async with mender(here) as client:
        found = await the_letter(client)
        assert (await client.delete(f"{DOOR}/{found['id']}")).status_code == 204
        assert (await client.get(DOOR)).json() == []
        assert (await client.delete(f"{DOOR}/{found['id']}")).json()["code"] == "dead_letter_unknown"
    assert here.rows("kiosk", "SELECT count(*) FROM dead_letter") == [(0,)]
    await eventually(lambda: ("dead_letters.discard", "allowed", "dead_letter", found["id"]) in acts(kiosk))


@pytest.mark.clause("A2")
async def test_only_the_platforms_administrator_opens_dead_letters(here: Town, kiosk: Kiosk) -> None:
    await letter(kiosk, here)
    for role in ("administrator", "officer", "auditor"):
        async with here.client(here.person("somebody", role)) as client:
            answer = await client.get(DOOR)
        assert (answer.status_code, answer.json()["clause"]) == (403, "A2")
    await eventually(lambda: len(kiosk.heard) == 3)
    assert {(said.agency_id, said.outcome) for said in kiosk.heard} == {(AGENCY, "refused")}
