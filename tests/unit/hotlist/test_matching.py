"""The index against a scan that knows nothing of folding."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from profiles import department

from platekeeper_common.events.hotlist import ListedEntry
from platekeeper_common.events.recognition import Candidate, Model, PlateRead
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, EntryId, ListId, ReadId
from platekeeper_hotlist import matching
from platekeeper_hotlist.matching import Index
from platekeeper_hotlist.policy import HotlistPolicy

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
POLICY = department("pomona").section(HotlistPolicy)
AGENCIES = (AgencyId("pomona-pd"), AgencyId("galt-pd"))

plates = st.text("0ODQ1I2Z5SA7", min_size=1, max_size=4)
states = st.sampled_from([None, "CA", "NV"])
expiries = st.sampled_from([None, NOW - timedelta(seconds=1), NOW, NOW + timedelta(seconds=1)])


def listed(number: int, plate: str, **more: Any) -> ListedEntry:
    return ListedEntry(
        **{
            "id": EntryId(f"entry-{number}"),
            "list_id": ListId("list"),
            "list_name": "Stolen",
            "list_source": "dept",
            "plate": plate,
            "category": "stolen_vehicle",
            "reason": "Taken",
            **more,
        }
    )


def seen(plate: str, **more: Any) -> PlateRead:
    return PlateRead(
        **{
            "id": ReadId("read"),
            "agency_id": AGENCIES[0],
            "camera_id": CameraId("camera"),
            "device_id": DeviceId("device"),
            "plate": plate,
            "confidence": 0.8,
            "captured_at": NOW,
            "received_at": NOW,
            "live_until": NOW,
            "source": "edge",
            "model": Model(name="test", version="1"),
            **more,
        }
    )


def index_of(*entries: ListedEntry) -> Index:
    index = Index()
    for entry in entries:
        index.put(AGENCIES[0], entry)
    return index


def found(index: Index, *reads: PlateRead, policy: HotlistPolicy = POLICY) -> list[matching.Match]:
    return matching.find(reads, index, dict.fromkeys(AGENCIES, policy), NOW)


def scan(read: PlateRead, entries: list[tuple[AgencyId, ListedEntry]], policy: HotlistPolicy) -> dict[str, str]:
    """Entry ids and kinds, by looking at every entry and every pair of characters."""
    matched: dict[str, str] = {}
    for agency_id, entry in entries:
        pairs = [(a, b) for a, b in zip(read.plate, entry.plate, strict=False) if a != b]
        alike = all(any(a in alikes and b in alikes for alikes in policy.look_alikes) for a, b in pairs)
        if (
            agency_id == read.agency_id
            and len(read.plate) == len(entry.plate)
            and alike
            and len(pairs) <= policy.look_alikes_at_most
            and (entry.expires_at is None or entry.expires_at > NOW)
            and (None in (read.state, entry.state) or read.state == entry.state)
        ):
            matched[entry.id] = "look_alike" if pairs else "exact"
    return matched


@given(
    st.lists(st.tuples(st.sampled_from(AGENCIES), plates, states, expiries), max_size=12),
    st.lists(st.integers(0, 11), max_size=4),
    st.sampled_from(AGENCIES),
    plates,
    states,
    st.integers(0, 2),
)
def test_the_index_finds_what_a_scan_finds(
    rows: list[tuple[AgencyId, str, str | None, datetime | None]],
    dropped: list[int],
    agency_id: AgencyId,
    plate: str,
    state: str | None,
    at_most: int,
) -> None:
    policy = POLICY.model_copy(update={"look_alikes_at_most": at_most})
    entries = [
        (owner, listed(number, text, state=where, expires_at=until))
        for number, (owner, text, where, until) in enumerate(rows)
    ]
    index = Index()
    for owner, entry in entries:
        index.put(owner, entry)
    for number in dropped:
        index.drop(EntryId(f"entry-{number}"))
    kept = [row for row in entries if row[1].id not in {f"entry-{number}" for number in dropped}]
    read = seen(plate, agency_id=agency_id, state=state)
    assert {match.entry.id: match.kind for match in found(index, read, policy=policy)} == scan(read, kept, policy)
    assert len(index) == len(kept)
    for_ever = [(owner, replace(entry, expires_at=None)) for owner, entry in entries]
    met = {entry.id: matching.meets(read, entry, policy) for owner, entry in entries if owner == agency_id}
    assert {entry_id: kind for entry_id, kind in met.items() if kind} == scan(read, for_ever, policy)


def test_a_plate_with_wildcards_is_met_by_the_plate_or_a_candidate_and_by_no_other_stated_state() -> None:
    entry = listed(1, "7SAM1*", state="NV", expires_at=NOW - timedelta(days=1))
    assert matching.meets(seen("7SAM123"), entry, POLICY) == "partial"
    named = (Candidate(plate="8XYZ001", confidence=0.6), Candidate(plate="7SAM123", confidence=0.3))
    assert matching.meets(seen("8XYZ001", candidates=named), entry, POLICY) == "partial"
    for other in (seen("75AM123"), seen("7SAM123", state="CA")):
        assert matching.meets(other, entry, POLICY) is None


def test_a_guessed_state_keeps_no_entry_from_matching_and_a_stated_one_does() -> None:
    index = index_of(listed(1, "7SAM123", state="NV"), listed(2, "7SAM???", state="NV"))

    assert found(index, seen("7SAM123", state="CA")) == []
    guessed = seen("7SAM123", state="CA", country="US", region_confidence=0.99)
    assert [(match.entry.id, match.kind) for match in found(index, guessed)] == [
        ("entry-1", "exact"),
        ("entry-2", "partial"),
    ]


def test_an_entry_put_again_is_found_by_its_new_plate_only() -> None:
    index = index_of(listed(1, "7SAM123"), listed(1, "8ABC456"))
    assert found(index, seen("7SAM123")) == []
    assert [match.entry.plate for match in found(index, seen("8ABC456"))] == ["8ABC456"]


def test_other_look_alike_sets_sort_the_index_anew() -> None:
    index = index_of(listed(1, "7SAM123"))
    assert found(index, seen("7SAN123")) == []
    other = POLICY.model_copy(update={"look_alikes": ("MN",)})
    assert [match.kind for match in found(index, seen("7SAN123"), policy=other)] == ["look_alike"]
    assert found(index, seen("75AM123"), policy=other) == []
    assert [match.kind for match in found(index, seen("75AM123"))] == ["look_alike"]


def test_the_score_is_the_confidence_halved_for_a_look_alike() -> None:
    index = index_of(listed(1, "7SAM123"))
    assert [match.score for match in found(index, seen("7SAM123"))] == [pytest.approx(0.8)]
    assert [match.score for match in found(index, seen("75AM123"))] == [pytest.approx(0.4)]


def test_a_candidate_that_names_the_entry_counts_when_it_is_surer() -> None:
    index = index_of(listed(1, "7SAM123"))
    sure = seen("75AM123", candidates=(Candidate("75AM123", 0.8), Candidate("7SAM123", 0.7)))
    unsure = seen("75AM123", candidates=(Candidate("75AM123", 0.8), Candidate("7SAM123", 0.1)))
    assert [match.score for match in found(index, sure)] == [pytest.approx(0.7)]
    assert [match.score for match in found(index, unsure)] == [pytest.approx(0.4)]


def test_of_several_versions_of_a_read_the_last_counts() -> None:
    index = index_of(listed(1, "7SAM123"))
    [match] = found(index, seen("75AM123", confidence=1.0), seen("7SAM123", confidence=0.3, version=2))
    assert (match.kind, match.read.version) == ("exact", 2)
    assert found(index, seen("8XYZ999", version=2), seen("7SAM123")) == []


def test_of_several_reads_of_one_version_the_best_match_counts() -> None:
    index = index_of(listed(1, "7SAM123"))
    [match] = found(index, seen("7SAM123", confidence=0.3), seen("75AM123", confidence=1.0))
    assert match.kind == "exact"


def test_an_agency_without_a_policy_here_is_left_out() -> None:
    assert matching.find([seen("7SAM123")], index_of(listed(1, "7SAM123")), {}, NOW) == []
