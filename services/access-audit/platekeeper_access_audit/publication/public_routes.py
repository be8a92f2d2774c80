"""What anybody may read, without login: the policy and the figures, as pages, on paper and as JSON (B11, H2, H3)."""

import json
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from platekeeper_access_audit.publication import documents, handlers, rendering, storage
from platekeeper_access_audit.publication.documents import VersionDocument
from platekeeper_access_audit.publication.domain import Version, post_lines
from platekeeper_access_audit.publication.handlers import Shown
from platekeeper_access_audit.publication.policy import PublicationPolicy
from platekeeper_access_audit.publication.room import Here, PublicationRoom
from platekeeper_access_audit.publication.transparency import report
from platekeeper_common.edge import Tx
from platekeeper_common.errors import NotFound

Form = Literal["html", "pdf", "json"]
TYPES: dict[Form, str] = {"html": "text/html", "pdf": "application/pdf", "json": "application/json"}
FOR_A_MINUTE = {"Cache-Control": "public, max-age=60"}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for media_type in TYPES.values()}, "description": "In the form asked for"}
}

router = APIRouter(tags=["public"], responses=FILES)


@router.get("/policy", response_class=Response)
async def policies(request: Request, here: Here) -> Response:
    """The agencies whose policies are here."""
    return _agencies(request, here, "Licence plate reader policies", "/policy")


@router.get("/policy/{name}", response_class=Response)
async def policy(name: str, request: Request, tx: Tx, here: Here) -> Response:
    """The agency's policy in force; `name` is the agency's, with .html, .pdf or .json behind it where wanted."""
    agency_id, form = _asked(name, request)
    on_view = await handlers.shown(tx, here, agency_id)
    if on_view.version is None:
        return _unpublished(on_view, form)
    if form == "html":
        page = rendering.policy_page(on_view.version, on_view.facts, handlers.in_force(on_view))
        return _answer(page, form, FOR_A_MINUTE, on_view.version)
    return _file(on_view.version, form, FOR_A_MINUTE)


@router.get("/policy/{agency_id}/versions", response_class=Response)
async def versions(agency_id: str, request: Request, tx: Tx, here: Here) -> Response:
    """Every version of the agency's policy with the SHA-256 of its files, newest first."""
    on_view = await handlers.shown(tx, here, agency_id)
    every = await storage.versions(tx, on_view.agency.id)
    if _form(request) == "json":
        return _json({"versions": [VersionDocument.of(one).model_dump(mode="json") for one in every]})
    return _answer(rendering.page("versions.html", agency=on_view.agency, versions=every), "html", FOR_A_MINUTE)


@router.get("/policy/{agency_id}/versions/{name}", response_class=Response)
async def version(agency_id: str, name: str, request: Request, tx: Tx, here: Here) -> Response:
    """One version as it was published, byte for byte, for ever; `name` is its number, with the form behind it."""
    number, form = _asked(name, request)
    known = None
    if number.isascii() and number.isdigit() and len(number) < 10:
        known = (await handlers.shown(tx, here, agency_id, int(number))).version
    if known is None:
        raise NotFound("no such version", code="version_unknown", clause="B11")
    return _file(known, form, FOR_EVER)


@router.get("/transparency", response_class=Response)
async def reports(request: Request, here: Here) -> Response:
    """The agencies whose figures are here."""
    return _agencies(request, here, "Use of licence plate readers", "/transparency")


@router.get("/transparency/{name}", response_class=Response)
async def transparency(name: str, request: Request, tx: Tx, here: Here) -> Response:
    """The agency's figures of use by month, above the minimum cell size."""
    agency_id, form = _asked(name, request)
    on_view = await handlers.shown(tx, here, agency_id)
    rules, facts = on_view.profile.section(PublicationPolicy), on_view.facts
    told = report(facts, rules)
    statement = rendering.MINIMISATION if rules.privacy_statement else ()
    owner = facts.sharing.non_le_owner if facts.sharing else None
    if form == "json":
        last = facts.monitoring.last_audit if facts.monitoring else None
        more = {
            "last_audit": last.isoformat() if last else None,
            "data_minimisation": list(statement),
            "requests_by_the_public": owner,
        }
        return _json(documents.report(on_view.agency, told, more))
    page = rendering.transparency_page(on_view.agency, told, facts, statement=statement, owner=owner)
    return _answer(page, "html", FOR_A_MINUTE)


def _asked(name: str, request: Request) -> tuple[str, Form]:
    """What is asked for and in which form: the ending of the path, else the header."""
    for form in TYPES:
        if name.endswith(f".{form}"):
            return name.removesuffix(f".{form}"), form
    return name, _form(request)


def _form(request: Request) -> Form:
    """The first of our media types that the Accept header names; a page where it names none."""
    accepted = request.headers.get("accept", "").split(",")
    wanted = [one.partition(";")[0].strip() for one in accepted]
    return next((form for media_type in wanted for form, known in TYPES.items() if media_type == known), "html")


def _agencies(request: Request, here: PublicationRoom, title: str, below: str) -> Response:
    known = handlers.agencies(here)
    if _form(request) == "json":
        return _json({"agencies": [{"id": one.id, "name": one.name, "at": f"{below}/{one.id}"} for one in known]})
    return _answer(rendering.page("agencies.html", title=title, agencies=known, below=below), "html", FOR_A_MINUTE)


def _unpublished(on_view: Shown, form: Form) -> Response:
    missing = "the agency has not published its policy here yet"
    if form != "html":
        raise NotFound(missing, code="policy_not_published", clause="B11")
    page = rendering.page("unpublished.html", agency=on_view.agency, posts=post_lines(on_view.facts))
    return _answer(page, "html", FOR_A_MINUTE, status=404)


def _file(version: Version, form: Form, kept: dict[str, str]) -> Response:
    forms = {"json": version.document, "html": version.html, "pdf": version.pdf}
    return _answer(forms[form], form, kept, version)


def _answer(
    body: bytes, form: Form, kept: dict[str, str], version: Version | None = None, *, status: int = 200
) -> Response:
    told = {"Policy-Version": str(version.number), "Policy-SHA256": version.sha256} if version else {}
    charset = "; charset=utf-8" if form == "html" else ""
    headers = {**rendering.HEADERS, **kept, **told, "Vary": "Accept"}
    return Response(body, status, headers=headers, media_type=f"{TYPES[form]}{charset}")


def _json(body: object) -> Response:
    return _answer(json.dumps(body, ensure_ascii=False).encode(), "json", FOR_A_MINUTE)
