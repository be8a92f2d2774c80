"""Files given to lists in tests: one to give, what is answered, and what came of its rows."""

from collections.abc import AsyncIterator
from typing import Any

from standing import Town
from unit.hotlist.scene import USE

from platekeeper_common.caller import Caller

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
