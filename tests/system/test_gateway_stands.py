"""What the gateway stands: crowds of one address, endless bodies, no keys, being stopped with requests in hand."""

import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from door import Door, door
from precinct import PATROL, PROJECT

from platekeeper.gateway import configuration, keys, run
from platekeeper.gateway.doors import doors
from platekeeper.gateway.keys import Fetch
from platekeeper.gateway.run import Gateway
from platekeeper.gateway.settings import GatewaySettings
from platekeeper.registry import SERVICES
from platekeeper.stack.ports import free_port
from platekeeper.stack.process import Process
from platekeeper_common.auth import KeySet

OF_ONE_ADDRESS, OF_ALL, LONGEST = 6, 10, 2
HALF_A_BODY = b"POST /v1/searches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n"
MANIFEST = PROJECT / "deploy" / "k8s" / "base" / "gateway" / "deployment.yaml"


class Small:
    """A gateway of few places before the run's platform, and where its probes are answered."""

    def __init__(self, folder: Path, fetch: Fetch | None = None) -> None:
        behind = door()
        port, probes = free_port(), free_port()
        at = behind.service.removeprefix("http://")
        (folder / "refuse.lua").write_text(
            configuration.REFUSING.read_text().replace("= 16000000, 30", f"= 16000000, {LONGEST}")
        )
        settings = GatewaySettings(
            bind=f"127.0.0.1:{port}",
            operators=f"127.0.0.1:{free_port()}",
            probes=f"127.0.0.1:{probes}",
            folder=folder / "gateway",
            connections=OF_ALL,
            address_connections=OF_ONE_ADDRESS,
        )
        text = configuration.render(
            doors(SERVICES, {service.name: service.settings() for service in SERVICES}),
            {name: [at] for name in configuration.names(SERVICES)},
            issuer="platekeeper",
            audience="platekeeper",
            gateway=settings,
            refusing=folder / "refuse.lua",
        )
        self.gateway = Gateway(settings, text, fetch or keys.fetcher([at]))
        self.probes = f"http://127.0.0.1:{probes}/health/gateway"
        self.door = Door(f"https://127.0.0.1:{port}", behind.service, behind.var, settings.folder, behind.log)

    def probe(self, word: str) -> int:
        """The status that whoever watches is told."""
        return httpx.get(f"{self.probes}/{word}", trust_env=False, timeout=3).status_code

    def half_sent(self, source: str) -> socket.socket:
        """A connection from the address with a refused request whose body does not end. Raises OSError."""
        line = self.door.connected(source=source)
        line.sendall(HALF_A_BODY)
        return line


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """One that stands."""
    made = Small(tmp_path_factory.mktemp("small"))
    made.gateway.start()
    yield made
    made.gateway.proxy.stop()


def test_one_address_cannot_take_the_places_of_others_nor_all_of_them_those_of_probes(small: Small) -> None:
    with ExitStack() as held:
        for _ in range(OF_ONE_ADDRESS):
            held.enter_context(small.half_sent("127.0.0.31"))
        with pytest.raises(OSError, match=r"reset|EOF|closed"):
            small.half_sent("127.0.0.31")
        with small.door.client(source="127.0.0.32") as other:
            assert other.get("/health/gateway").status_code == 200
        for _ in range(OF_ALL - OF_ONE_ADDRESS):
            held.enter_context(small.half_sent("127.0.0.33"))
        assert (small.probe("live"), small.probe("ready")) == (200, 200)


def test_who_is_refused_and_sends_a_byte_now_and_then_is_answered_and_shut_out(small: Small) -> None:
    since, told = time.monotonic(), b""
    with small.half_sent("127.0.0.34") as line:
        line.settimeout(0.2)
        while time.monotonic() - since < 10 * LONGEST:
            try:
                line.sendall(b"1\r\nx\r\n")
                more = line.recv(65_536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not more:
                break
            told += more
    assert LONGEST - 1 <= time.monotonic() - since < 10 * LONGEST
    assert told.startswith(b"HTTP/1.1 401")
    assert told.endswith(b"}")
    assert b"connection: close" in told


def test_a_small_body_may_come_slowly(small: Small) -> None:
    body = b'{"plate": "8ABC123"}'
    token = small.door.bearer("officer")["Authorization"]
    head = f"POST /v1/searches HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n"
    with small.door.connected() as line:
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        time.sleep(1.5)
        line.sendall(body[5:])
        assert line.recv(65_536).startswith(b"HTTP/1.1 422")


def test_a_gateway_without_keys_is_not_ready(tmp_path: Path) -> None:
    behind: list[Fetch] = []

    def fetch() -> KeySet:
        if not behind:
            raise ConnectionError("accounts do not answer")
        return behind[0]()

    made = Small(tmp_path, fetch)
    made.gateway.start(wait=0)
    try:
        with closing(made.door.client()) as client:
            assert (made.probe("live"), made.probe("ready")) == (200, 503)
            told = client.get("/health/gateway")
            assert (told.status_code, told.json()["ready"]) == (503, False)
            assert client.get("/v1/devices", headers=made.door.bearer()).json()["code"] == "keys_unavailable"
        behind.append(keys.fetcher([made.door.service.removeprefix("http://")]))
        assert made.gateway.refresh()
        assert made.probe("ready") == 200
    finally:
        made.gateway.proxy.stop()


def test_requests_in_hand_outlive_the_stop_of_their_pod(tmp_path: Path) -> None:
    """The very commands of the manifest; `process 1` of the container is here another."""
    made = Small(tmp_path)
    assert run.first_keys(made.gateway._settings.keys, made.gateway._fetch, 10, threading.Event())
    container = yaml.safe_load(MANIFEST.read_text())["spec"]["template"]["spec"]["containers"][0]
    placed = [word.replace("/var/lib/platekeeper/gateway", str(made.door.folder)) for word in container["command"]]
    placed = [word.replace("/etc/platekeeper/gateway", str(made.door.folder)) for word in placed]
    proxy = Process("HAProxy", placed, tmp_path / "haproxy.log")
    proxy.start()
    assert proxy.started is not None
    try:
        proxy.until(lambda: _answers(made), 20)
        with (
            made.door.client() as client,
            client.stream("GET", "/v1/hits/stream", params=PATROL, headers=made.door.bearer("dispatcher")) as stream,
            _before_the_stop(container, proxy.started.pid) as since,
        ):
            lines, last = stream.iter_lines(), 0.0
            next(lines)
            assert _answers(made)
            while last < 6.5:
                next(lines)
                last = time.monotonic() - since
            assert not _answers(made)
            assert proxy.alive
        assert proxy.started.wait(10) == 0
    finally:
        proxy.kill()


@contextmanager
def _before_the_stop(container: Any, process: int) -> Iterator[float]:
    """What Kubernetes runs before SIGTERM: runs meanwhile; since when."""
    words = [re.sub(r"\b1\b", str(process), word) for word in container["lifecycle"]["preStop"]["exec"]["command"]]
    with subprocess.Popen(words, start_new_session=True) as running:  # noqa: S603 - the manifest's own
        yield time.monotonic()
        running.send_signal(signal.SIGKILL)


def _answers(made: Small) -> bool:
    try:
        return made.probe("ready") == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def signals() -> Iterator[None]:
    """Who is told to stop by signals leaves the run's own handlers in place."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_first_keys_that_cannot_be_had_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLATEKEEPER_GATEWAY_FOLDER", str(tmp_path))
    monkeypatch.setenv("PLATEKEEPER_GATEWAY_KEYS_WAIT_SECONDS", "0.6")
    nobody = {"accounts": [f"127.0.0.1:{free_port()}"]}
    assert run.keep_keys(nobody, once=True) == 1
    assert "accounts gave no keys of tokens in 0.6 s" in capsys.readouterr().err
    assert not list(tmp_path.rglob(keys.PART))
    at = {"accounts": [*nobody["accounts"], door().service.removeprefix("http://")]}
    assert run.keep_keys(at, once=True) == 0
    assert run.keep_keys(nobody, once=True) == 0, "those that are there will do"


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("act", ["run", "keys"])
def test_neighbours_without_accounts_are_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], act: str
) -> None:
    monkeypatch.setenv("PLATEKEEPER_GATEWAY_FOLDER", str(tmp_path))
    monkeypatch.setenv("PLATEKEEPER_NEIGHBOURS", "ingest=http://127.0.0.1:1")
    assert (run.run({}) if act == "run" else run.keep_keys({}, once=True)) == 1
    assert "PLATEKEEPER_NEIGHBOURS names no accounts" in capsys.readouterr().err
