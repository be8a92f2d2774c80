"""The start page: which services run, their health and counts, where the API documents are. Never a plate.

Beside it the plain pages (`plain.py`).
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from platekeeper.pages import plain
from platekeeper_common import edge
from platekeeper_common.app import Health, counts_for, told
from platekeeper_common.identify import Identify
from platekeeper_common.service import Foundation, Service

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())


def build(services: Sequence[Service]) -> Callable[[Foundation, Health], FastAPI]:
    """The pages' app, over the foundation of the process that shows them."""

    def over(foundation: Foundation, health: Health) -> FastAPI:
        app = FastAPI(title="Platekeeper pages", docs_url=None, redoc_url=None, openapi_url=None)
        edge.handle_errors(app)
        app.add_middleware(Identify, verifier=foundation.verifier, body_limit=0)

        @app.get("/")
        async def start(request: Request) -> Response:
            shown = await asyncio.gather(*(_state(foundation, service, request) for service in services))
            if "text/html" not in request.headers.get("accept", "*/*").replace("*/*", "text/html"):
                return JSONResponse(shown)
            page = _templates.get_template("start.html").render(services=shown, now=foundation.clock())
            return HTMLResponse(
                page, headers={"Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'"}
            )

        plain.add(app, _templates, services)

        @app.get("/health/pages/live")
        async def live(response: Response) -> dict[str, Any]:
            return told(response, "pages", "live", health.dead())

        @app.get("/health/pages/ready")
        async def ready(response: Response) -> dict[str, Any]:
            return told(response, "pages", "ready", health.unready())

        return app

    return over


async def _state(foundation: Foundation, service: Service, request: Request) -> dict[str, Any]:
    """What the service says of itself, or that it does not answer."""
    about = {"name": service.name, "summary": service.summary, "documents": f"/docs/{service.name}"}
    try:
        health = await foundation.peers.json(service.name, f"/health/{service.name}")
    except OSError:
        return about | {"ready": False, "trouble": ["does not answer"], "counts": {}}
    counts = counts_for(request, foundation.settings, service, health["counts"])
    return about | {"ready": health["ready"], "trouble": health["trouble"], "counts": counts}
