"""The plain pages: login, enrolment, unlock. What they show comes from accounts; here are only words and a form.

They hold the access token in memory and nowhere else; the refresh token is a cookie that no script reads. Nothing is
loaded from elsewhere and nothing stands in the page that could run: the policy of their answers says so (CSP level 3).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from platekeeper_common.service import Service

PAGES = ("login", "enrol", "unlock")
PATHS = tuple(f"/{page}" for page in PAGES)
ASSETS = "/assets"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "publickey-credentials-create=(self), publickey-credentials-get=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""`data:` is the QR code, an image of the page's own."""


class Assets(StaticFiles):
    """Files of ours, asked for anew each time: they change with the version, and are small."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        """The file, or that it has not changed."""
        answer = super().file_response(*args, **more)
        answer.headers.update({"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})
        return answer


def add(app: FastAPI, templates: Environment, services: Sequence[Service]) -> None:
    """Have the app answer the pages and what they load."""
    documents = [(service.name, service.summary) for service in services]
    app.mount(ASSETS, Assets(directory=Path(__file__).parent / "assets"))
    for page in PAGES:
        _add(app, page, templates.get_template(f"{page}.html").render(documents=documents))


def _add(app: FastAPI, page: str, shown: str) -> None:
    @app.get(f"/{page}")
    async def answer() -> HTMLResponse:
        return HTMLResponse(shown, headers=HEADERS)
