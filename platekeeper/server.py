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
from platekeeper.gateway.settings import GatewaySettings
from platekeeper.heard_out import HeardOut
from platekeeper.registry import NAMES, sections, service
from platekeeper.stack.settings import UpSettings
from platekeeper_common import settings as environment
from platekeeper_common.settings import PREFIX, Settings

_log = structlog.get_logger()
KEEP_ALIVE_SECONDS = 120
"""Longer than the gateway keeps an idle connection: closed by us, the next request on it could be lost."""
GRACE_SECONDS = 3
"""How long open streams may finish after Ctrl-C."""


SEVERAL = (
    "processes side by side need engines for several: set PLATEKEEPER_BUS=kafka://HOST:PORT and"
    " PLATEKEEPER_DATABASE=postgresql+asyncpg://ROLE:PASSWORD@HOST:PORT/DATABASE"
)


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
        """Return at Ctrl-C or SIGTERM; the requests in hand are answered while the block ends."""
        await self.server.stopping.wait()


class Quiet(uvicorn.Server):
    """Uvicorn that hears no signals: whoever started it stops it."""

    def __init__(self, app: ASGIApp, trusted_proxies: str = "") -> None:
        """Serve `app` without access log: paths may hold ids, and our own lines name routes by their templates.

        X-Forwarded-For and -Proto are believed from `trusted_proxies` alone: addresses or networks, by commas.
        """
        config = uvicorn.Config(
            HeardOut(app),
            lifespan="off",
            access_log=False,
            log_config=None,
            # Believed from anyone, these headers would let a caller put any address into the records.
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies or [],
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._closed = asyncio.Event()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, finish what is in hand, end what does not finish."""
        await super().shutdown(sockets)
        self._closed.set()

    async def close(self) -> None:
        """Shut down and return when nothing is in hand any more."""
        self.should_exit = True
        await self._closed.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """None."""
        yield


class Server(Quiet):
    """The public door. It only marks the stop; the platform is taken down around it in order."""

    def __init__(self, app: ASGIApp, trusted_proxies: str = "") -> None:
        """Serve `app` until Ctrl-C or SIGTERM."""
        super().__init__(app, trusted_proxies)
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


def load_settings(*names: str) -> Settings:
    """The settings in the environment, for a process of the services `names` (none: of all).

    Raises SettingsError naming a variable that is wrong or unknown.
    """
    here = names or NAMES
    elsewhere = [f"{PREFIX}{name.upper()}_" for name in NAMES if name not in here]
    own = [service(name).settings for name in here if name in NAMES]
    environment.refuse_unknown_names([Settings, GatewaySettings, UpSettings, *own], elsewhere=elsewhere)
    return environment.load(Settings)


@contextlib.contextmanager
def alone(settings: Settings, *names: str) -> Generator[None, None, None]:
    """Keep other processes from what is made for one: the embedded bus, and the embedded databases of the services.

    Raises AlreadyRunning, which says what several processes need.
    """
    settings.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = ["lock"]
    if settings.bus:
        files = [] if settings.database else [f"lock-{name}" for name in names]
    with contextlib.ExitStack() as held:
        for file in files:
            try:
                held.enter_context(FileLock(settings.var / file, timeout=0))
            except Timeout as error:
                raise AlreadyRunning(f"another process is serving {settings.var.absolute()}; {SEVERAL}") from error
        yield


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Serving]:
    """All services over `settings.var`, answering HTTP until the block ends.

    Raises AlreadyRunning when another process holds the folder, OSError when the port is taken.
    """
    with alone(settings, *NAMES), contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(listen(settings.host, settings.port))
        internal = listen_for_operators(settings)
        if internal is not None:
            sockets.enter_context(internal)
        services = tuple(map(service, NAMES))
        async with runtime.stand(services, settings, sections(), rest=pages.build(services)) as standing:
            server = Server(standing.app, settings.trusted_proxies)
            async with served(server, listener), operators_served(standing, internal) as operators_url:
                yield Serving(url_of(listener), standing, server, operators_url)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Raises OSError naming host and port when they cannot be had."""
    # asyncio sets TCP_NODELAY only where the protocol is named; without it answers on a kept connection can wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"{host}:{port} cannot be served: {error.strerror}") from error
    listener.listen(128)
    return listener


def listen_for_operators(settings: Settings) -> socket.socket | None:
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
async def served(server: Quiet, listener: socket.socket) -> AsyncIterator[None]:
    """The server at work until the block ends."""
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def operators_served(standing: runtime.Standing, listener: socket.socket | None) -> AsyncIterator[str | None]:
    """/metrics at work until the block ends; its URL, None without a listener."""
    if listener is None:
        yield None
        return
    async with served(Quiet(metrics.door(standing)), listener):
        yield f"{url_of(listener)}/metrics"


def url_of(listener: socket.socket) -> str:
    """Where it listens."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"
