"""What the gateway lets through of a body, of logins from one address and of requests of one caller, and no more."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from door import CALLER_RATE, LOGIN_RATE, Door, door

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/v1/frames", 16_000_000),
        ("/v1/searches", 65_536),
        ("/v1/accounts", 1_000_000),
        ("/v1/hotlists/x/imports", 200_000_000),
        ("/v1/hotlists/x/entries", 1_000_000),
    ],
)
def test_a_body_over_its_routes_limit_is_refused_before_it_is_sent(path: str, limit: int) -> None:
    here = door()
    status, headers, body = _announce(here, path, limit + 1)
    assert (status, body["code"]) == (413, "too_large")
    assert headers["content-type"] == PROBLEM
    with here.client() as client:
        assert client.post(path, headers=here.bearer(), content=b"x" * min(limit, 1_000)).status_code != 413


def test_an_import_may_be_longer_than_other_bodies_of_its_service() -> None:
    here = door()
    with here.client() as client:
        told = client.post(
            "/v1/hotlists/x/imports",
            params={"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-1"},
            headers=here.bearer("investigator") | {"Content-Type": "text/csv"},
            content=b"plate\n" + b"8ABC123\n" * 200_000,
        )
    assert told.json()["code"] == "hotlist_unknown"


def test_a_body_of_unknown_length_is_bounded_by_the_service() -> None:
    here = door()
    with here.client() as client:
        told = client.post("/v1/searches", headers=here.bearer("officer"), content=iter([b"x" * 30_000] * 3))
    assert (told.status_code, told.json()["code"]) == (413, "too_large")


def _announce(here: Door, path: str, length: int) -> tuple[int, dict[str, str], dict[str, Any]]:
    """What is answered to the head of a request whose body never comes."""
    with here.connected() as line:
        token = here.bearer()["Authorization"]
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: {length}\r\n\r\n"
        line.sendall(head.encode())
        told = line.makefile("rb")
        status = int(told.readline().split()[1])
        lines = iter(lambda: told.readline().decode().strip(), "")
        headers = dict(one.lower().split(": ", 1) for one in lines)
        return status, headers, json.loads(told.read(int(headers["content-length"])))


def _until_refused(ask: Callable[[], httpx.Response], allowed: int) -> list[httpx.Response]:
    """The answers up to the first 429: after as many as are allowed in ten seconds, or later where we are slow."""
    told = [ask() for _ in range(allowed + 1)]
    while told[-1].status_code != 429 and len(told) < 4 * allowed:
        told.append(ask())
    return told


def test_a_flood_of_logins_stops_at_its_own_address() -> None:
    here = door()
    with here.client(source="127.0.0.66") as flood, here.client(source="127.0.0.67") as other:
        told = _until_refused(lambda: flood.post("/v1/login", json={}), LOGIN_RATE * 10)
        assert {answer.status_code for answer in told[:-1]} == {422}
        assert (told[-1].status_code, told[-1].json()["code"]) == (429, "too_many_logins")
        assert (told[-1].headers["retry-after"], told[-1].headers["content-type"]) == ("10", PROBLEM)
        assert flood.post("/v1/device-tokens", json={}).status_code == 429
        assert other.post("/v1/login", json={}).status_code == 422
        assert flood.get("/v1/release-key").status_code == 200


def test_devices_that_all_keep_trying_are_let_in_at_the_rate_and_not_shut_out() -> None:
    here = door()
    with here.client(source="127.0.0.68") as site:
        let_in = []
        until = time.monotonic() + 15
        while time.monotonic() < until:
            let_in.append(site.post("/v1/login", json={}).status_code != 429)
            time.sleep(0.05)
    first, later = let_in.index(False), let_in[len(let_in) * 4 // 5 :]
    assert first >= LOGIN_RATE * 10
    assert any(later)
    assert sum(let_in) <= LOGIN_RATE * (15 + 10) + 1


def test_one_device_cannot_take_the_place_of_others() -> None:
    here = door()
    busy, calm = (here.bearer(kind="device") for _ in range(2))
    with here.client() as client:
        told = _until_refused(lambda: client.get("/v1/devices", headers=busy), CALLER_RATE * 10)
        assert {answer.status_code for answer in told[:-1]} == {403}
        assert (told[-1].status_code, told[-1].json()["code"]) == (429, "too_many_requests")
        assert told[-1].headers["retry-after"] == "10"
        assert client.get("/v1/devices", headers=calm).status_code == 403
