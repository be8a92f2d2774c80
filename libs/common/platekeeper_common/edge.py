"""The HTTP edge that every service has: who calls, may they, one transaction, and problem documents (RFC 9457).

The order is always: read, commit the access record, answer. A refusal of an authenticated caller rolls back, then
commits its own record; when a record cannot be written the answer is 503 `audit_unavailable` (clause B8).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from platekeeper_common import asked, relay, texts, uses
from platekeeper_common.access import Place, Use
from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.bodies import Unreadable
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx as UnitOfWork
from platekeeper_common.errors import Busy, Invalid, PlatekeeperError, Refused, Unauthenticated
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.log import describe
from platekeeper_common.rules import PLATFORM_ADMINISTRATOR, RULES
from platekeeper_common.service import Room
from platekeeper_common.shared_policy import AuditPolicy, UsePolicy
from platekeeper_common.strangers import Strangers

PROBLEM = "application/problem+json"
MOST_NAMED = 20
"""Wrong fields that an answer names: it must not grow beyond what was asked."""
_log = structlog.get_logger()
_bearer = HTTPBearer(auto_error=False)


def room(request: Request) -> Any:
    """The room of the service that answers."""
    return request.app.state.room


def caller(request: Request) -> Caller:
    """Who calls. Raises Unauthenticated with what is wrong with the token, or that there is none."""
    if isinstance(error := request.state.stranger, PlatekeeperError):
        raise error
    who: Caller = request.state.caller
    return who


class Permit:
    """The dependency that holds a route's action and lets through those who may do it."""

    def __init__(self, action: Action) -> None:
        """Every route but the public ones declares one."""
        self.action = action

    def __call__(self, request: Request, _scheme: Annotated[Any, Depends(_bearer)]) -> Caller:
        """The caller. Raises Unauthenticated, Refused with code and clause, or Invalid `text_invalid`."""
        who = caller(request)
        who = request.state.caller = who.acting_for(decide(who, self.action))
        demand_text(request)
        if who.roles != frozenset({PLATFORM_ADMINISTRATOR}):
            request.app.state.room.foundation.policies.of(who.agency_id)
        return who


def demand_text(request: Request) -> None:
    """Raise Invalid `text_invalid` for U+0000 in path or query, which one engine keeps and another refuses.

    Every permit demands it; a door without one, which looks a text up as it came, depends on this. Bodies are looked at
    as they arrive (`bodies.py`).
    """
    texts.demand(request.scope["path"], request.query_params.multi_items())


def may(action: Action) -> Any:
    """`who: Annotated[Caller, may(Action.SEARCH)]`: the route's action, and its caller."""
    return Depends(Permit(action))


def place(request: Request) -> Place:
    """Where the request came from."""
    return Place(address=request.client.host if request.client else None)


def use(
    request: Request,
    purpose: Annotated[str | None, Query(description="Purpose code of the agency's policy (A1)")] = None,
    matter_type: Annotated[str | None, Query(description="criminal, civil, administrative, patrol, other (A8)")] = None,
    matter_number: Annotated[str | None, Query(max_length=64)] = None,
    requested_by: Annotated[str | None, Query(max_length=120, description="For whom a dispatcher asks (A3)")] = None,
    reason: Annotated[str | None, Query(max_length=1000, description="Needed for the purpose other_le (A1)")] = None,
    unit: Annotated[str | None, Query(max_length=64, description="Of a patrol; else the session's (A4)")] = None,
    shift: Annotated[str | None, Query(max_length=64, description="Of a patrol; else the one on duty (A4)")] = None,
    number_pending: Annotated[bool, Query(description="Only with the matter_session that chose it (A8)")] = False,
    matter_session: Annotated[str | None, Query(max_length=64, description="For who acts on an approved request")] = (
        None
    ),
) -> Use:
    """Purpose and matter from the query string, or those that the person chose; the handler asks whether they may."""
    stated = Use(
        purpose=purpose or "",
        matter_type=matter_type or "",
        matter_number=matter_number,
        requested_by=requested_by,
        reason=reason,
        unit=unit,
        shift=shift,
        number_pending=number_pending,
        matter_session=matter_session,
    )
    return uses.use_of(request.app.state.room, caller(request), stated)


async def open_tx(request: Request) -> AsyncIterator[UnitOfWork]:
    """One transaction a request, committed before the answer's first byte. No audit, no data (B8)."""
    action = action_of(request)
    here: Room = request.app.state.room
    tx = UnitOfWork(here.db)
    try:
        if action is not None and RULES[action].plate_data:
            await refuse_when_audit_lags(here, tx, caller(request))
        yield tx
        if action is not None and not RULES[action].devices and not tx.recorded:
            raise RuntimeError(f"{action} left no access record")
        await commit_or_refuse(tx)
    finally:
        await tx.close()


committed_at_end = asynccontextmanager(open_tx)
"""The request's transaction as a block, for routes that have work left between the commit and the answer."""


async def refuse_when_audit_lags(here: Room, tx: UnitOfWork, who: Caller) -> None:
    """Raise Busy `audit_unavailable` when the oldest unsent record or the last checkpoint is too old (B8)."""
    limit = here.foundation.policies.of(who.agency_id).section(AuditPolicy).audit_lag_limit
    try:
        oldest = await relay.oldest_record(tx)
    except Unavailable as error:
        raise Busy("access records cannot be written", code="audit_unavailable", clause="B8") from error
    if oldest is not None and here.clock() - oldest > limit:
        raise Busy(
            "access records cannot be delivered; no plate data until they can", code="audit_unavailable", clause="B8"
        )
    if here.clock() - here.foundation.checkpoints.signed_at > limit:
        raise Busy(
            "the ledger signs no checkpoints; no plate data until it does", code="audit_unavailable", clause="B8"
        )


async def commit_or_refuse(tx: UnitOfWork) -> None:
    """Commit; an access record that cannot be written is a refusal (B8)."""
    try:
        await tx.commit()
    except (Unavailable, SQLAlchemyError) as error:
        _log.error("commit failed", reason=type(error).__name__)
        raise Busy("the access record cannot be written", code="audit_unavailable", clause="B8") from error


CurrentPlace = Annotated[Place, Depends(place)]
CurrentUse = Annotated[Use, Depends(use)]
Tx = Annotated[UnitOfWork, Depends(open_tx, scope="function")]


def action_of(request: Request) -> Action | None:
    """The action that the matched route declares; None for a public route."""
    route = request.scope.get("route")
    return declared_action(route) if isinstance(route, APIRoute) else None


def declared_action(route: APIRoute) -> Action | None:
    """The action that a route declares with `may`."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Permit):
            return dependency.call.action
    return None


def handle_errors(app: FastAPI) -> None:
    """Make every error of the app a problem document, and every refusal of a known caller an access record."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, PlatekeeperError)  # noqa: S101
        return await _refuse(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return await _refuse(request, _stranger(request) or _explained(error))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        return await _refuse(request, _stranger(request) or _named(error))

    async def away(request: Request, _error: Exception) -> Response:
        request.state.refusal = ("unavailable", None)
        return problem(503, "unavailable", "a part that this needs is away; try again", headers={"Retry-After": "2"})

    async def unexpected(request: Request, error: Exception) -> Response:
        request.state.refusal = ("internal_error", None)
        _log.error("request failed", error=describe(error), route=getattr(request.scope.get("route"), "path", None))
        return problem(500, "internal_error", "something failed here; it has been logged")

    handlers: dict[type[Exception], Callable[[Request, Exception], Any]] = {
        PlatekeeperError: known,
        RequestValidationError: invalid,
        HTTPException: http,
        Unavailable: away,
        Exception: unexpected,
    }
    for error_class, handler in handlers.items():
        app.add_exception_handler(error_class, handler)


def _stranger(request: Request) -> PlatekeeperError | None:
    """What is wrong with the token, where one is needed: who may not ask is not told what is wrong with the request."""
    stranger: PlatekeeperError | None = request.state.stranger
    return stranger if action_of(request) is not None else None


def _named(error: HTTPException) -> PlatekeeperError:
    """The framework's refusal as one of ours."""
    if isinstance(error, Unreadable):
        return error.error
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    code = codes.get(error.status_code, "invalid_request")
    named = PlatekeeperError(str(error.detail), code=code, headers=error.headers)
    named.status = error.status_code
    return named


async def _refuse(request: Request, error: PlatekeeperError) -> Response:
    who: Caller | None = request.state.caller
    action = action_of(request)
    if isinstance(error, Unauthenticated) and (who is None or action is None):
        strangers: Strangers = request.app.state.strangers
        strangers.count(place(request).address or "unknown", error.code, error.clause or "G2")
    elif who is not None and action is not None and error.status < 500:
        here: Room = request.app.state.room
        try:
            async with here.db.tx() as tx:
                tx.emit(await _refusal(request, here, who, action, error))
        except (Unavailable, SQLAlchemyError) as failure:
            _log.error("refusal not recorded", reason=type(failure).__name__)
            error = Busy("the access record cannot be written", code="audit_unavailable", clause="B8")
    request.state.refusal = (error.code, error.clause)
    return problem(error.status, error.code, error.detail, clause=error.clause, headers=error.headers, **error.extra)


async def _refusal(
    request: Request, here: Room, who: Caller, action: Action, error: PlatekeeperError
) -> AccessRecorded:
    try:
        policy = here.foundation.policies.of(who.agency_id).section(UsePolicy)
    except (Refused, Busy):
        policy = None
    query = asked.elements(request)
    line = f"{request.method} {request.url.path}"
    use = asked.use(query, policy, who.matter)
    return await here.recorder.refusal(who, action, error, line, place(request), use=use, query=query)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    clause: str | None = None,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> JSONResponse:
    """A problem document: `type`, `title`, `status`, `detail`, `code`, and the clause that refused, if one did."""
    body = {"type": f"urn:platekeeper:problem:{code}", "title": code.replace("_", " "), "status": status}
    body |= {"detail": detail, "code": code} | ({"clause": clause} if clause else {}) | extra
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM)


def _explained(error: RequestValidationError) -> Invalid:
    """Which fields are wrong and why; never what was sent."""
    fields = [
        {"field": ".".join(str(part) for part in detail["loc"] if part != "body") or "body", "problem": detail["msg"]}
        for detail in error.errors()[:MOST_NAMED]
    ]
    summary = "; ".join(f"{field['field']}: {field['problem']}" for field in fields[:5])
    return Invalid(summary, errors=fields)
