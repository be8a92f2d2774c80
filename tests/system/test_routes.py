"""Every door of every service declares its action; the public ones are named here (clause G2)."""

from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from standing import town

from platekeeper.registry import SERVICES
from platekeeper_common.edge import declared_action

PUBLIC = {
    "/v1/login",
    "/v1/device-tokens",
    "/.well-known/jwks.json",
    *(f"/health/{service.name}" for service in SERVICES),
    *(f"/docs/{service.name}" for service in SERVICES),
    *(f"/docs/{service.name}/oauth2-redirect" for service in SERVICES),
}


@pytest.mark.clause("G2")
@pytest.mark.clause("A2")
async def test_every_route_but_the_public_ones_declares_its_action(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES) as here:
        routes = [route for app in here.standing.apps.values() for route in app.routes if isinstance(route, APIRoute)]
    assert {route.path for route in routes if declared_action(route) is None} == PUBLIC


@pytest.mark.clause("G2")
async def test_every_other_route_refuses_a_stranger(tmp_path: Path) -> None:
    async with town(tmp_path / "var", SERVICES) as here, here.client() as stranger:
        for app in here.standing.apps.values():
            for route in app.routes:
                if isinstance(route, APIRoute) and declared_action(route) is not None:
                    for method in route.methods or ():
                        answer = await stranger.request(method, route.path)
                        assert answer.status_code == 401, (method, route.path)
                        assert answer.json()["code"] == "token_missing"
