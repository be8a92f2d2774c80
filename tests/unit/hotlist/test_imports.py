"""Files taken into lists: every row reported, nothing changed by the same file again, nothing half-claimed."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from databases import on_both
from hypothesis import given
from hypothesis import strategies as st
from profiles import department
from standing import AGENCY, Town, eventually, town
from unit.hotlist.scene import (
    OTHER,
    USE,
    following,
    hits,
    list_plate,
    open_list,
    publish,
    query,
    records,
    seen,
    serving,
)

from platekeeper_common.access import Use
from platekeeper_common.caller import Caller
from platekeeper_common.events.hotlist import HotlistChanged
from platekeeper_common.ids import EntryId, ListId
from platekeeper_hotlist import domain, import_rules
from platekeeper_hotlist.csv_file import CsvFile
from platekeeper_hotlist.domain import Entry, HotList, NewEntry
from platekeeper_hotlist.import_rules import Import, Reported, Said
from platekeeper_hotlist.in_force import EntriesInForce
from platekeeper_hotlist.matching import USUAL_LOOK_ALIKES
from platekeeper_hotlist.policy import HotlistPolicy
from platekeeper_hotlist.room import HotlistSettings
from platekeeper_hotlist.service import SERVICE

pytestmark = on_both

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
FILE = "plate,state,reason\n7SAM123,CA,Taken\n7SAM123,NV,Taken\n8abc-456,,Burglary\n"


def editor(here: Town, **more: Any) -> Caller:
    return here.person("ines", "investigator", **more)


async def give(
    here: Town, list_id: str, content: str | bytes | AsyncIterator[bytes], *, who: Caller | None = None, **more: Any
) -> Any:
    """The answer to a file."""
    async with here.client(who or editor(here)) as client:
        return await client.post(
            f"/v1/hotlists/{list_id}/imports",
            params={**USE, "category": "stolen_vehicle", **more},
            content=content,
            headers={"Content-Type": "text/csv"},
        )


async def taken(here: Town, list_id: str, content: str | bytes, **more: Any) -> dict[str, Any]:
    """The import of a file that is taken."""
    answer = await give(here, list_id, content, **more)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    assert told["state"] == "finished"
    return told


async def get(here: Town, path: str, **parameters: Any) -> Any:
    async with here.client(editor(here)) as client:
        answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def report(here: Town, told: dict[str, Any], **parameters: Any) -> list[tuple[int, int, str, str | None]]:
    """What became of the rows."""
    page = await get(here, f"/v1/hotlists/{told['list_id']}/imports/{told['id']}/rows", **parameters)
    return [(span["first_row"], span["last_row"], span["outcome"], span["code"]) for span in page["rows"]]


async def listed(here: Town, list_id: str) -> set[tuple[str, str | None, str]]:
    """What is in force on the list."""
    found = (await get(here, f"/v1/hotlists/{list_id}/entries", limit=200, **USE))["entries"]
    return {(entry["plate"], entry["state"], entry["reason"]) for entry in found}


def counts(told: dict[str, Any]) -> tuple[int, ...]:
    return tuple(told[what] for what in ("rows", "added", "changed", "unchanged", "refused", "removed"))


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


async def test_replace_takes_off_what_the_file_does_not_say(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, FILE)
    other = await open_list(here, editor(here), name="Other")
    await list_plate(here, editor(here), other, "1AAA111")
    told = await taken(here, list_id, "plate,state\n7SAM123,NV\n", mode="replace", reason="Taken")
    assert counts(told) == (1, 0, 0, 1, 0, 2)
    assert await listed(here, list_id) == {("7SAM123", "NV", "Taken")}
    assert len(await listed(here, other)) == 1
    await publish(here, seen(here, "8ABC456"), seen(here, "7SAM123", state="NV"))
    [hit] = await eventually(lambda: hits(here, editor(here)))
    assert hit["entry"]["state"] == "NV"


async def test_replace_takes_nothing_off_while_a_row_is_not_understood(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, FILE)
    told = await taken(here, list_id, "plate,state\n7SAM123,0H\n", mode="replace")
    assert (told["removal_withheld"], told["removed"]) == (True, 0)
    assert len(await listed(here, list_id)) == 3
    [after] = (await get(here, "/v1/hotlists"))["hotlists"]
    assert after["confirmed_at"] is None


async def test_replace_by_a_file_without_rows_takes_nothing_off(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, FILE)
    told = await taken(here, list_id, "plate,state\n", mode="replace")
    assert (told["removal_withheld"], told["removed"]) == (True, 0)
    assert len(await listed(here, list_id)) == 3


async def test_a_silent_import_that_was_given_up_takes_nothing_off(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, FILE)
    more, first = asyncio.Event(), (FILE + "bad\n" * 500).replace("bad", "1OLD111,CA,Taken")

    async def slowly() -> AsyncIterator[bytes]:
        yield first.encode()
        await more.wait()
        yield b"9NEW999,CA,Taken\n"

    giving = asyncio.create_task(give(here, list_id, slowly(), mode="replace"))

    async def settled() -> bool:
        found: list[dict[str, Any]] = (await get(here, f"/v1/hotlists/{list_id}/imports"))["imports"]
        return int(found[0]["rows"]) >= 500

    await eventually(settled)
    here.clock.advance(minutes=3)
    await taken(here, list_id, "plate\n2NEW222\n")
    more.set()
    answer = await giving
    assert (answer.status_code, answer.json()["code"]) == (409, "import_given_up")
    assert {plate for plate, _, _ in await listed(here, list_id)} == {"7SAM123", "8ABC456", "1OLD111", "2NEW222"}


async def test_a_whole_file_makes_the_lists_word_fresh(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, FILE)
    await here.let_pass(minutes=5)
    await taken(here, list_id, FILE, mode="replace")
    here.clock.advance(minutes=1)
    await publish(here, seen(here, "8ABC456"))
    [hit] = await eventually(lambda: hits(here, editor(here)))
    assert hit["list_age_seconds"] == 60
    assert hit["entry"]["list_updated_at"] == "2026-11-22T18:00:00Z"
    assert hit["entry"]["list_confirmed_at"] == "2026-11-22T18:05:00Z"


@pytest.mark.clause("J4")
async def test_rows_of_immigration_enforcement_are_refused_and_do_not_stay(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    await taken(here, list_id, FILE)
    rows = "plate,state,category,reason,remarks\n7SAM123,CA,V,Taken,\n7SAM123,NV,N,,\n8ABC456,,W,,ICE detainer\n"
    told = await taken(here, list_id, rows, mode="replace")
    assert counts(told) == (3, 0, 0, 1, 2, 2)
    assert await report(here, told, outcome="refused") == [(3, 4, "refused", "immigration_refused")]
    assert await listed(here, list_id) == {("7SAM123", "CA", "Taken")}
    found = await records(here, lambda all_: any(record.clause == "J4" for record in all_))
    [record] = [record for record in found if record.clause == "J4"]
    assert (record.outcome, record.code, (await query(here, record))["rows"]) == (
        "refused",
        "immigration_refused",
        [3, 4],
    )


@pytest.mark.clause("J4")
@pytest.mark.parametrize(
    ("content", "more"),
    [
        ("plate,immigration status\n7SAM123,x\n", {}),
        (FILE, {"reason": "Deportation list"}),
        (FILE, {"incident": "ICE hold"}),
    ],
)
async def test_a_file_for_immigration_enforcement_is_refused_whole(
    here: Town, content: str, more: dict[str, Any]
) -> None:
    list_id = await open_list(here, editor(here))
    answer = await give(here, list_id, content, **more)
    assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (403, "immigration_refused", "J4")
    assert await listed(here, list_id) == set()


@pytest.mark.clause("A4", "pomona")
async def test_rows_for_a_private_interest_are_refused_and_told(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    told = await taken(here, list_id, "plate,reason\n7SAM123,Taken\n8ABC456,my ex girlfriend's car\n")
    assert await report(here, told, outcome="refused") == [(3, 3, "refused", "purpose_prohibited")]
    found = await records(here, lambda all_: any(record.code == "purpose_prohibited" for record in all_))
    [record] = [record for record in found if record.code == "purpose_prohibited"]
    assert (record.outcome, record.clause, (await query(here, record))["rows"]) == ("refused", "A4", [3])


@pytest.mark.clause("A1")
async def test_no_import_without_a_purpose_and_every_entry_carries_it(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    answer = await give(here, list_id, FILE, purpose="traffic_survey")
    assert (answer.status_code, answer.json()["code"], answer.json()["clause"]) == (422, "purpose_required", "A1")
    await taken(here, list_id, FILE, matter_type="criminal", matter_number="26-1")
    found = (await get(here, f"/v1/hotlists/{list_id}/entries", **USE))["entries"]
    assert {(entry["purpose"], entry["matter_number"]) for entry in found} == {("stolen_vehicle", "26-1")}
    kept = await records(here, lambda all_: any(record.result_count == 3 for record in all_))
    assert {"7SAM123", "8ABC456"} in [
        set((await query(here, record)).get("listed", ())) for record in kept if record.query
    ]


@pytest.mark.parametrize(
    ("content", "more", "status", "code"),
    [
        (FILE, {"category": "teapot"}, 422, "category_unknown"),
        (FILE, {"mode": "guess"}, 422, "invalid_request"),
        ("7SAM123,CA\n", {}, 422, "header_unknown"),
        (FILE.encode("utf-16"), {}, 422, "encoding_unknown"),
    ],
)
async def test_a_file_that_cannot_be_taken_is_refused(
    here: Town, content: str | bytes, more: dict[str, Any], status: int, code: str
) -> None:
    list_id = await open_list(here, editor(here))
    answer = await give(here, list_id, content, **more)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_only_csv_in_utf_8_is_taken(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    async with here.client(editor(here)) as client:
        for media_type, code in (
            ("application/json", "media_type_unknown"),
            ("text/csv; charset=latin1", "encoding_unknown"),
        ):
            answer = await client.post(
                f"/v1/hotlists/{list_id}/imports", params=USE, content=FILE, headers={"Content-Type": media_type}
            )
            assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_another_agencys_list_and_import_are_not_there(here: Town) -> None:
    await here.open_agency(OTHER, "galt")
    list_id = await open_list(here, editor(here))
    told = await taken(here, list_id, FILE)
    stranger = editor(here, agency_id=OTHER)
    assert (await give(here, list_id, FILE, who=stranger)).json()["code"] == "hotlist_unknown"
    async with here.client(stranger) as client:
        at = f"/v1/hotlists/{list_id}/imports"
        for path, code in (
            (at, "hotlist_unknown"),
            (f"{at}/{told['id']}", "import_unknown"),
            (f"{at}/{told['id']}/rows", "import_unknown"),
        ):
            assert (await client.get(path)).json()["code"] == code


async def test_what_came_before_the_line_broke_stays_and_is_reported(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    content = "plate\n" + "".join(f"7SAM{number}\n" for number in range(1_200))
    async with serving(here) as url:
        address = urlsplit(url)
        _reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = (
            f"POST /v1/hotlists/{list_id}/imports?{urlencode({**USE, 'mode': 'replace'})} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {here.token(editor(here))}\r\nContent-Type: text/csv\r\n"
            f"Content-Length: {len(content) * 2}\r\n\r\n"
        )
        writer.write((head + content).encode())
        await writer.drain()
        at = f"/v1/hotlists/{list_id}/imports"

        async def shown() -> dict[str, Any]:
            return dict((await get(here, at))["imports"][0])

        async def settled() -> bool:
            return bool((await shown())["rows"] == 1_000)

        await eventually(settled)
        assert (await shown())["state"] == "running"
        writer.close()
        await writer.wait_closed()

        async def stopped() -> bool:
            return bool((await shown())["state"] == "stopped")

        await eventually(stopped)
    told = await shown()
    assert (told["code"], counts(told)) == ("upload_broke_off", (1_000, 1_000, 0, 0, 0, 0))
    assert await report(here, told) == [(2, 501, "added", None), (502, 1_001, "added", None)]
    assert counts(await taken(here, list_id, content, category="other")) == (1_200, 200, 0, 1_000, 0, 0)


async def test_a_file_over_the_limit_is_cut_off_and_says_which_import_it_was(tmp_path: Path) -> None:
    own = {"hotlist": HotlistSettings(import_limit=8_000, body_limit=4_000)}
    async with town(tmp_path / "var", (SERVICE,), own=own) as here:
        list_id = await open_list(here, editor(here))
        content = "plate\n" + "".join(f"7SAM{number}\n" for number in range(2_000))
        assert counts(await taken(here, list_id, content[:7_999])) == (1_012, 1_012, 0, 0, 0, 0)

        async def pieces() -> AsyncIterator[bytes]:
            yield content[:7_000].encode()
            yield content[7_000:].encode()

        answer = await give(here, list_id, pieces())
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        [told, _] = (await get(here, f"/v1/hotlists/{list_id}/imports"))["imports"]
        assert (told["id"], told["state"], told["code"]) == (answer.json()["import_id"], "stopped", "too_large")
        assert counts(told) == (500, 0, 0, 500, 0, 0)


async def test_an_import_whose_process_died_is_interrupted_and_can_be_given_again(here: Town) -> None:
    list_id = await open_list(here, editor(here))
    now = here.clock()
    lost = Import(
        id="lost", agency_id=AGENCY, list_id=ListId(list_id), mode="add", category="felony", reason="x", incident=None,
        state="running", started_by="ines", started_at=now, heard_at=now,
    )  # fmt: skip
    assert lost.at(now).state == "running"
    assert lost.at(now.replace(minute=3)).state == "interrupted"
    assert replace(lost, state="finished").at(now.replace(minute=3)).state == "finished"


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
