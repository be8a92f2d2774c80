"""Whoever is refused while a long upload is on its way reads why: through real sockets, with HAProxy and without."""

import json
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from door import Door, door

from platekeeper.stack import curl

MEBIBYTE = 1 << 20
UPLOAD = b'"' + b"x" * (MEBIBYTE - 2) + b'"'
"""JSON, so that nobody is refused for the form of it."""
JSON = {"Content-Type": "application/json"}
TIMES = 50
ON_ONE_CONNECTION = 5
REFUSALS = {
    "no token": ("/v1/frames", "", 401, "token_missing"),
    "a strange token": ("/v1/frames", "Bearer nonsense", 401, "token_invalid"),
    "the wrong role": ("/v1/devices", "officer", 403, "not_administrator"),
    "too long": ("/v1/searches", "officer", 413, "too_large"),
    "no such door": ("/v1/frames/x/y", "officer", 404, "not_found"),
}
"""What is refused: path, authorization or role, status and code of the answer."""


def shown(here: Door, who: str) -> dict[str, str]:
    """The header of the authorization; every time somebody else's, for the gateway counts."""
    return here.bearer("officer") if who == "officer" else {"Authorization": who} if who else {}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_refused_upload_always_gets_its_problem_document(why: str) -> None:
    here = door()
    path, who, status, code = REFUSALS[why]
    for url in (here.gateway, here.service):
        told: Counter[tuple[int, str]] = Counter()
        for _ in range(TIMES // ON_ONE_CONNECTION):
            with here.client(url, **shown(here, who), **JSON) as client:
                for number in range(ON_ONE_CONNECTION):
                    answer = client.post(path, content=UPLOAD if number % 2 else _unannounced())
                    told[answer.status_code, answer.json()["code"]] += 1
        assert told == {(status, code): TIMES}, url


def _unannounced() -> Iterator[bytes]:
    """A body whose length nobody knows before its end."""
    piece = MEBIBYTE // 16
    return (UPLOAD[first : first + piece] for first in range(0, MEBIBYTE, piece))


@pytest.mark.parametrize(("version", "times"), [("1.1", TIMES), ("2", TIMES // 2)])
@pytest.mark.parametrize("why", ["no token", "the wrong role"])
def test_a_client_that_listens_while_it_writes_gets_it_too(tmp_path: Path, why: str, version: str, times: int) -> None:
    here = door()
    path, who, status, code = REFUSALS[why]
    (tmp_path / "body").write_bytes(UPLOAD)
    told = Counter(
        answer
        for _ in range(times // ON_ONE_CONNECTION)
        for answer in _curl(here, path, tmp_path / "body", shown(here, who) | JSON, version)
    )
    assert told == {(version, status, code): times}


def _curl(here: Door, path: str, body: Path, headers: dict[str, str], version: str) -> list[tuple[str, int, str]]:
    """What curl is told of its uploads over one connection: version, status and code."""
    words = [str(curl.install()), "--silent", "--cacert", str(here.folder / "ca.pem"), f"--http{version}"]
    words += ["--data-binary", f"@{body}", "--header", "Expect:", *[here.gateway + path] * ON_ONE_CONNECTION]
    words += [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
    words += ["--write-out", "\n%{http_version} %{http_code}\n"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert ended.returncode == 0, ended
    lines = iter(ended.stdout.splitlines())
    found = []
    for document, told in zip(lines, lines, strict=True):
        spoken, status = told.split()
        found.append((spoken, int(status), json.loads(document)["code"]))
    return found


def test_who_goes_away_half_way_leaves_nothing_behind_for_the_next() -> None:
    """A connection behind the gateway must not wait for the rest of his body and eat another's request as that."""
    here = door()
    for _ in range(3):
        assert _go_away_half_way(here, "/v1/frames") == 403
        for _ in range(3):
            with here.client() as other:
                assert other.get("/health/ingest", timeout=10).json()["service"] == "ingest"


def _go_away_half_way(here: Door, path: str) -> int:
    """Send a part of the body, take the answer, go; its status."""
    trust = ssl.create_default_context(cafile=str(here.folder / "ca.pem"))
    port = int(here.gateway.rpartition(":")[2])
    told = "".join(f"{name}: {value}\r\n" for name, value in here.bearer("officer").items())
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{told}Content-Length: {MEBIBYTE // 2}\r\n\r\n"
    with trust.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname="localhost") as line:
        line.sendall(head.encode() + b"x" * 30_000)
        return int(line.recv(65_536).split()[1])
