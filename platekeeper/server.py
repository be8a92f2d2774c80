"""The all-in-one process: every service on one loopback port, with everything it keeps under one folder."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import FrameType

import structlog
import uvicorn
from filelock import FileLock, Timeout
from starlette.types import ASGIApp

from platekeeper import metrics, pages, runtime
from platekeeper.registry import SECTIONS, SERVICES
from platekeeper_common import settings as environment
from platekeeper_common.settings import Settings

_log = structlog.get_logger()
GRACE_SECONDS = 3
"""How long open streams may finish after Ctrl-C."""


class AlreadyRunning(RuntimeError):
    """Another process serves this folder."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The platform, reachable."""

    url: str
    standing: runtime.Standing
    server: "Server"
    metrics_url: str | None
    """Where operators read the figures; None when that is off."""

    async def until_stopped(self) -> None:
        """Return at Ctrl-C or SIGTERM; the requests in hand are answered while the block ends.

        Raises Fenced when the process must end because the bus takes its word no more: its supervisor starts it anew.
        """
        stopped = asyncio.ensure_future(self.server.stopping.wait())
        fenced = asyncio.ensure_future(self.standing.until_fenced())
        try:
            await asyncio.wait([stopped, fenced], return_when=asyncio.FIRST_COMPLETED)
            if fenced.done():
                fenced.result()
        finally:
            stopped.cancel()
            fenced.cancel()


class Quiet(uvicorn.Server):
    """Uvicorn that hears no signals: whoever started it stops it."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve `app` without access log: paths may hold ids, and our own lines name routes by their templates."""
        config = uvicorn.Config(
            app,
            lifespan="off",
            access_log=False,
            log_config=None,
            # Who may say for whom he calls is the gateway's setting; here anyone could put an address into the records.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """None."""
        yield


class Server(Quiet):
    """The public door. It only marks the stop; the platform is taken down around it in order."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve `app` until Ctrl-C or SIGTERM."""
        super().__init__(app)
        self.stopping = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the stop; a second Ctrl-C does not wait for open streams."""
        self.stopping.set()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on SIGINT and SIGTERM, and pass neither on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            self.stopping.set()


def load_settings() -> Settings:
    """The settings in the environment. Raises SettingsError naming a variable that is wrong or unknown."""
    environment.refuse_unknown_names([Settings, *(service.settings for service in SERVICES)])
    return environment.load(Settings)


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Serving]:
    """All services over `settings.var`, answering HTTP until the block ends.

    Raises AlreadyRunning when another process holds the folder, OSError when the port is taken.
    """
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(settings.var / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AlreadyRunning(f"another process is serving {settings.var.absolute()}") from error
    with lock, contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(listen(settings.host, settings.port))
        internal = _listen_for_operators(settings)
        if internal is not None:
            sockets.enter_context(internal)
        async with runtime.stand(SERVICES, settings, SECTIONS, rest=pages.build(SERVICES)) as standing:
            server = Server(standing.app)
            async with _served(server, listener), _operators_served(standing, internal) as operators_url:
                yield Serving(_url(listener), standing, server, operators_url)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Raises OSError naming host and port when they cannot be had."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"{host}:{port} cannot be served: {error.strerror}") from error
    listener.listen(128)
    return listener


def _listen_for_operators(settings: Settings) -> socket.socket | None:
    """Where /metrics is read; None when it is off. A port that nobody asked for may be taken: that is only said."""
    if settings.metrics_port == "off":
        return None
    try:
        return listen(settings.metrics_host, settings.metrics_port)
    except OSError as error:
        if "metrics_port" in settings.model_fields_set:
            raise
        _log.warning("metrics not served", reason=str(error), setting="PLATEKEEPER_METRICS_PORT")
        return None


@asynccontextmanager
async def _served(server: Quiet, listener: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def _operators_served(standing: runtime.Standing, listener: socket.socket | None) -> AsyncIterator[str | None]:
    if listener is None:
        yield None
        return
    async with _served(Quiet(metrics.door(standing)), listener):
        yield f"{_url(listener)}/metrics"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"
