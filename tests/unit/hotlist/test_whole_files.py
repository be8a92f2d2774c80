"""Files that say a whole list: what they leave out comes off, unless a row was not understood or there is none."""

from databases import on_both
from standing import Town, eventually
from unit.hotlist.importing import FILE, counts, editor, get, listed, taken
from unit.hotlist.scene import hits, list_plate, open_list, publish, seen

pytestmark = on_both


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
