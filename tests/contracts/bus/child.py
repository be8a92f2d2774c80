"""What a child process does until it is killed: `python -m contracts.bus.child HARNESS PLACE ACT`."""

import asyncio
import sys
from itertools import count

from contracts.bus.harness import HARNESSES
from contracts.bus.samples import frame

from platekeeper_common import log
from platekeeper_common.bus.contract import Bus
from platekeeper_common.events.ingest import FrameCaptured


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def publish(bus: Bus) -> None:
    """Publishes frames of three cameras for ever; prints each camera and number once it is acknowledged."""

    async def one(camera: str) -> None:
        for number in count():
            await bus.publish([frame(camera, number)], source="test")
            say(f"{camera} {number}")

    await asyncio.gather(one("cam-a"), one("cam-b"), one("cam-c"))


async def consume(bus: Bus) -> None:
    """Handles one batch of ten, takes the next, and hangs over it; prints the offsets of each."""
    member = await bus.join("group", [FrameCaptured.topic])
    for turn in range(2):
        while (batch := await member.poll(10)) is None:
            pass
        if turn == 0:
            await batch.done()
        say(" ".join(str(record.offset) for record in batch.records))
    await asyncio.Event().wait()


async def main(name: str, place: str, act: str) -> None:
    async with HARNESSES[name](place).bus(session=6.0) as bus:
        await {"publish": publish, "consume": consume}[act](bus)


if __name__ == "__main__":
    log.configure()
    asyncio.run(main(*sys.argv[1:]))
