"""Structured logs, one JSON object a line on standard error. Ids only: never a plate, an image or a token."""

import io
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import walk_tb

import structlog


def level_for(setting: str | None) -> int:
    """The level that the setting names; by default what happens, but only what goes wrong to a person at a terminal."""
    if setting is None:
        return logging.WARNING if sys.stderr.isatty() else logging.INFO
    return logging.getLevelNamesMapping()[setting.upper()]


def configure(*, level: int = logging.INFO) -> None:
    """Send our own logs from `level` on, and the warnings of libraries, through one renderer. May be called again."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=_StandardError()),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger().setLevel(max(level, logging.WARNING))
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Lines())


class _StandardError(io.StringIO):
    """Standard error as it is when a line is written: somebody may have put another in its place."""

    def write(self, line: str) -> int:
        return sys.stderr.write(line)

    def flush(self) -> None:
        sys.stderr.flush()


class _Lines(logging.Formatter):
    """What libraries say, as our own lines and without what they were at work on.

    They log whole tracebacks, asyncio the error's own words in its message, and arguments that may be anything: of an
    error what failed and where is kept, of any other message its template.
    """

    def format(self, record: logging.LogRecord) -> str:
        failed = record.exc_info and record.exc_info[1]
        line = {
            "event": describe(failed) if failed else str(record.msg),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        return json.dumps(line)


def describe(error: BaseException) -> str:
    """What failed and where, without the message: messages of drivers and decoders quote plates."""
    name = type(error).__name__
    if error.__cause__ is not None:
        name += f" from {type(error.__cause__).__name__}"
    frames = [f"{PurePath(frame.f_code.co_filename).name}:{line}" for frame, line in walk_tb(error.__traceback__)]
    return f"{name} at {frames[-1]}" if frames else name
