"""Files taken into lists: every row reported, nothing changed by the same file again."""

import asyncio
import csv
import io
from datetime import UTC, datetime

from databases import on_both
from hypothesis import given
from hypothesis import strategies as st
from profiles import department
from standing import AGENCY, Town
from unit.hotlist.importing import FILE, counts, editor, get, listed, report, taken
from unit.hotlist.scene import USE, following, list_plate, open_list

from platekeeper_common.access import Use
from platekeeper_common.events.hotlist import HotlistChanged
from platekeeper_common.ids import EntryId, ListId
from platekeeper_hotlist import domain, import_rules
from platekeeper_hotlist.csv_file import CsvFile
from platekeeper_hotlist.domain import Entry, HotList, NewEntry
from platekeeper_hotlist.import_rules import Import, Reported, Said
from platekeeper_hotlist.in_force import EntriesInForce
from platekeeper_hotlist.matching import USUAL_LOOK_ALIKES
from platekeeper_hotlist.policy import HotlistPolicy

pytestmark = on_both

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


async def test_a_file_is_in_force_with_its_201_and_the_same_again_changes_nothing(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    first = await taken(here, list_id, FILE)
    assert counts(first) == (3, 3, 0, 0, 0, 0)
    assert await report(here, first) == [(2, 4, "added", None)]
    assert len(here.standing.rooms["hotlist"].in_force.index()) == 3  # type: ignore[attr-defined]
    assert await listed(here, list_id) == {
        ("7SAM123", "CA", "Taken"),
        ("7SAM123", "NV", "Taken"),
        ("8ABC456", None, "Burglary"),
    }
    before = await get(here, f"/v1/hotlists/{list_id}/entries", **USE), await get(here, "/v1/hotlists")
    here.clock.advance(minutes=1)
    for mode in ("add", "replace"):
        again = await taken(here, list_id, FILE, mode=mode)
        assert counts(again) == (3, 0, 0, 3, 0, 0)
        assert await report(here, again) == [(2, 4, "unchanged", None)]
    [after] = (await get(here, "/v1/hotlists"))["hotlists"]
    assert await get(here, f"/v1/hotlists/{list_id}/entries", **USE) == before[0]
    assert after | {"confirmed_at": None} == before[1]["hotlists"][0]
    assert after["confirmed_at"] == "2026-11-22T18:01:00Z"
    async with following(here, HotlistChanged.topic) as events:
        assert [event.version for event in events if isinstance(event, HotlistChanged)][-1] == 2


async def test_every_row_is_reported_with_its_number_and_why(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    rows = [
        "plate,state,category,reason,incident,expires_at",
        "7SAM123,CA,felony,,,2027-01-01T00:00:00+01:00",
        "7SAM1234567,CA,felony,,,",
        "7SAM124,0H,felony,,,",
        "7SAM125,CA,teapot,,,",
        "7SAM126,CA,felony,,,2020-01-01T00:00:00Z",
        "7SAM127,CA,felony,,,9999-12-31T23:59:59-08:00",
        ",CA,felony,,,",
        f"7SAM128,CA,felony,{'x' * 501},,",
        '7SAM129,CA,felony,"open,,',
        "7SAM123,CA,felony,Otherwise,,",
        "7S?M*,CA,F,,,",
        "7S?M*,CA,F,,26-1,",
        "7*,CA,F,,26-1,",
        "7SAM130,CA,felony,,,tomorrow",
    ]
    told = await taken(here, list_id, "\n".join(rows))
    assert counts(told) == (14, 2, 0, 0, 12, 0)
    assert await report(here, told) == [
        (2, 2, "added", None),
        (3, 3, "refused", "plate_invalid"),
        (4, 4, "refused", "state_unknown"),
        (5, 5, "refused", "category_unknown"),
        (6, 6, "refused", "expiry_past"),
        (7, 7, "refused", "expiry_invalid"),
        (8, 8, "refused", "plate_invalid"),
        (9, 9, "refused", "field_too_long"),
        (10, 10, "refused", "row_malformed"),
        (11, 11, "refused", "row_repeated"),
        (12, 12, "refused", "incident_required"),
        (13, 13, "added", None),
        (14, 14, "refused", "pattern_too_open"),
        (15, 15, "refused", "expiry_invalid"),
    ]
    assert await report(here, told, outcome="added", limit=1) == [(2, 2, "added", None)]
    assert await report(here, told, outcome="added", after=2) == [(13, 13, "added", None)]
    page = await get(here, f"/v1/hotlists/{list_id}/imports/{told['id']}/rows")
    assert not any("7S" in span["detail"] for span in page["rows"] if span["detail"])


async def test_a_vendors_alert_is_category_and_reason(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, "plate,state,alert\n7SAM123,CA,Stolen Plate\n8ABC456,CA,Grey van\n9XYZ789,CA,F\n")
    found = (await get(here, f"/v1/hotlists/{list_id}/entries", **USE))["entries"]
    assert {(entry["plate"], entry["category"], entry["reason"]) for entry in found} == {
        ("7SAM123", "stolen_plate", "Stolen Plate"),
        ("8ABC456", "stolen_vehicle", "Grey van"),
        ("9XYZ789", "felony", "F"),
    }


async def test_an_entry_that_a_file_changes_is_matched_while_the_change_is_loaded(here: Town) -> None:
    plates = [f"7SAM{number:03}" for number in range(502)]
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, "plate,state,reason\n" + "".join(f"{plate},CA,Taken\n" for plate in plates))
    other = EntriesInForce(here.standing.rooms["hotlist"].db, within=60)
    await other.confirm()
    await list_plate(here, editor(here), list_id, "1AAA111")
    await taken(here, list_id, "plate,state,reason\n" + "".join(f"{plate},CA,Otherwise\n" for plate in plates))
    index, missed = other.index(), set[str]()
    loading = asyncio.create_task(other.confirm())
    while not loading.done():
        missed.update(plate for plate in plates if not index.alike(AGENCY, plate, USUAL_LOOK_ALIKES))
        await asyncio.sleep(0)
    await loading
    assert not missed
    assert len(index) == len(plates) + 1


async def test_a_row_that_says_otherwise_changes_its_entry(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, FILE)
    told = await taken(here, list_id, FILE.replace("CA,Taken", "CA,Carjacking"))
    assert counts(told) == (3, 0, 1, 2, 0, 0)
    assert ("7SAM123", "CA", "Carjacking") in await listed(here, list_id)
    assert len(await listed(here, list_id)) == 3


fields = {
    "plate": st.sampled_from(["7SAM123", "7sam-123", "8ABC456", "7S?M*", "7?", "", "7SAM12345678"]),
    "state": st.sampled_from(["", "CA", "NV", "0H"]),
    "category": st.sampled_from(["", "V", "N", "felony", "teapot"]),
    "reason": st.sampled_from(["", "Taken", "ICE detainer", 'said "so", twice']),
    "incident": st.sampled_from(["", "26-1"]),
    "expires_at": st.sampled_from(["", "2026-12-01T00:00:00Z", "2020-01-01T00:00:00Z", "soon"]),
}


@given(st.lists(st.tuples(*fields.values()), max_size=8), st.integers(1, 4))
def test_any_file_given_twice_changes_nothing_the_second_time(rows: list[tuple[str, ...]], batch: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([tuple(fields), *rows])
    on = domain.opened(domain.NewList(name="Stolen", source="dept"), ListId("list"), AGENCY, "ines", NOW)
    first, entries = _imported(text.getvalue().encode(), on, {}, batch)
    second, again = _imported(text.getvalue().encode(), on, entries, batch)
    assert again == entries
    assert [row.row for row in first] == [row.row for row in second]
    for before, after in zip(first, second, strict=True):
        accepted = before.outcome != "refused"
        assert after == (Reported(before.row, "unchanged") if accepted else before)
        assert before.outcome != "changed"


def _imported(
    content: bytes, on: HotList, held: dict[tuple[str, str | None], Entry], batch: int
) -> tuple[list[Reported], dict[tuple[str, str | None], Entry]]:
    """The list after the file, by the rules alone."""
    asked = Import(
        id="import", agency_id=AGENCY, list_id=on.id, mode="add", category="other", reason="From a file", incident=None,
        state="running", started_by="ines", started_at=NOW, heard_at=NOW,
    )  # fmt: skip
    policy = department("pomona").section(HotlistPolicy)
    file, held, said, made = CsvFile(), dict(held), set[EntryId](), 0

    def make(new: NewEntry) -> Entry:
        nonlocal made
        made += 1
        return domain.entry(new, on, EntryId(f"{len(held)}-{made}"), 2, Use(purpose="p", matter_type="m"), "ines", NOW)

    rows = [import_rules.read(row, asked, policy, NOW) for row in (*file.take(content), *file.end())]
    reported: list[Reported] = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        keys = {(row.new.plate, row.new.state) for row in part if isinstance(row, Said)}
        settled = import_rules.settle(part, {key: held[key] for key in keys & held.keys()}, frozenset(said), 0, make)
        held |= {(entry.plate, entry.state): entry for entry in settled.added}
        said |= set(settled.met)
        reported += settled.reported
    return reported, held
