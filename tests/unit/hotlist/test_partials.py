"""Entries with wildcards (A7): what they mean, what they may say, and that they confirm nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import DEPARTMENTS, department
from standing import Town, eventually
from unit.hotlist.scene import USE, hits, list_plate, listening, open_list, publish, raised, seen, serving
from unit.hotlist.test_matching import AGENCIES, NOW, found, index_of, listed
from unit.hotlist.test_matching import seen as read_of

from platekeeper_common import ids, patterns
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Invalid, PlatekeeperError
from platekeeper_common.events.catalogue import decode
from platekeeper_common.events.envelope import encode
from platekeeper_common.events.recognition import Candidate
from platekeeper_common.ids import EntryId
from platekeeper_hotlist import domain, storage
from platekeeper_hotlist.domain import NewEntry
from platekeeper_hotlist.policy import HotlistPolicy
from platekeeper_hotlist.room import HotlistRoom

INCIDENT = {"incident": "26-77", "category": "felony"}


def editor(here: Town) -> Caller:
    return here.person("ines", "investigator")


def parsed(text: str) -> str | None:
    try:
        return patterns.parse(text).text
    except PlatekeeperError:
        return None


written = st.text("A1?*", min_size=1, max_size=6).map(parsed).filter(lambda text: text is not None)


@given(
    st.lists(written, max_size=12),
    st.lists(st.integers(0, 11), max_size=6),
    st.lists(st.text("A1", min_size=1, max_size=7), min_size=1, max_size=4, unique=True),
)
def test_the_tree_finds_what_every_pattern_on_its_own_matches(
    rows: list[str], dropped: list[int], texts: list[str]
) -> None:
    index = index_of(*(listed(number, text) for number, text in enumerate(rows)))
    for number in dropped:
        index.drop(EntryId(f"entry-{number}"))
    kept = {f"entry-{number}": text for number, text in enumerate(rows) if number not in dropped}
    read = read_of(texts[0], candidates=tuple(Candidate(text, 0.1) for text in texts[1:]))
    wanted = {
        entry_id
        for entry_id, text in kept.items()
        if any(patterns.Pattern(text).matches(candidate) for candidate in texts)
    }
    partial = [match.entry for match in found(index, read) if patterns.is_pattern(match.entry.plate)]
    assert sorted(entry.id for entry in partial) == sorted(i for i in wanted if patterns.is_pattern(kept[i]))
    for number in range(len(rows)):
        index.drop(EntryId(f"entry-{number}"))
    assert found(index, read) == []


def test_a_partial_plate_means_its_characters_and_no_look_alikes() -> None:
    index = index_of(listed(1, "7A?C*"))
    assert [match.kind for match in found(index, read_of("7ABC123"))] == ["partial"]
    assert [match.kind for match in found(index, read_of("7AXC"))] == ["partial"]
    assert found(index, read_of("7ABD123")) == found(index, read_of("7AC123")) == []
    assert found(index_of(listed(1, "7AO?")), read_of("7A01")) == []


def test_a_partial_match_scores_below_every_look_alike() -> None:
    policy = department("pomona").section(HotlistPolicy).model_copy(update={"look_alikes_at_most": 2})
    index = index_of(listed(1, "7SAM12?"), listed(2, "75AMI23"), listed(3, "7SAM123*"))
    scores = {str(match.entry.id): match.score for match in found(index, read_of("7SAM123"), policy=policy)}
    assert scores["entry-1"] == pytest.approx(0.8 * 0.2 * 6 / 7)
    assert scores["entry-1"] < scores["entry-3"] < scores["entry-2"] == pytest.approx(0.8 / 4)


def test_the_surest_text_of_a_read_counts() -> None:
    read = read_of("7SAN123", candidates=(Candidate("7SAM124", 0.1), Candidate("7SAM123", 0.4)))
    [match] = found(index_of(listed(1, "7SAM*")), read)
    assert (match.kind, match.read) == ("partial", read)
    assert match.score == pytest.approx(0.4 * 0.2 * 4 / 7)


def test_a_partial_match_keeps_to_state_expiry_and_agency() -> None:
    index = index_of(listed(1, "7SAM*", state="NV"), listed(2, "7SAM?23", expires_at=NOW))
    assert found(index, read_of("7SAM123", state="CA")) == []
    assert [match.entry.id for match in found(index, read_of("7SAM123"))] == ["entry-1"]
    assert found(index, read_of("7SAM123", agency_id=AGENCIES[1])) == []


@pytest.mark.clause("A7")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_a_partial_plate_needs_an_incident_and_leaves_by_itself(name: str) -> None:
    policy, now = department(name).section(HotlistPolicy), datetime(2026, 11, 22, tzinfo=UTC)
    new = NewEntry(plate="7a?c-*", category="felony", reason="Robbery", incident="26-77")
    admitted = domain.admitted(new, policy, now)
    assert (admitted.plate, admitted.expires_at) == ("7A?C*", now + timedelta(days=30))
    sooner = NewEntry(plate="7A?C*", category="felony", reason="x", incident="1", expires_at=now + timedelta(days=1))
    assert domain.admitted(sooner, policy, now).expires_at == now + timedelta(days=1)
    for wrong, code in (
        ({"incident": None}, "incident_required"),
        ({"plate": "7A*"}, "pattern_too_open"),
        ({"expires_at": now + timedelta(days=31)}, "expiry_too_late"),
    ):
        fields: dict[str, Any] = {"plate": "7A?C*", "category": "felony", "reason": "x", "incident": "1", **wrong}
        with pytest.raises(Invalid) as refusal:
            domain.admitted(NewEntry(**fields), policy, now)
        assert (refusal.value.code, refusal.value.clause) == (code, "A7")


@pytest.mark.clause("A7")
async def test_a_partial_hit_is_marked_and_is_no_live_alert(here: Town) -> None:
    who = editor(here)
    entry_id = await list_plate(here, who, await open_list(here, who), "7a?c *", **INCIDENT)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await publish(here, seen(here, "7ABC123"))
        [heard] = await ears.hear(1)
    [hit] = await raised(here, 1)
    assert (hit.kind, hit.late, hit.entry.plate, hit.entry.incident) == ("partial", False, "7A?C*", "26-77")
    assert decode(encode(hit, source="hotlist", at=hit.raised_at)) == hit
    assert (heard.event, heard.json()["kind"], heard.json()["id"]) == ("partial_hit", "partial", hit.id)
    assert heard.json()["entry"]["id"] == entry_id
    assert (await hits(here, who))[0]["kind"] == "partial"
    async with here.client() as client:
        counts = (await client.get("/health/hotlist")).json()["counts"]
    assert (counts["partial_hits"], counts["exact_hits"]) == (1, 0)


@pytest.mark.clause("A7")
async def test_a_partial_entry_shows_its_incident_and_its_end_and_is_over_then(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    await list_plate(here, who, list_id, "7A?C*", **INCIDENT)
    soon = (here.clock() + timedelta(minutes=5)).isoformat()
    await list_plate(here, who, list_id, "7?BC*", expires_at=soon, **INCIDENT)

    async def shown() -> list[tuple[str, bool, str, str]]:
        async with here.client(who) as client:
            entries = (await client.get(f"/v1/hotlists/{list_id}/entries", params=USE)).json()["entries"]
        return [(entry["plate"], entry["partial"], entry["incident"], entry["expires_at"]) for entry in entries]

    by_itself = ("7A?C*", True, "26-77", "2026-12-22T18:00:00Z")
    assert await shown() == [("7?BC*", True, "26-77", "2026-11-22T18:05:00Z"), by_itself]
    await here.let_pass(minutes=5)
    assert await shown() == [by_itself]
    await publish(here, seen(here, "7ABC123"))
    assert [hit.entry.plate for hit in await raised(here, 1)] == ["7A?C*"]


async def test_a_partial_entry_taken_off_matches_no_more(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    entry_id = await list_plate(here, who, list_id, "7A?C*", **INCIDENT)
    async with here.client(who) as client:
        assert (await client.delete(f"/v1/hotlists/{list_id}/entries/{entry_id}", params=USE)).status_code == 204
    await publish(here, seen(here, "7ABC123"))
    assert await raised(here, 0) == []


@pytest.mark.clause("A7")
async def test_a_list_takes_a_hundred_partial_plates(here: Town) -> None:
    who = editor(here)
    list_id = await open_list(here, who)
    await list_plate(here, who, list_id, "7SAM123")
    room = here.standing.rooms["hotlist"]
    assert isinstance(room, HotlistRoom)
    [one] = [await list_plate(here, who, list_id, "7SAM*", **INCIDENT)]
    async with room.db.tx() as tx:
        [like] = [entry for entry in await storage.entries(tx, list_id, None, 9, here.clock()) if entry.id == one]  # type: ignore[arg-type]
        for number in range(99):
            same = {name: getattr(like, name) for name in like.__slots__}
            await storage.add_entry(tx, domain.Entry(**{**same, "id": ids.new(), "plate": f"7SA?{number}"}))
    body = {"plate": "7S?M*", "reason": "Robbery", **INCIDENT, **USE}
    async with here.client(who) as client:
        answer = await client.post(f"/v1/hotlists/{list_id}/entries", json=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (409, "partials_full", "A7")
        await client.delete(f"/v1/hotlists/{list_id}/entries/{one}", params=USE)
        assert (await client.post(f"/v1/hotlists/{list_id}/entries", json=body)).status_code == 201


async def test_a_hit_shows_how_old_its_list_was(here: Town) -> None:
    who = editor(here)
    await list_plate(here, who, await open_list(here, who), "7SAM123")
    await here.let_pass(hours=3)
    async with serving(here) as url, listening(here, url, here.person()) as ears:
        await publish(here, seen(here, "7SAM123"))
        [heard] = await ears.hear(1)
    assert heard.json()["list_age_seconds"] == 3 * 3_600
    [told] = await eventually(lambda: hits(here, editor(here)))
    assert (told["list_age_seconds"], told["entry"]["list_updated_at"]) == (10_800, "2026-11-22T18:00:00Z")
