"""The doors of imports: give a file, watch it, read its report."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, CurrentUse, Tx, committed_at_end, may
from platekeeper_common.errors import Invalid
from platekeeper_common.ids import ListId
from platekeeper_hotlist import imports
from platekeeper_hotlist.import_documents import ImportDocument, ImportsDocument, ReportDocument
from platekeeper_hotlist.import_rules import LONGEST_INCIDENT, Mode, Outcome
from platekeeper_hotlist.imports import Asked, Page
from platekeeper_hotlist.room import Here

router = APIRouter(prefix="/v1/hotlists/{list_id}/imports", tags=["hotlist"])
Viewer = Annotated[Caller, may(Action.HOTLIST_VIEW)]


@router.post(
    "",
    status_code=201,
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def take_file(
    list_id: str,
    who: Annotated[Caller, may(Action.HOTLIST_EDIT)],
    request: Request,
    response: Response,
    here: Here,
    use: CurrentUse,
    place: CurrentPlace,
    mode: Annotated[Mode, Query(description="replace: what the file does not say leaves the list")] = "add",
    category: Annotated[str, Query(max_length=64, description="Of rows that name none")] = "other",
    incident: Annotated[str | None, Query(max_length=LONGEST_INCIDENT, description="Of rows that name none")] = None,
) -> ImportDocument:
    """Take a CSV file into a list, while it is sent. When this answers, all of it is in force here.

    `reason` stands for the reason of rows that give none. The import can be watched, and read after a lost connection,
    under `GET`.
    """
    _demand_csv(request)
    request.state.body_limit = here.settings.import_limit
    asked = Asked(mode=mode, category=category, reason=use.reason, incident=incident)
    async with committed_at_end(request) as tx:
        intake = await imports.open_import(tx, here, who, ListId(list_id), asked, use, place)
    taken = await imports.take(intake, request.stream())
    response.headers["Location"] = f"/v1/hotlists/{list_id}/imports/{taken.id}"
    return ImportDocument.model_validate(taken)


@router.get("")
async def shown(list_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> ImportsDocument:
    """The last imports for a list, newest first, a running one too."""
    return ImportsDocument.model_validate({"imports": await imports.imports(tx, here, who, ListId(list_id), place)})


@router.get("/{import_id}")
async def one(list_id: str, import_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> ImportDocument:
    """How far an import is, or how it ended."""
    return ImportDocument.model_validate(await imports.one_import(tx, here, who, ListId(list_id), import_id, place))


@router.get("/{import_id}/rows")
async def report(
    list_id: str,
    import_id: str,
    who: Viewer,
    tx: Tx,
    here: Here,
    place: CurrentPlace,
    outcome: Outcome | None = None,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> ReportDocument:
    """What became of each row: neighbouring rows of which the same became stand together. No plates."""
    of = (ListId(list_id), import_id)
    rows = await imports.report(tx, here, who, of, Page(outcome, after, limit), place)
    following = rows[-1].last_row if len(rows) == limit else None
    return ReportDocument.model_validate({"rows": rows, "next_after": following})


def _demand_csv(request: Request) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    if media_type.strip() != "text/csv":
        raise Invalid("send the file itself as text/csv", code="media_type_unknown")
    _, named, charset = parameters.partition("charset=")
    if named and charset.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
        raise Invalid("the file must be written in UTF-8", code="encoding_unknown")
