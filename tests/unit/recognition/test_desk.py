"""The desk: one thread, one engine, and an event loop that never waits for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.events.recognition import Model
from platekeeper_recognition import desk
from platekeeper_recognition.desk import Desk
from platekeeper_recognition.engines.protocol import Area, Engine, EngineUnavailable, LineEngine, Picture, Reading


class BlindEngine:
    """Sees nothing in any picture."""

    model = Model("blind", "1")

    def detect(self, pictures: list[Picture]) -> list[list[Area]]:
        return [[] for _ in pictures]

    def read(self, crops: list[Picture]) -> list[list[Reading]]:
        return [[] for _ in crops]


def blind() -> Engine:
    engine = BlindEngine()
    return LineEngine(engine, engine, engine.model, longest_side=960)  # type: ignore[arg-type]


@asynccontextmanager
async def running(open_engine: Callable[[], Engine]) -> AsyncIterator[Desk]:
    made = Desk(open_engine)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        made.close()


async def test_the_loop_goes_on_while_the_desk_works_one_piece_at_a_time() -> None:
    begun, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def slow(_engine: Engine) -> str:
        begun.set()
        assert go_on.wait(10)
        order.append("slow")
        return threading.current_thread().name

    async with running(blind) as here:
        first = asyncio.create_task(here.work(slow))
        second = asyncio.create_task(here.work(lambda _engine: order.append("second")))
        await asyncio.to_thread(begun.wait, 10)
        await asyncio.sleep(0)
        assert order == []
        go_on.set()
        assert (await first).startswith("recognition-desk")
        await second
        assert order == ["slow", "second"]


async def test_work_waits_for_the_engine() -> None:
    loaded = threading.Event()

    def load() -> Engine:
        assert loaded.wait(10)
        return blind()

    async with running(load) as here:
        waiting = asyncio.create_task(here.work(lambda engine: engine.model.name))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        loaded.set()
        assert await waiting == "blind"


async def test_without_an_engine_work_is_refused_as_unavailable_and_the_job_says_why() -> None:
    def load() -> Engine:
        raise FileNotFoundError("no model")

    here = Desk(load)
    with pytest.raises(FileNotFoundError):
        await here.run()
    with pytest.raises(Unavailable, match="FileNotFoundError"):
        await here.work(lambda engine: engine.model)
    here.close()


async def test_what_an_engine_lacks_is_told_in_the_log() -> None:
    def load() -> Engine:
        raise EngineUnavailable("reader.onnx is no model of ours: its metadata lack 'alphabet'")

    here = Desk(load)
    with structlog.testing.capture_logs() as captured, pytest.raises(EngineUnavailable):
        await here.run()
    here.close()
    assert [(entry["event"], "lack 'alphabet'" in entry["reason"]) for entry in captured] == [
        ("engine_unavailable", True)
    ]


async def test_a_stop_while_the_engine_loads_keeps_nobody_waiting() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def load() -> Engine:
        begun.set()
        assert go_on.wait(10)
        return blind()

    here = Desk(load)
    loading = asyncio.create_task(here.run())
    waiting = asyncio.create_task(here.work(lambda engine: engine.model))
    await asyncio.to_thread(begun.wait, 10)
    loading.cancel()
    with pytest.raises(Unavailable):
        await waiting
    go_on.set()
    here.close()


def test_memory_is_given_back_wherever_we_run() -> None:
    desk.give_memory_back()
