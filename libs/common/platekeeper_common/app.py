"""Builds a service's HTTP app: its routes, and what every service answers (health, API documents, dead letters)."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from platekeeper_common import dead_letter_routes, edge
from platekeeper_common.identify import Identify
from platekeeper_common.service import Room, Service
from platekeeper_common.settings import ServiceSettings
from platekeeper_common.strangers import Strangers


class Part(Protocol):
    """Something that runs in a service: a consumer, a follower, the relay, a job."""

    @property
    def trouble(self) -> str | None:
        """Why it does not do its work; None when it does."""


def paths(service: Service) -> tuple[str, ...]:
    """Every URL prefix that the service's app answers."""
    own = (f"/health/{service.name}", f"/docs/{service.name}", f"/v1/dead-letters/{service.name}")
    return (*service.paths, *own)


def public(service: Service) -> tuple[str, ...]:
    """The prefixes among them that need no token: health and documents."""
    return (f"/health/{service.name}", f"/docs/{service.name}")


def build(service: Service, room: Room, settings: ServiceSettings, parts: Callable[[], Sequence[Part]]) -> FastAPI:
    """The app over an open room. `parts` answers what runs for it just now."""
    docs = f"/docs/{service.name}"
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
    for router in service.routes:
        app.include_router(router)
    if service.consumes:
        app.include_router(dead_letter_routes.router(service))
    edge.handle_errors(app)
    app.add_middleware(Identify, verifier=room.foundation.verifier, body_limit=settings.body_limit)

    @app.get(f"/health/{service.name}", tags=["health"])
    async def health() -> dict[str, Any]:
        """Whether the service does its work, what is wrong if not, and its counts. Never a plate."""
        trouble = [part.trouble for part in parts() if part.trouble]
        counts = await service.counts(room)
        return {"service": service.name, "ready": not trouble, "trouble": trouble, "counts": counts}

    return app
