"""Every door of every service declares its action; the public ones are named here (clauses A2, G2)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from standing import Town, town

from platekeeper.registry import SERVICES
from platekeeper_common.authorization import RULES, Action
from platekeeper_common.edge import declared_action

PUBLIC = {
    "/v1/login",
    "/v1/session/refresh",
    "/v1/session/unlock",
    "/v1/session/end",
    "/v1/device-tokens",
    "/v1/release-key",
    "/v1/token-exchange",
    "/.well-known/jwks.json",
    *(f"/health/{service.name}{probe}" for service in SERVICES for probe in ("", "/live", "/ready")),
    *(f"/docs/{service.name}" for service in SERVICES),
    *(f"/docs/{service.name}/oauth2-redirect" for service in SERVICES),
}


def doors(here: Town) -> Iterator[tuple[str, str, Action | None]]:
    """Method, path and declared action of every route."""
    for app in here.standing.apps.values():
        for context in iter_route_contexts(app.routes):
            if isinstance(context.original_route, APIRoute):
                for method in sorted(context.methods or ()):
                    yield method, context.path or "", declared_action(context.original_route)


@pytest.mark.clause("G2")
@pytest.mark.clause("A2")
async def test_every_route_but_the_public_ones_declares_its_action(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES) as here:
        declared = list(doors(here))
    assert {path for _, path, action in declared if action is None} == PUBLIC
    assert {action for _, _, action in declared if action} | {Action.LOGIN, Action.TOKEN_EXCHANGE} == set(RULES)


@pytest.mark.clause("G2")
@pytest.mark.clause("H2")
async def test_every_other_route_refuses_a_stranger(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES) as here, here.client() as stranger:
        closed = [(method, path) for method, path, action in doors(here) if action]
        assert len(closed) > len(PUBLIC)
        for method, path in closed:
            answer = await stranger.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["code"] == "token_missing"
