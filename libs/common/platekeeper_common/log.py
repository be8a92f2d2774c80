"""Structured logs, one JSON object a line on standard error. Ids only: never a plate, an image or a token."""

import logging
import sys
from pathlib import PurePath
from traceback import walk_tb

import structlog


def configure(*, level: int = logging.INFO) -> None:
    """Send our own logs and those of the libraries through one renderer."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), format="%(levelname)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_without_messages)


def _without_messages(record: logging.LogRecord) -> bool:
    """Libraries log whole tracebacks, and asyncio the error's own words in its message; keep what failed and where."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg, record.args = describe(record.exc_info[1]), None
        record.exc_info = record.exc_text = None
    return True


def describe(error: BaseException) -> str:
    """What failed and where, without the message: messages of drivers and decoders quote plates."""
    name = type(error).__name__
    if error.__cause__ is not None:
        name += f" from {type(error.__cause__).__name__}"
    frames = [f"{PurePath(frame.f_code.co_filename).name}:{line}" for frame, line in walk_tb(error.__traceback__)]
    return f"{name} at {frames[-1]}" if frames else name
