"""Our own detector and reader on onnxruntime; their files are `models/` of this package."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from platekeeper_common.events.recognition import Model
from platekeeper_recognition.engines import boxes, sessions, texts
from platekeeper_recognition.engines.opinion import Opinion
from platekeeper_recognition.engines.protocol import Picture, Reading, Said, Spot, Wider
from platekeeper_recognition.engines.sessions import DetectorFacts, ReaderFacts

MODELS = Path(__file__).parent.parent / "models"
DETECTOR, READER = MODELS / "detector.onnx", MODELS / "reader.onnx"
WIDTH, HEIGHT = 144, 48
"""Pixels to which a crop is stretched, whatever its proportions."""
SHORTEST = 2
"""Characters of a plate at least."""
_MOST_READINGS = 10
_LEAST_PROBABLE = 1e-4
_MOST_IN_DOUBT = 60
_LEAST_IN_DOUBT = 1e-6
"""Of the texts that a second opinion is asked of."""
_HOPELESS, _SURE = 0.001, 0.8
"""Of the most probable text before calibration: between them a crop is in doubt. Chosen on held-back photographs; below
is what hardly ever is a plate."""
_BATCH = 32
"""Crops in a run of the reader at most: what a run takes of memory has an end."""
PICTURES = 16
"""Pictures in a run of the detector on a GPU at most."""

_Look = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Logits of a crop: places x (alphabet and END), and regions."""


class OnnxDetector:
    """Finds plates. Pictures run together on a GPU; a processor is faster with one after the other."""

    def __init__(self, path: Path, *, longest_side: int | None, threads: int) -> None:
        """Load the model; `longest_side` None: the one that it names. Raises EngineUnavailable."""
        self._session = sessions.session(path, threads, sessions.best_providers())
        self._together = PICTURES if sessions.on_gpu(self._session) else 1
        self._facts = sessions.facts(self._session, path, DetectorFacts)
        self.longest_side = longest_side or self._facts.side
        self.model = Model(self._facts.name, self._facts.version, sessions.checksum(path))

    def detect(self, pictures: Sequence[Picture]) -> list[list[Spot]]:
        """The plates of each picture; those that come to the same size run together."""
        fitted = [boxes.letterbox(picture, self.longest_side) for picture in pictures]
        found: list[list[Spot]] = [[] for _ in pictures]
        for places in like_sizes([picture for picture, _ in fitted], self._together):
            for place, output in zip(places, self._outputs([fitted[place][0] for place in places]), strict=True):
                found[place] = boxes.spots(output, fitted[place][1], self._facts.threshold)
        return found

    def _outputs(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        red_first = np.stack(pictures)[..., ::-1].transpose(0, 3, 1, 2)
        images = np.ascontiguousarray(red_first, dtype=np.float32) / np.float32(255)
        outputs: NDArray[np.float32] = self._session.run(None, {"images": images})[0]
        return outputs


class OnnxReader:
    """Reads plates and guesses whose they are."""

    def __init__(self, path: Path, *, threads: int, opinion: Opinion | None = None) -> None:
        """Load the model. Raises EngineUnavailable."""
        self._session = sessions.session(path, threads, sessions.best_providers())
        self._facts = sessions.facts(self._session, path, ReaderFacts)
        self._opinion = opinion
        self.model = Model(self._facts.name, self._facts.version, sessions.checksum(path))

    def read(self, crops: Sequence[Picture], wider: Wider | None = None) -> list[Said]:
        """What each crop may say: at most ten texts of two characters and more.

        Of a crop in doubt the mean of two looks, for another frame around a plate moves its strokes between pixels; and
        a second opinion is asked.
        """
        looks = self._looks(crops)
        doubtful = [place for place, (characters, _) in enumerate(looks) if self._doubts(characters)]
        if wider is not None:
            more = {place: crop for place in doubtful if (crop := wider(place)).shape != crops[place].shape}
            for place, again in zip(more, self._looks(list(more.values())), strict=True):
                looks[place] = _mean(looks[place], again)
        in_doubt = frozenset(doubtful)
        return [self._said(look, crops[place] if place in in_doubt else None) for place, look in enumerate(looks)]

    def _looks(self, crops: Sequence[Picture]) -> list[_Look]:
        looks: list[_Look] = []
        for first in range(0, len(crops), _BATCH):
            stretched = np.stack([stretch(crop) for crop in crops[first : first + _BATCH]])
            inputs = np.ascontiguousarray(stretched.transpose(0, 3, 1, 2), dtype=np.float32)
            characters, regions = self._session.run(["characters", "regions"], {"crops": inputs})
            looks += zip(characters, regions, strict=True)
        return looks

    def _doubts(self, characters: NDArray[np.float32]) -> bool:
        surest = float(texts.softmax(characters, self._facts.temperature).max(axis=1).prod())
        return _HOPELESS <= surest < _SURE

    def _said(self, look: _Look, doubtful: Picture | None) -> Said:
        characters, regions = look
        shares = texts.softmax(regions, self._facts.region_temperature).tolist()
        named = {name: share for name, share in zip(self._facts.regions, shares, strict=True) if name}
        if doubtful is None or self._opinion is None:
            return Said(readings(characters, self._facts), named)
        found = _likeliest(characters, self._facts, _LEAST_IN_DOUBT, _MOST_IN_DOUBT)
        return Said(_told(self._opinion.pooled(doubtful, found), self._facts), named)


def readings(characters: NDArray[np.float32], facts: ReaderFacts) -> list[Reading]:
    """The calibrated texts of a crop's logits (places x alphabet and END), most probable first."""
    return _told(_likeliest(characters, facts, _LEAST_PROBABLE, _MOST_READINGS), facts)


def _likeliest(characters: NDArray[np.float32], facts: ReaderFacts, least: float, most: int) -> dict[str, float]:
    """Texts of two characters and more with their probabilities, most probable first."""
    found: dict[str, float] = {}
    for text, probability in texts.best_first(texts.softmax(characters, facts.temperature), facts.alphabet):
        if probability < least or len(found) == most:
            break
        if len(text) >= SHORTEST:
            found[text] = probability
    return found


def _told(found: Mapping[str, float], facts: ReaderFacts) -> list[Reading]:
    probable = [(text, share) for text, share in found.items() if share >= _LEAST_PROBABLE][:_MOST_READINGS]
    if not probable:
        return []
    confidences = texts.calibrated([share for _, share in probable], facts.calibration)
    return [Reading(text, confidence) for (text, _), confidence in zip(probable, confidences, strict=True)]


def _mean(one: _Look, other: _Look) -> _Look:
    half = np.float32(0.5)
    return (one[0] + other[0]) * half, (one[1] + other[1]) * half


def stretch(crop: Picture) -> Picture:
    """The crop at the reader's size; the way of resizing is that of the training."""
    return boxes.stretched(crop, WIDTH, HEIGHT)


def blank() -> Picture:
    """A grey picture, to run a network once."""
    return np.full((64, 64, 3), boxes.GREY, dtype=np.uint8)


def like_sizes(pictures: Sequence[Picture], most: int) -> list[list[int]]:
    """The places of the pictures, those of one size together, `most` at a time."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, picture in enumerate(pictures):
        groups.setdefault(picture.shape, []).append(place)
    return [places[first : first + most] for places in groups.values() for first in range(0, len(places), most)]


def together(name: str, models: Sequence[Model], *files: Path) -> Model:
    """An engine's models as one, as they stand in reads (J1); the checksum is that over the files together."""
    version = " + ".join(f"{model.name} {model.version}" for model in models)
    return Model(name, version, sessions.checksum(*files))
