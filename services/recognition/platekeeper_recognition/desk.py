"""The desk at which frames are read: a thread beside the event loop with the engine on it, and one that prepares."""

import asyncio
import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import structlog

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.events.recognition import Model
from platekeeper_recognition.engines.protocol import Engine, EngineUnavailable

IDLE_SECONDS = 1.0
Answer = TypeVar("Answer")
_log = structlog.get_logger()


class Desk:
    """Does one piece of work at a time on each of its threads; whoever asks for more waits for his turn.

    `run` loads the engine; until then work waits. Once loading has failed or was broken off, work is refused.
    """

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        """Nothing is loaded before `run`. Make it inside the event loop that uses it."""
        self._open_engine = open_engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recognition-desk")
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recognition-beside")
        self._engine: asyncio.Future[Engine] = asyncio.get_running_loop().create_future()
        self._worked = asyncio.Event()
        self.model: Model | None = None
        """Which model reads; None before it is loaded."""

    async def run(self) -> None:
        """Load the engine, then give memory back to the system whenever there is nothing to do; until cancelled.

        Raises what the engine raised when it cannot be loaded.
        """
        loop = asyncio.get_running_loop()
        try:
            engine = await loop.run_in_executor(self._thread, self._open_engine)
        except BaseException as error:
            self._engine.set_exception(Unavailable(f"the engine is not loaded: {type(error).__name__}"))
            self._engine.exception()  # told to whoever asks for work; asyncio need not complain when nobody does
            if isinstance(error, EngineUnavailable):
                _log.error("engine_unavailable", reason=str(error))  # names files and settings, never a plate
            raise
        self._engine.set_result(engine)
        self.model = engine.model
        _log.info("engine_loaded", engine=engine.model.name, version=engine.model.version, sha256=engine.model.checksum)
        self._worked.set()
        while True:
            await self._worked.wait()
            self._worked.clear()
            await asyncio.sleep(IDLE_SECONDS)
            if not self._worked.is_set():
                await loop.run_in_executor(self._thread, give_memory_back)

    async def work(self, act: Callable[[Engine], Answer]) -> Answer:
        """What `act` answers, on the desk's thread. Raises Unavailable when the engine could not be loaded."""
        engine = await asyncio.shield(self._engine)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act, engine)
        finally:
            self._worked.set()

    async def beside(self, act: Callable[[], Answer]) -> Answer:
        """What `act` answers, on the thread that needs no engine: what is read next is prepared there."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._beside, act)
        finally:
            self._worked.set()

    def close(self) -> None:
        """Wait for the work in hand and refuse any other."""
        for thread in (self._beside, self._thread):
            thread.shutdown(cancel_futures=True)


def give_memory_back() -> None:
    """Hand what the allocator holds and nobody uses back to the system, where the C library can (glibc)."""
    if (trim := _trim()) is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, another system
        return None
    return trim
