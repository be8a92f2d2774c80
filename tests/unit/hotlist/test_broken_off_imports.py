"""Imports that do not come to their end: what was taken stays and is reported, the rest can be given again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from databases import on_both
from standing import AGENCY, Town, eventually, town
from unit.hotlist.importing import FILE, counts, editor, get, give, listed, report, taken
from unit.hotlist.scene import USE, open_list, serving

from platekeeper_common.ids import ListId
from platekeeper_hotlist.import_rules import Import
from platekeeper_hotlist.room import HotlistSettings
from platekeeper_hotlist.service import SERVICE

pytestmark = on_both


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
