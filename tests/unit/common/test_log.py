"""What failed is logged by kind and place, never in its own words: those may quote a plate."""

import subprocess
import sys

FAILING = """
import asyncio, gc, logging
from platekeeper_common import log

log.configure()

async def look_up(plate):
    raise ValueError(f"nothing known of {plate}")

async def main():
    asyncio.get_running_loop().call_soon(int, "7ABC123")
    task = asyncio.create_task(look_up("7ABC123"))
    await asyncio.sleep(0.05)
    del task
    gc.collect()
    try:
        await look_up("7ABC123")
    except ValueError:
        logging.getLogger("library").exception("look-up of %s failed", "7ABC123")

asyncio.run(main())
"""


def test_an_error_that_nobody_caught_is_logged_without_its_words() -> None:
    command = [sys.executable, "-c", FAILING]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    lines = done.stderr.splitlines()
    assert [line.split(" at ")[0] for line in lines] == [
        "ERROR asyncio ValueError",
        "ERROR asyncio ValueError",
        "ERROR library ValueError",
    ]
    assert "7ABC123" not in done.stderr + done.stdout
