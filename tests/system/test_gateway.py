"""The gateway as callers meet it: a real HAProxy before really standing services."""

import json
import os
import re
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from door import Door, door, gateway, person
from fastapi.routing import APIRoute, iter_route_contexts
from precinct import PATROL

from platekeeper.gateway import configuration, keys
from platekeeper.gateway.doors import doors
from platekeeper.registry import SERVICES
from platekeeper.stack import haproxy
from platekeeper.stack.process import NotStarted
from platekeeper_common import ids
from platekeeper_common.auth import SigningKey
from platekeeper_common.edge import declared_action

COMMITTED = Path(__file__).parents[2] / "deploy" / "gateway" / "haproxy.cfg"
PROBLEM = "application/problem+json"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def routes() -> Iterator[tuple[str, str, bool]]:
    """Method, path and whether it is open, of every route that the services declare."""
    for service in SERVICES:
        for context in iter_route_contexts([route for router in service.routes for route in router.routes]):
            route = context.original_route
            assert isinstance(route, APIRoute)
            for method in sorted(context.methods or ()):
                yield method, context.path or route.path, declared_action(route) is None


def test_the_committed_configuration_is_what_the_code_renders() -> None:
    told = "platekeeper gateway render --cluster > deploy/gateway/haproxy.cfg"
    assert COMMITTED.read_text() == configuration.for_cluster(SERVICES), told
    beside = COMMITTED.with_name(configuration.REFUSING.name)
    assert beside.read_text() == configuration.REFUSING.read_text(), f"cp {configuration.REFUSING} {beside}"


def test_haproxy_takes_the_committed_configuration(tmp_path: Path) -> None:
    here, text = door(), COMMITTED.read_text().replace(str(configuration.CLUSTER_GATEWAY.folder), str(tmp_path))
    text = text.replace(str(configuration.CLUSTER_FILES), str(COMMITTED.parent))
    (tmp_path / "tls.pem").write_bytes((here.folder / "tls.pem").read_bytes())
    (tmp_path / "haproxy.cfg").write_text(text)
    keys.write(tmp_path / "keys", keys.pems({"keys": [SigningKey.make().public() for _ in range(3)]}))
    haproxy.check([tmp_path / "haproxy.cfg", tmp_path / "keys" / keys.PART])
    (tmp_path / "haproxy.cfg").write_text(text.replace("mode http", "mode htpt"))
    with pytest.raises(NotStarted, match="htpt"):
        haproxy.check([tmp_path / "haproxy.cfg"])


def test_open_are_the_routes_that_declare_no_action() -> None:
    known = doors(SERVICES, {service.name: service.settings() for service in SERVICES})
    below = tuple(f"{prefix}/" for service in SERVICES for prefix in service.open_below)
    whole = {path for _, path, _ in routes() if f"{path}/".startswith(below)}
    opened = {path for _, path, is_open in routes() if is_open}
    assert whole <= opened
    assert whole >= {"/policy", "/transparency", "/policy/{agency_id}/versions/{name}"}
    assert set(known.open_paths) == {"/", "/login", "/enrol", "/unlock"} | opened - whole
    assert {prefix.rstrip("/") for prefix in below} <= set(known.open_prefixes)
    sessions = {f"/v1/session/{act}" for act in ("refresh", "unlock", "end")}
    asked = {f"/v1/{what}/passkey{step}" for what in ("login", "session/unlock") for step in ("", "/options")}
    others = {"/v1/login/oidc", "/v1/device-tokens", "/v1/token-exchange"}
    assert set(known.logins) == {"/v1/login", *sessions, *asked, *others}


@pytest.mark.clause("G2")
def test_every_route_answers_through_the_gateway_as_directly() -> None:
    here = door()
    with here.client() as through, here.client(here.service) as direct:
        for method, template, opened in routes():
            path = re.sub(r"\{[^}]*\}", "00000000-0000-0000-0000-000000000000", template)
            if opened and method == "POST":
                continue
            for headers in ({}, here.bearer()):
                answers = [client.request(method, path, headers=headers) for client in (through, direct)]
                said = [(answer.status_code, PROBLEM in answer.headers["content-type"]) for answer in answers]
                assert said[0] == said[1], (method, path)
                assert opened or headers or said[0] == (401, True), (method, path)


@pytest.mark.clause("G2")
@pytest.mark.parametrize("path", ["/v1/nothing", "/metrics", "/v1//login", "/v1/login/", "/V1/login"])
def test_what_is_no_door_of_ours_needs_a_token_too(path: str) -> None:
    with door().client() as client:
        answer = client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


def test_a_path_in_other_words_reaches_the_same_door() -> None:
    with door().client() as client:
        assert client.post("/v1/%6cogin", json={}).status_code == 422
        assert client.get("/%68ealth/ingest").json()["service"] == "ingest"


@pytest.mark.clause("G3")
def test_the_address_in_records_is_the_callers_whatever_he_says() -> None:
    here = door()
    forged = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host"), "203.0.113.9")
    who = person("administrator", "auditor", username=ids.new())
    headers = {"Authorization": f"Bearer {here.token(who)}"} | forged | {"X-Forwarded-Proto": "http"}
    with here.client(source="127.0.0.7") as client:
        assert client.get("/v1/devices", headers=headers).status_code == 200
        deadline = time.monotonic() + 20
        while not (found := _records(client, headers, who.subject)) and time.monotonic() < deadline:
            time.sleep(0.5)
    assert {record["address"] for record in found} == {"127.0.0.7"}


def _records(client: httpx.Client, headers: dict[str, str], subject: str) -> list[dict[str, Any]]:
    told = client.get("/v1/access-records", headers=headers).json()
    records = told["records"] if isinstance(told, dict) else told
    return [record for record in records if subject in json.dumps(record)]


def test_a_requests_id_is_the_gateways_and_the_services_write_it() -> None:
    here = door()
    sent = ids.new()
    with here.client() as client:
        for path in ("/v1/release-key", "/health/gateway", "/v1/nothing"):
            given = client.get(path, headers={"X-Request-ID": sent}).headers["x-request-id"]
            assert UUID.fullmatch(given)
            assert given != sent
        answered = client.get("/v1/release-key")
    assert answered.headers.get_list("x-request-id") == [answered.headers["x-request-id"]]
    deadline = time.monotonic() + 20
    while answered.headers["x-request-id"] not in here.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answered.headers["x-request-id"] in here.log.read_text()
    assert sent not in here.log.read_text()


def test_tls_is_new_and_speaks_http_2() -> None:
    here = door()
    modern = ssl.create_default_context(cafile=str(here.folder / "ca.pem"))
    modern.set_alpn_protocols(["h2", "http/1.1"])
    with here.connected(modern) as line:
        assert (line.selected_alpn_protocol(), line.version()) == ("h2", "TLSv1.3")
    old = ssl.create_default_context(cafile=str(here.folder / "ca.pem"))
    old.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        here.connected(old)
    with here.client() as client:
        assert "max-age" in client.get("/health/gateway").headers["strict-transport-security"]


def test_the_stream_of_hits_comes_through_as_it_is_written() -> None:
    here = door()
    dispatcher = here.bearer("dispatcher")
    with here.client() as client, client.stream("GET", "/v1/hits/stream", params=PATROL, headers=dispatcher) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        since = time.monotonic()
        told = [line for line, _ in zip((line for line in stream.iter_lines() if line), range(5), strict=False)]
    assert len(told) == 5
    assert time.monotonic() - since < 15


def test_a_service_that_is_away_is_said_to_be() -> None:
    here = door()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{nobody.getsockname()[1]}"
        started, facts = gateway(here.folder.parent / "away", here.service, release=at)
        try:
            away = Door(facts["url"], here.service, here.var, Path(facts["folder"]), here.log)
            with away.client() as client:
                told = client.get("/v1/release-key")
                assert (told.status_code, told.json()["code"]) == (503, "unavailable")
                assert told.headers["content-type"] == PROBLEM
                assert told.headers["retry-after"]
                assert client.get("/health/gateway").json() == {"service": "gateway", "ready": True}
                assert client.get("/health/ingest").json()["ready"]
        finally:
            assert started.stop() == 0


def test_a_proxy_that_dies_is_missed_at_once_and_not_when_keys_are_next_asked_for(tmp_path: Path) -> None:
    started, _ = gateway(tmp_path, door().service, keys_every=3600)
    assert started.started is not None
    number = started.started.pid
    try:
        for child in Path(f"/proc/{number}/task/{number}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        assert started.started.wait(20) == 1
        assert "HAProxy ended" in started.log.read_text()
    finally:
        started.kill()


def test_a_new_key_is_taken_without_a_refused_request() -> None:
    here = door()
    refused: list[str] = []
    passed = [0]
    over = threading.Event()

    def traffic() -> None:
        with here.client() as client:
            while not over.is_set():
                try:
                    answer = client.get("/v1/devices", headers=here.bearer("administrator"))
                    passed[0] += 1
                    if answer.status_code != 200:
                        refused.append(answer.text)
                except httpx.TransportError as error:
                    refused.append(repr(error))

    old = here.keys.current()
    callers = [threading.Thread(target=traffic) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        new = here.keys.make()
        assert new.kid != old.kid
        deadline = time.monotonic() + 30
        with here.client() as client:
            while (answer := _shown(client, here, new)).status_code != 200:
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.2)
        time.sleep(1)
    finally:
        over.set()
        for caller in callers:
            caller.join()
    assert refused == []
    assert passed[0] > 20


def _shown(client: httpx.Client, here: Door, key: SigningKey) -> httpx.Response:
    return client.get("/v1/devices", headers={"Authorization": f"Bearer {here.token(person('administrator'), key)}"})


@pytest.mark.clause("H2")
def test_whom_the_gateway_refuses_is_recorded_once_a_minute() -> None:
    here = door()
    before = handed_on(here)
    with here.client(source="127.0.0.77") as client:
        answers = [client.post("/v1/searches", json={}) for _ in range(5)]
        answers += [client.get("/v1/hits", headers={"Authorization": "Bearer nonsense"}) for _ in range(2)]
    told = [(answer.status_code, answer.json()["code"], answer.json()["clause"]) for answer in answers]
    assert told == [(401, "token_missing", "G2")] * 5 + [(401, "token_invalid", "G2")] * 2
    said = {"type", "title", "status", "detail", "code", "clause"}
    assert all(set(answer.json()) == said for answer in answers)
    first, *later = handed_on(here)[len(before) :]
    assert (first["status"], first["code"]) == (401, "token_missing")
    assert len(later) <= 1, "another minute may have begun meanwhile"


def handed_on(here: Door) -> list[dict[str, Any]]:
    """The lines of requests that the gateway refused and handed to the ledger."""
    lines = [json.loads(line) for line in here.log.read_text().splitlines() if '"/v1/strangers"' in line]
    return [line for line in lines if line.get("event") == "request"]
