"""Posts bodies over HTTP/1.1 with TLS, a thread for each connection: the cheapest client that the system has."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from streaming.traffic import Body, now

ANSWER_SECONDS = 30
REFUSED_PAUSE = 0.1
Next = Callable[[], float | None]
"""When the next body is due, by `time.perf_counter`, once it may be posted; None when no more are wanted."""


@dataclass
class Posted:
    """What became of the calls so far."""

    accepted: int = 0
    refusals: int = 0
    """Calls that were told to come again."""
    wrong: str | None = None
    due: dict[str, float] = field(default_factory=dict)
    """When the call with a listed plate was due, by `time.perf_counter`."""
    answered: list[float] = field(default_factory=list)
    """Seconds from when a call was due to its answer."""


class Posters:
    """Connections that post the same bodies in turn."""

    def __init__(
        self,
        address: tuple[str, int],
        trusted: ssl.SSLContext,
        tokens: Sequence[str],
        bodies: Iterator[Body],
        listed: Iterator[str],
    ) -> None:
        """`tokens`: the devices' Authorization headers; `bodies` without end; `listed`: plates not posted before."""
        self.posted = Posted()
        self._address, self._trusted, self._tokens = address, trusted, tokens
        self._bodies, self._listed = bodies, listed
        self._lock = threading.Lock()

    def run(self, connections: int, due: Next) -> None:
        """Post until no more are wanted. Raises RuntimeError with an answer that is none of those expected."""
        threads = [threading.Thread(target=self._connection, args=(due,)) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.posted.wrong is not None:
            raise RuntimeError(self.posted.wrong)

    def _connection(self, due: Next) -> None:
        try:
            with socket.create_connection(self._address, ANSWER_SECONDS) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._trusted.wrap_socket(line, server_hostname="localhost") as secured:
                    while self.posted.wrong is None and (when := due()) is not None:
                        self._post(secured, when)
        except Exception as error:  # noqa: BLE001 - told by `run`
            self.posted.wrong = self.posted.wrong or f"{type(error).__name__}: {error}"

    def _post(self, line: ssl.SSLSocket, when: float) -> None:
        with self._lock:
            body, plate = next(self._bodies), next(self._listed)
            self.posted.due[plate] = when
        text = body.at(now(), plate)
        head = (
            f"POST /v1/reads HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self._tokens[body.device]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        ).encode()
        while True:
            line.sendall(head + text)
            status, answer = _answer(line)
            if status != 503:
                break
            self.posted.refusals += 1
            time.sleep(REFUSED_PAUSE)
        accepted = answer.partition(b'"accepted":')[2].partition(b",")[0]
        if status != 202 or b'"refused":0,' not in answer[:200]:
            raise RuntimeError(f"reads were refused: {status} {answer[:300].decode(errors='replace')}")
        self.posted.answered.append(time.perf_counter() - when)
        with self._lock:
            self.posted.accepted += int(accepted)


def _answer(line: ssl.SSLSocket) -> tuple[int, bytes]:
    told = bytearray()
    while (end := told.find(b"\r\n\r\n")) < 0:
        told += _received(line)
    head = bytes(told[:end]).lower()
    if b"content-length:" not in head:
        raise RuntimeError(f"no length: {head[:200]!r}")
    whole = end + 4 + int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(told) < whole:
        told += _received(line)
    return int(head[9:12]), bytes(told[end + 4 : whole])


def _received(line: ssl.SSLSocket) -> bytes:
    part = line.recv(262_144)
    if not part:
        raise ConnectionError("the gateway hung up")
    return part
