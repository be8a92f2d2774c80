"""What recognition holds while it runs, and its settings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from platekeeper_common.access import Recorder
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.db import Database
from platekeeper_common.ids import FrameId
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import ServiceSettings
from platekeeper_recognition import storage
from platekeeper_recognition.desk import Desk
from platekeeper_recognition.domain import Expectation
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.engines.protocol import Engine
from platekeeper_recognition.passes import Reach
from platekeeper_recognition.plate_formats import REGIONS

NAME = "recognition"
PASS_KEPT = timedelta(hours=1)
"""After a pass was last counted to; as long its frames may come again and are known."""
FORGET_EVERY_SECONDS = 60.0
MOST_FRAMES = 16
"""That are taken from the bus together."""
_LONGEST_PASS = 600.0
"""Seconds that can be set: the rest of PASS_KEPT is for frames that come late."""
_log = structlog.get_logger()


def _one_of(*known: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return name

    return AfterValidator(check)


class RecognitionSettings(ServiceSettings):
    """Settings of recognition."""

    model_config = SettingsConfigDict(env_prefix=catalogue.PREFIX, frozen=True, extra="forbid")

    engine: Annotated[str, _one_of(*catalogue.NAMES)] = "onnx"
    threads: int = Field(default=2, gt=0)
    """Processor cores that the engine may use."""
    batch: int = Field(default=4, gt=0, le=MOST_FRAMES)
    """Frames that are read together; their reads are published together too."""
    longest_side: int | None = Field(default=None, ge=320, le=4096)
    """Pixels to which a frame's longer side is brought before plates are sought: more finds smaller plates and takes
    longer. Unset: what the engine's detector was made for."""
    weights: Path | None = Field(default=None, validate_default=True)
    """The detector (.pt) that the engine `ultralytics` runs. Such a file can hold code: trust its maker."""
    reader_folder: Path | None = Field(default=None, validate_default=True)
    """The folder of the reader that the engine `paddleocr` runs (`inference.onnx`, `inference.yml`)."""
    max_pixels: int = Field(default=40_000_000, gt=0)
    """Width times height of a frame."""
    regions: tuple[Annotated[str, _one_of(*REGIONS)], ...] = ("us",)
    """Whose plate formats to expect, as JSON (`["us", "br"]`); plates of other formats are read with more doubt."""
    least_confidence: float = Field(default=0.2, ge=0, le=1)
    """A plate that is less sure is not reported."""
    pass_seconds: float = Field(default=4, ge=0, le=_LONGEST_PASS, allow_inf_nan=False)
    """Between two frames of one pass of one vehicle, by the camera's clock, at most."""
    longest_pass_seconds: float = Field(default=60, ge=0, le=_LONGEST_PASS, allow_inf_nan=False)
    """From the first frame of a pass to its last: a vehicle that stays longer is read anew."""

    @field_validator("engine")
    @classmethod
    def _is_installed(cls, engine: str) -> str:
        if (missing := catalogue.missing_extra(engine)) is not None:
            raise ValueError(missing)
        return engine

    @field_validator("weights", "reader_folder")
    @classmethod
    def _is_there(cls, path: Path | None, of: ValidationInfo) -> Path | None:
        """Only what the chosen engine runs must be there; of a wrong engine its own error tells."""
        engine = of.data.get("engine")
        if engine and (missing := catalogue.missing_model(engine, of.field_name or "", path)) is not None:
            raise ValueError(missing)
        return path

    @field_validator("longest_pass_seconds")
    @classmethod
    def _holds_a_gap(cls, longest: float, of: ValidationInfo) -> float:
        if longest < (gap := of.data.get("pass_seconds", longest)):
            raise ValueError(f"must be no less than {catalogue.PREFIX}PASS_SECONDS, which is {gap:g}")
        return longest

    def opener(self, engine: str | None = None, *, threads: int | None = None) -> Callable[[], Engine]:
        """Opens the engine that is set, or another by name, with these settings."""
        return partial(
            catalogue.open_engine,
            engine or self.engine,
            threads=threads or self.threads,
            longest_side=self.longest_side,
            weights=self.weights,
            reader_folder=self.reader_folder,
        )


@dataclass(slots=True)
class Tally:
    """What was read since the service started."""

    frames: int = 0
    plates: int = 0
    better_versions: int = 0
    frames_without_plate: int = 0

    def add(self, more: "Tally") -> None:
        """Count what was read meanwhile."""
        self.frames += more.frames
        self.plates += more.plates
        self.better_versions += more.better_versions
        self.frames_without_plate += more.frames_without_plate


@dataclass(kw_only=True)
class RecognitionRoom(Room):
    """The room of recognition."""

    settings: RecognitionSettings
    desk: Desk
    tally: Tally = field(default_factory=Tally)
    blank: set[FrameId] = field(default_factory=set)
    """Frames last in hand that showed no plate: they come again when one beside them is rejected."""

    @property
    def expectation(self) -> Expectation:
        """What counts as a plate here."""
        return Expectation(tuple(REGIONS[name] for name in self.settings.regions), self.settings.least_confidence)

    @property
    def reach(self) -> Reach:
        """How far a pass reaches in time here."""
        gap, longest = self.settings.pass_seconds, self.settings.longest_pass_seconds
        return Reach(timedelta(seconds=gap), timedelta(seconds=longest))

    async def forget_passes(self) -> None:
        """Delete passes that ended long ago, every minute until cancelled: their plates are retention's to keep.

        Not at once: frames in hand when this process last ended come again first.
        """
        while True:
            await asyncio.sleep(FORGET_EVERY_SECONDS)
            try:
                async with self.db.tx() as tx:
                    await storage.forget_passes(tx, self.clock() - PASS_KEPT)
            except Unavailable as error:
                _log.warning("no passes forgotten", reason=str(error))


@asynccontextmanager
async def open_room(foundation: Foundation, settings: RecognitionSettings) -> AsyncIterator[RecognitionRoom]:
    """Open the database (dead letters, passes) and set up the desk; its engine is loaded by the job, not here."""
    async with Database.open(foundation.settings.database_of(NAME), foundation.clock) as db:
        desk = Desk(settings.opener())
        try:
            yield RecognitionRoom(
                foundation=foundation,
                db=db,
                recorder=Recorder(NAME, foundation.keys, foundation.policies, foundation.clock),
                settings=settings,
                desk=desk,
            )
        finally:
            desk.close()
