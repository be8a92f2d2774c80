"""The engine `ppocr` on the demonstration's frames, which our own generator drew."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rapidocr

from platekeeper.demo.street import Sample, samples
from platekeeper_common.events.recognition import Box
from platekeeper_recognition import pictures, reading
from platekeeper_recognition.domain import Expectation
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.engines.protocol import Engine, Picture
from platekeeper_recognition.plate_formats import REGIONS

EXPECT = Expectation((REGIONS["us"],), least_confidence=0.2)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return catalogue.open_engine("ppocr", threads=2)


def picture(sample: Sample) -> Picture:
    return pictures.decode(sample.image(), max_pixels=1_000_000)


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.file}, {sample.light}")
def test_every_sample_frame_is_read_exactly(engine: Engine, sample: Sample) -> None:
    ((found,),) = reading.read_and_cut(engine, [picture(sample)], EXPECT)

    assert found.plate.candidates[0].plate == sample.plate
    assert found.plate.candidates[0].confidence > 0.8
    crop = pictures.decode(found.crop, max_pixels=1_000_000)
    assert crop.shape[0] > found.plate.box.height
    assert crop.shape[1] > found.plate.box.width


def test_frames_of_a_batch_keep_their_places_and_plates_theirs_from_the_left(engine: Engine) -> None:
    left, right, *_ = samples()
    both = np.concatenate([picture(left), picture(right)], axis=1)
    empty = np.full((270, 480, 3), 127, dtype=np.uint8)

    nothing, two, one = reading.read_frames(engine, [empty, both, picture(right)], EXPECT)

    assert nothing == []
    assert [(plate.number, plate.candidates[0].plate) for plate in two] == [(1, left.plate), (2, right.plate)]
    assert [plate.candidates[0].plate for plate in one] == [right.plate]


def test_given_boxes_are_read_in_the_frame_s_own_places(engine: Engine) -> None:
    first, second, *_ = samples()
    frames = [picture(first), picture(second)]
    (around,), (beside,) = reading.read_frames(engine, frames, EXPECT)
    hood = Box(10, 10, 120, 60)

    seen = reading.read_boxes(engine, [*frames, frames[0]], [_grown(around.box), _grown(beside.box), hood], EXPECT)

    assert [plate and plate.candidates[0].plate for plate in seen] == [first.plate, second.plate, None]
    assert seen[0] is not None
    assert abs(seen[0].box.x - around.box.x) < 12
    assert abs(seen[0].box.y - around.box.y) < 12


@pytest.mark.clause("J1")
def test_the_engine_says_which_model_it_is(engine: Engine) -> None:
    models = Path(rapidocr.__file__).parent / "models"
    files = (models / "PP-OCRv6_det_small.onnx", models / "PP-OCRv6_rec_small.onnx")

    assert engine.model.name == "ppocr"
    assert "PP-OCRv6" in engine.model.version
    assert engine.model.checksum == hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    assert engine.detector.model.checksum == hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert engine.reader.model.checksum == hashlib.sha256(files[1].read_bytes()).hexdigest()


def _grown(box: Box) -> Box:
    return Box(box.x - 6, box.y - 20, box.width + 12, box.height + 30)
