"""Files and rows that are refused: for their purpose, for whose list it is, for how they are written."""

from typing import Any

import pytest
from databases import on_both
from standing import Town
from unit.hotlist.importing import FILE, counts, editor, get, give, listed, report, taken
from unit.hotlist.scene import OTHER, USE, open_list, query, records

pytestmark = on_both


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
