"""`platekeeper serve NAME`: one service in a process of its own, in one role or in both.

The door opens first: until the service stands it is live and not ready. What it needs may come later; it waits. It
ends with 0 when it was told to stop, with 1 when a part has died that only a new process mends: whoever supervises it
starts it again.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from types import FrameType

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from platekeeper import pages, runtime, server
from platekeeper.registry import NAMES, PAGES, sections, service
from platekeeper.runtime import Standing
from platekeeper_common import log
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.bus.pauses import Pauses
from platekeeper_common.edge import problem
from platekeeper_common.log import describe
from platekeeper_common.migrate import NotMigrated
from platekeeper_common.policy import PolicyError
from platekeeper_common.service import Role
from platekeeper_common.settings import Settings, SettingsError

AWAY = (Unavailable, NotMigrated, OSError, TimeoutError, SQLAlchemyError)
"""What standing up raises while something that it needs is away."""
PATIENCE = Pauses(first=0.5, longest=5)
HURRY_SECONDS = 5.0
"""How long a process with a dead part takes to end: what it has in hand comes again elsewhere."""
Stand = Callable[[], AbstractAsyncContextManager[Standing]]
_log = structlog.get_logger()


class Door:
    """The app behind the port: from the first moment it answers probes, and all else once the service stands."""

    def __init__(self, name: str) -> None:
        """Nothing stands yet."""
        self._health = f"/health/{name}"
        self._name = name
        self.trouble = "starting"
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if self.app is not None:
            await self.app(scope, receive, send)
            return
        path = scope.get("path", "")
        answer: ASGIApp
        if path == f"{self._health}/live":
            answer = JSONResponse({"service": self._name, "live": True, "trouble": []})
        elif path.startswith(self._health):
            answer = JSONResponse({"service": self._name, "ready": False, "trouble": [self.trouble]}, 503)
        else:
            answer = problem(503, "unavailable", "this service is starting; try again", headers={"Retry-After": "2"})
        await answer(scope, receive, send)


class Patient(server.Server):
    """Told to stop it only says so: requests are taken until whoever serves has let the gateway notice."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the stop; a second signal does not wait for open streams."""
        if self.stopping.is_set():
            super().handle_exit(sig, frame)
        self.stopping.set()


async def run(name: str, roles: frozenset[Role]) -> int:
    """Serve until told to stop; the exit status."""
    try:
        settings = server.load_settings(name)
        log.configure(level=log.level_for(settings.log_level))
        with server.alone(settings, name), contextlib.ExitStack() as sockets:
            listener = sockets.enter_context(server.listen(settings.host, settings.port))
            door = Door(name)
            public = Patient(door, settings.trusted_proxies)
            async with server.served(public, listener):
                return await Life(name, _standing(name, roles, settings), settings, door, public).run()
    except (SettingsError, PolicyError, server.AlreadyRunning, OSError) as error:
        print(f"platekeeper: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _standing(name: str, roles: frozenset[Role], settings: Settings) -> Stand:
    """Stands the service up, each time that it is called."""
    if name == PAGES:
        services = tuple(map(service, NAMES))
        return lambda: runtime.stand((), settings, sections(), rest=pages.build(services))
    return lambda: runtime.stand((service(name),), settings, sections(), roles=roles)


class Life:
    """A service's process from its start to its end."""

    def __init__(self, name: str, stand: Stand, settings: Settings, door: Door, public: Patient) -> None:
        """`stand` is called until it succeeds; then `door` opens to what it gave."""
        self._name, self._stand, self._settings = name, stand, settings
        self._door, self._public = door, public

    async def run(self) -> int:
        """Stand, serve, stop; the exit status."""
        living = asyncio.create_task(self._live())
        stopping = asyncio.create_task(self._public.stopping.wait())
        await asyncio.wait((living, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._door.app is None and not living.done():
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            return 0
        return await living

    async def _live(self) -> int:
        failures = 0
        while True:
            try:
                async with self._stand() as standing, self._figures(standing):
                    self._door.app = standing.app
                    return await self._until_told(standing)
            except AWAY as error:
                if self._door.app is not None:
                    raise
                failures += 1
                # The words of a driver may quote what was asked.
                why = describe(error) if isinstance(error, SQLAlchemyError) else str(error)
                self._door.trouble = f"starting: {why or type(error).__name__}"
                _log.warning("not started yet", service=self._name, failures=failures, error=describe(error))
                await asyncio.sleep(PATIENCE.after(failures))

    @contextlib.asynccontextmanager
    async def _figures(self, standing: Standing) -> AsyncIterator[None]:
        with contextlib.ExitStack() as sockets:
            internal = server.listen_for_operators(self._settings)
            if internal is not None:
                sockets.enter_context(internal)
            async with server.operators_served(standing, internal):
                yield

    async def _until_told(self, standing: Standing) -> int:
        """Serve until told to stop or until a part dies; then say so, finish what is in hand, close the door."""
        told = asyncio.create_task(self._public.stopping.wait())
        died = asyncio.create_task(standing.course.died.wait())
        await asyncio.wait((told, died), return_when=asyncio.FIRST_COMPLETED)
        standing.course.stopping = True
        dead = standing.dead()
        if dead:
            _log.error("process ends", service=self._name, dead=dead)
        else:
            _log.info("stopping", service=self._name)
            await asyncio.sleep(self._settings.notice_seconds)
        for task in (told, died):
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HURRY_SECONDS if dead else None):
                await asyncio.gather(self._public.close(), standing.drain())
        return 1 if dead else 0
