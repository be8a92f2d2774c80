"""Builds a service's HTTP app: its routes, and what every service answers (health, API documents, dead letters)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline

from platekeeper_common import dead_letter_routes, edge
from platekeeper_common.identify import Identify
from platekeeper_common.service import BOTH, Role, Room, Service
from platekeeper_common.settings import ServiceSettings, Settings
from platekeeper_common.strangers import Strangers
from platekeeper_common.watermark import Watermark

PASSED_ON = frozenset({"forwarded", "via", "x-forwarded-for", "x-real-ip"})
"""What a proxy adds when somebody else asks through it (RFC 7239, RFC 9110 section 7.6.3)."""


class Part(Protocol):
    """Something that runs in a service: a consumer, a follower, the relay, a job."""

    @property
    def trouble(self) -> str | None:
        """Why it does not do its work; None when it does."""


class Running(Part, Protocol):
    """A part while it runs."""

    @property
    def dead(self) -> str | None:
        """Why only a new process would do its work again; None when it runs, or waits for a person."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a service stands in this process: what runs for it alone and for the whole process, and whether it stops."""

    parts: Callable[[], Sequence[Running]]
    shared: Callable[[], Sequence[Running]]
    stopping: Callable[[], bool]

    def trouble(self) -> list[str]:
        """What of its own does not do its work."""
        return [part.trouble for part in self.parts() if part.trouble]

    def unready(self) -> list[str]:
        """Why no request should come here just now: what is wrong with it, with the process, or that it stops."""
        shared = [part.trouble for part in self.shared() if part.trouble]
        return (["stopping"] if self.stopping() else []) + self.trouble() + shared

    def dead(self) -> list[str]:
        """What only a new process would mend."""
        return [part.dead for part in (*self.parts(), *self.shared()) if part.dead]


def paths(service: Service, roles: frozenset[Role] = BOTH) -> tuple[str, ...]:
    """Every URL prefix that the service's app answers in a process of these roles.

    Dead letters are the worker's: only it holds what their handlers need.
    """
    found = [f"/health/{service.name}"]
    if "api" in roles or "api" not in service.roles:
        found = [*service.paths, *found, f"/docs/{service.name}"]
    if "worker" in roles and service.consumes:
        found.append(f"/v1/dead-letters/{service.name}")
    return tuple(found)


def public(service: Service) -> tuple[str, ...]:
    """The prefixes among them that need no token: health, documents, and what the service itself leaves open."""
    return (f"/health/{service.name}", f"/docs/{service.name}", *service.open_below)


def build(service: Service, room: Room, settings: ServiceSettings, health: Health) -> FastAPI:
    """The app over an open room, with the doors of the process's roles."""
    docs, roles = f"/docs/{service.name}", room.foundation.roles
    app = FastAPIOffline(
        title=f"Platekeeper {service.name}",
        description=service.summary,
        docs_url=docs,
        redoc_url=None,
        openapi_url=f"{docs}/openapi.json",
        swagger_ui_oauth2_redirect_url=f"{docs}/oauth2-redirect",
        static_url=f"{docs}/static",
        # A redirect would name the scheme and host that the caller claims, and carry a plate there.
        redirect_slashes=False,
    )
    app.state.room = room
    app.state.strangers = Strangers()
    for router in service.routes if "api" in roles else ():
        app.include_router(router)
    if service.consumes and "worker" in roles:
        app.include_router(dead_letter_routes.router(service))
    edge.handle_errors(app)
    app.add_middleware(Watermark, clock=room.clock)
    app.add_middleware(Identify, verifier=room.foundation.verifier, body_limit=settings.body_limit)
    _answer_health(app, service, room, health)
    return app


def _answer_health(app: FastAPI, service: Service, room: Room, health: Health) -> None:
    @app.get(f"/health/{service.name}", tags=["health"])
    async def stands(request: Request) -> dict[str, Any]:
        """Whether the service does its work, what is wrong if not, and its counts. Never a plate."""
        trouble = health.trouble()
        counts = counts_for(request, room.foundation.settings, service, await service.counts(room))
        return {"service": service.name, "ready": not trouble, "trouble": trouble, "counts": counts}

    @app.get(f"/health/{service.name}/live", tags=["health"])
    async def live(response: Response) -> dict[str, Any]:
        """200 while the process can mend itself, 503 when only a new one would help. No neighbour is asked."""
        return told(response, service.name, "live", health.dead())

    @app.get(f"/health/{service.name}/ready", tags=["health"])
    async def ready(response: Response) -> dict[str, Any]:
        """200 when requests should come here: everything it needs is there and caught up; 503 with what is not."""
        return told(response, service.name, "ready", health.unready())


def counts_for(request: Request, settings: Settings, service: Service, counts: Mapping[str, int]) -> dict[str, int]:
    """All counts for who asks on this machine itself; the public door tells the open ones alone (H2)."""
    if settings.for_this_machine_alone and PASSED_ON.isdisjoint(request.headers):
        return dict(counts)
    return {name: count for name, count in counts.items() if name in service.open_counts}


def told(response: Response, name: str, word: str, trouble: list[str]) -> dict[str, Any]:
    """The answer of a probe: 200 without trouble, 503 with it."""
    if trouble:
        response.status_code = 503
    return {"service": name, word: not trouble, "trouble": trouble}
