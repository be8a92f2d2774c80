"""ASGI in front of a service's app: each request has an id, is counted by its route's template and told in one line.

Neither figures nor line hold what a caller wrote: no path, no query, no name, no body. A caller's own request id is
taken only when it is a UUID, for it is logged and answered.
"""

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platekeeper_common import ids
from platekeeper_common.metrics import CLAUSE, CODE, OTHER, Meter, counter, histogram

REQUEST_ID = "x-request-id"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER)
STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "none")
"""`none`: the caller left before the answer began."""
ROUTE = re.compile(r"/[\w./{}:-]{0,120}|documents|none")
"""A template of our own, such as /v1/reads/{read_id}; `documents` of the API, `none` where no route matched."""
REFUSED = ("401", "403", "404", "405", "408", "409", "410", "413", "422", "500", "503")

REQUESTS = counter(
    "platekeeper_http_requests", "Requests answered, by route.", route=ROUTE, method=METHODS, status=STATUSES
)
DURATION = histogram(
    "platekeeper_http_request_duration_seconds",
    "From a request's arrival to the first byte of its answer.",
    (0.005, 0.02, 0.1, 0.5, 2.5, 10),
    route=ROUTE,
)
REFUSALS = counter(
    "platekeeper_http_refusals",
    "Requests refused, by status, stable code and the clause that refused.",
    status=REFUSED,
    code=CODE,
    clause=CLAUSE,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_log = structlog.get_logger()


class Observe:
    """Counts and logs what the app answers, and answers each request's id.

    The app leaves the code and clause of a refusal in `state["refusal"]`.
    """

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        """Count for the service of `meter`."""
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on and note what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["refusal"] = None
        request_id = _request_id(scope)
        seen = _Seen()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.begins(message["status"])
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer)
            finally:
                self._note(scope, seen)

    def _note(self, scope: Scope, seen: "_Seen") -> None:
        route, method = _template(scope), scope["method"] if scope["method"] in METHODS else OTHER
        status = f"{seen.status // 100}xx" if seen.status else "none"
        self._meter.count(REQUESTS, route=route, method=method, status=status)
        told = {}
        if seen.status:
            self._meter.time(DURATION, seen.waited, route=route)
        if (refusal := scope["state"]["refusal"]) is not None:
            code, clause = refusal
            self._meter.count(REFUSALS, status=str(seen.status), code=code, clause=clause or "none")
            told = {"code": code} | ({"clause": clause} if clause else {})
        say = _log.debug if route.startswith("/health/") else _log.info
        say(
            "request",
            service=self._meter.service,
            route=route,
            method=method,
            status=seen.status,
            ms=seen.milliseconds(),
            **told,
        )


class _Seen:
    """What the caller has been answered so far: the status (0: nothing yet), and after how many seconds."""

    __slots__ = ("_since", "status", "waited")

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self.status = 0
        self.waited = 0.0

    def begins(self, status: int) -> None:
        self.status, self.waited = status, time.perf_counter() - self._since

    def milliseconds(self) -> float:
        """Since the request came."""
        return round((time.perf_counter() - self._since) * 1_000, 1)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given.lower() if _UUID.fullmatch(given) else ids.new()


def _template(scope: Scope) -> str:
    """The matched route's own path, never the one that was asked for."""
    template: str | None = getattr(scope.get("route"), "path", None)
    return template or ("documents" if scope.get("endpoint") is not None else "none")
