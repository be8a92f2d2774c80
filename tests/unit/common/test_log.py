"""What failed is logged by kind and place, never in its own words: those may quote a plate."""

import json
import logging
import subprocess
import sys

import pytest

from platekeeper_common import log
from platekeeper_common.settings import Settings, SettingsError, load

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
    logging.getLogger("library").warning("%s was seen", "7ABC123")

asyncio.run(main())
"""


def test_an_error_that_nobody_caught_is_logged_without_its_words() -> None:
    command = [sys.executable, "-c", FAILING]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["logger"], line["level"], line["event"].split(" at ")[0]) for line in lines] == [
        ("asyncio", "error", "ValueError"),
        ("asyncio", "error", "ValueError"),
        ("library", "error", "ValueError"),
        ("library", "warning", "%s was seen"),
    ]
    assert "7ABC123" not in done.stderr + done.stdout


def test_the_level_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert log.level_for("debug") == logging.DEBUG
    assert log.level_for(None) == logging.INFO
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert log.level_for(None) == logging.WARNING
    assert log.level_for("info") == logging.INFO
    monkeypatch.setenv("PLATEKEEPER_LOG_LEVEL", "loud")
    with pytest.raises(SettingsError, match="PLATEKEEPER_LOG_LEVEL"):
        load(Settings)
