"""The rules alone: how long, what may be stored, what may be asked, what a cursor continues."""

import base64
import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import department
from standing import AGENCY
from unit.retention.office import HARBOR, START, a_read

from platekeeper_common import areas, patterns
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import ImageReference, Position
from platekeeper_common.events.recognition import PlatesRead
from platekeeper_common.ids import AgencyId, CameraId, Ids
from platekeeper_retention import domain, paging
from platekeeper_retention.domain import Query
from platekeeper_retention.paging import Cursor
from platekeeper_retention.policy import CanvassPolicy, RetentionPolicy

IDS = Ids(b"k" * 32)
CURSOR = Cursor("search-1", START, "read-0001")
DOWNTOWN = areas.circle(Position(34.05, -117.75), 300)


def kept_until(name: str, received_at: datetime) -> datetime:
    profile = department(name)
    captured_at = received_at - timedelta(days=29)
    read = a_read(captured_at=captured_at, received_at=received_at)
    event = PlatesRead(agency_id=read.agency_id, camera_id=read.camera_id, reads=(read,))
    [kept] = domain.keep(event, profile.section(RetentionPolicy), profile.version)
    assert (kept.retention_clause, kept.policy_version) == ("F1", profile.version)
    assert kept.schedule_item == profile.section(RetentionPolicy).schedule_item
    return kept.retain_until


@pytest.mark.clause("F1")
@pytest.mark.parametrize(("name", "years"), [("pomona", 1), ("galt", 1), ("corona", 1), ("downey", 1), ("la-port", 5)])
def test_the_minimum_counts_from_receipt_by_each_departments_schedule(name: str, years: int) -> None:
    assert kept_until(name, datetime(2026, 11, 22, 9, 30, tzinfo=UTC)) == datetime(
        2026 + years, 11, 22, 9, 30, tzinfo=UTC
    )
    assert kept_until(name, datetime(2028, 2, 29, 23, tzinfo=UTC)) == datetime(2028 + years, 3, 1, 23, tzinfo=UTC)


def fault_of(**facts: Any) -> str:
    return (domain.fault(PlatesRead(agency_id=AGENCY, camera_id=CameraId("c"), reads=(a_read(**facts),))) or "").split(
        ":"
    )[0]


@pytest.mark.clause("H1")
def test_an_event_holds_only_what_its_own_agency_owns() -> None:
    own = ImageReference(f"{AGENCY}/2026-11-22/image/f", "0" * 64, "image/png")
    foreign = ImageReference(f"{HARBOR}/2026-11-22/image/f", "0" * 64, "image/png")
    alike = ImageReference(f"{AGENCY}-annex/2026-11-22/image/f", "0" * 64, "image/png")
    assert fault_of(image=own, crop=own) == ""
    assert fault_of(agency_id=HARBOR) == "agency_mismatch"
    assert fault_of(image=foreign) == fault_of(crop=foreign) == fault_of(image=alike) == "agency_mismatch"


def test_a_read_that_no_search_could_find_or_no_schedule_count_is_not_stored() -> None:
    assert fault_of(plate="8abc123") == fault_of(plate="8ABC 123") == fault_of(plate="") == "plate_not_normalised"
    naive = START.replace(tzinfo=None)
    assert fault_of(captured_at=naive, received_at=START) == "moment_without_zone"


def refusal(**asked: Any) -> str:
    with pytest.raises(Invalid) as refused:
        domain.query(**asked)
    return refused.value.code


def test_a_search_names_one_plate_prefix_or_pattern_at_most_and_something() -> None:
    assert refusal() == refusal(captured_from=START, captured_to=START + timedelta(hours=1)) == "query_invalid"
    for two in itertools.combinations(({"plate": "8ABC123"}, {"prefix": "8ABC"}, {"pattern": "8ABC*"}), 2):
        assert refusal(**two[0], **two[1]) == refusal(**two[0], **two[1], area=DOWNTOWN) == "query_invalid"
    assert refusal(plate="8ABC123", cameras=[str(n) for n in range(101)]) == "query_invalid"
    for text in ("", " - ", "8ABC%", "8ABC?", "ÄBC", "\u0131BC", "\uff18ABC", "A" * 17, "8ABC\n"):
        assert refusal(plate=text) == refusal(prefix=text) == "plate_invalid"
    for text in ("", "*", "??", "8ABC%", "ÄBC*", "A*B*C*D", "ABCDEFGHIJ?"):
        assert refusal(pattern=text) == "pattern_invalid"


def test_what_means_the_same_is_the_same_query() -> None:
    assert domain.query(prefix="8ab c") == domain.query(pattern="8abc**") == Query(pattern=patterns.parse("8ABC*"))
    assert domain.query(pattern="8abc-123") == domain.query(plate="8ABC123")


HOUR = timedelta(hours=1)
COUNTY = areas.circle(Position(34.05, -117.75), 50_000)
POLICY = department("pomona").section(CanvassPolicy)
DAY: dict[str, Any] = {"captured_from": START, "captured_to": START + 24 * HOUR}
LONGER = DAY | {"captured_to": START + 25 * HOUR}
BOUNDED: list[dict[str, Any]] = [
    {"plate": "8"},
    {"prefix": "8AB"},
    {"pattern": "*8AB?", "area": COUNTY},
    {"pattern": "8*1A", "area": DOWNTOWN},
    {"pattern": "8*1A", **DAY},
    {"pattern": "8*1A", "area": COUNTY, **DAY},
    {"pattern": "*8*", "area": DOWNTOWN, **DAY},
]
UNBOUNDED: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"area": DOWNTOWN, **DAY}, "canvass_required", []),
    ({"prefix": "8A"}, "search_unbounded", ["known_characters", "area", "window"]),
    ({"prefix": "8A", "area": DOWNTOWN}, "search_unbounded", ["known_characters", "window"]),
    ({"prefix": "8A", **DAY}, "search_unbounded", ["known_characters", "area"]),
    ({"prefix": "8A", "area": COUNTY, **DAY}, "search_unbounded", ["known_characters", "area"]),
    ({"prefix": "8A", "area": DOWNTOWN, **LONGER}, "search_unbounded", ["known_characters", "window"]),
    ({"pattern": "8A?BC*12"}, "search_unbounded", ["known_characters", "area", "window"]),
    ({"pattern": "8A?BC*12", "captured_from": START}, "search_unbounded", ["known_characters", "area", "window"]),
    ({"pattern": "8A?BC*12", **LONGER}, "search_unbounded", ["known_characters", "area", "window"]),
    ({"pattern": "8A?BC*12", "area": COUNTY}, "canvass_required", []),
    ({"pattern": "8A?BC*12", "area": COUNTY, **LONGER}, "canvass_required", []),
]


@pytest.mark.clause("A6", "pomona")
@pytest.mark.clause("A7", "pomona")
def test_what_is_known_of_a_plate_an_area_and_a_day_bound_a_search() -> None:
    for asked in BOUNDED:
        domain.demand_bound(domain.query(**asked), None, POLICY)
    for asked, code, missing in UNBOUNDED:
        with pytest.raises(Invalid) as refused:
            domain.demand_bound(domain.query(**asked, cameras=["north-gate"]), None, POLICY)
        clause = "A6" if code == "canvass_required" else "A7"
        assert (refused.value.code, refused.value.clause) == (code, clause), asked
        assert [one["bound"] for one in refused.value.extra.get("missing", [])] == missing, asked
        assert "8" not in refused.value.detail


def test_a_read_answers_when_every_part_of_the_query_holds() -> None:
    read = a_read(plate="8ABC123", position=Position(34.05, -117.75))
    query = domain.query(
        pattern="8A*", area=DOWNTOWN, captured_from=START, captured_to=START + HOUR, cameras=["north-gate"]
    )
    assert query.answers(read)
    others: list[dict[str, Any]] = [
        {"plate": "7ABC123"},
        {"position": None},
        {"position": Position(34.06, -117.75)},
        {"captured_at": START - timedelta(microseconds=1)},
        {"captured_at": START + HOUR},
        {"camera_id": CameraId("car-12")},
    ]
    for changed in others:
        facts = {"plate": read.plate, "position": read.position} | changed
        assert not query.answers(a_read(**facts))


def test_a_window_must_begin_before_it_ends() -> None:
    assert refusal(plate="8ABC123", captured_from=START, captured_to=START) == "window_invalid"
    edge = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=10)))
    assert refusal(plate="8ABC123", captured_from=edge) == "window_invalid"
    asked = domain.query(plate="8ABC123", captured_from=START.astimezone(timezone(timedelta(hours=-8))))
    assert asked.elements() == {"plate": "8ABC123", "from": "2026-11-22T12:00:00+00:00"}


@given(st.text("ABCXYZ0189", min_size=1, max_size=10), st.randoms())
def test_writing_a_plate_otherwise_asks_the_same(plate: str, dice: Any) -> None:
    written = "".join(dice.choice((char, char.lower())) + dice.choice(("", " ", "-", ".")) for char in plate)
    assert domain.query(plate=written).plate == plate


def a_caller(subject: str = "account-officer", agency_id: AgencyId = AGENCY) -> Caller:
    return Caller(
        kind="person",
        subject=subject,
        agency_id=agency_id,
        username="officer",
        name="Officer",
        organisation="Pomona Police Department",
        issued_at=START,
        expires_at=START,
    )


def test_a_cursor_comes_back_as_it_was_written() -> None:
    query = Query(plate="8ABC123")
    assert paging.read(paging.write(CURSOR, query, a_caller(), IDS), query, a_caller(), IDS) == CURSOR


def test_a_cursor_continues_only_its_own_query_for_its_own_caller() -> None:
    query = Query(plate="8ABC123", cameras=(CameraId("a"),))
    text = paging.write(CURSOR, query, a_caller(), IDS)
    others = (
        (Query(plate="8ABC124", cameras=query.cameras), a_caller(), IDS),
        (Query(pattern=patterns.parse("8ABC123*"), cameras=query.cameras), a_caller(), IDS),
        (Query(plate="8ABC123", cameras=query.cameras, area=DOWNTOWN), a_caller(), IDS),
        (Query(plate="8ABC123"), a_caller(), IDS),
        (Query(plate="8ABC123", cameras=query.cameras, captured_from=START), a_caller(), IDS),
        (query, a_caller("account-other"), IDS),
        (query, a_caller(agency_id=HARBOR), IDS),
        (query, a_caller(), Ids(b"x" * 32)),
    )
    for asked, by, ids in others:
        with pytest.raises(Invalid, match="does not continue"):
            paging.read(text, asked, by, ids)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        paging.read(text, Query(plate="8ABC123"), a_caller(), IDS)
    assert refused.value.code == "cursor_invalid"
