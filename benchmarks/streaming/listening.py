"""Listens to the stream of hits as an officer's console does, and notes when each hit came."""

import json
import socket
import ssl
import threading
import time
from urllib.parse import urlencode


class Listener:
    """One open stream."""

    def __init__(
        self, address: tuple[str, int], trusted: ssl.SSLContext, authorization: str, use: dict[str, str]
    ) -> None:
        """Opens it; `came` holds when the first hit of each plate came, by `time.perf_counter`."""
        self.came: dict[str, float] = {}
        self.ended: str | None = None
        self._closing = False
        self._line = trusted.wrap_socket(socket.create_connection(address, 30), server_hostname="localhost")
        self._line.sendall(
            (
                f"GET /v1/hits/stream?{urlencode(use)} HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: {authorization}\r\nAccept: text/event-stream\r\n\r\n"
            ).encode()
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._opened = threading.Event()
        self._thread.start()
        if not self._opened.wait(30):
            raise RuntimeError(f"the stream of hits did not open: {self.ended}")

    def close(self) -> None:
        """Hang up."""
        self._closing = True
        self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._line.close()

    def _read(self) -> None:
        kept = b""
        try:
            while part := self._line.recv(65_536):
                kept += part
                came = time.perf_counter()
                *whole, kept = kept.split(b"\n")
                for line in whole:
                    self._take(line.rstrip(b"\r"), came)
            self.ended = self.ended or "hung up"
        except OSError as error:
            self.ended = None if self._closing else f"{type(error).__name__}: {error}"

    def _take(self, line: bytes, came: float) -> None:
        if line.startswith(b": open"):
            self._opened.set()
        elif line.startswith((b"event: end", b"event: error")) or (
            line.startswith(b"HTTP/1.1") and b" 200 " not in line
        ):
            self.ended = line.decode()
        elif line.startswith(b"data: ") and b'"plate"' in line:
            self.came.setdefault(json.loads(line[6:])["read"]["plate"], came)
