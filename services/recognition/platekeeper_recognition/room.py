"""What recognition holds while it runs, and its settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from platekeeper_common.access import Recorder
from platekeeper_common.db import Database
from platekeeper_common.service import Foundation, Room
from platekeeper_common.settings import ServiceSettings
from platekeeper_recognition.desk import Desk
from platekeeper_recognition.domain import Expectation
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.engines.protocol import Engine
from platekeeper_recognition.plate_formats import REGIONS

NAME = "recognition"


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
    batch: int = Field(default=4, gt=0)
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
    frames_without_plate: int = 0

    def add(self, more: "Tally") -> None:
        """Count what was read meanwhile."""
        self.frames += more.frames
        self.plates += more.plates
        self.frames_without_plate += more.frames_without_plate


@dataclass(kw_only=True)
class RecognitionRoom(Room):
    """The room of recognition."""

    settings: RecognitionSettings
    desk: Desk
    tally: Tally = field(default_factory=Tally)

    @property
    def expectation(self) -> Expectation:
        """What counts as a plate here."""
        return Expectation(tuple(REGIONS[name] for name in self.settings.regions), self.settings.least_confidence)


@asynccontextmanager
async def open_room(foundation: Foundation, settings: RecognitionSettings) -> AsyncIterator[RecognitionRoom]:
    """Open the database (dead letters) and set up the desk; its engine is loaded by the job, not here."""
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
