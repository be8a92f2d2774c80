"""The engine `onnx`: our own models, as they are committed."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import rapidocr

from platekeeper.demo.street import Sample, samples
from platekeeper_common.events.recognition import Box
from platekeeper_recognition import pictures, reading
from platekeeper_recognition.domain import Expectation
from platekeeper_recognition.engines import catalogue, plate_models, sessions
from platekeeper_recognition.engines.opinion import Opinion
from platekeeper_recognition.engines.plate_models import DETECTOR, READER, OnnxDetector, OnnxReader
from platekeeper_recognition.engines.protocol import EngineUnavailable, Picture, PlateEngine, Spot
from platekeeper_recognition.engines.sessions import ReaderFacts
from platekeeper_recognition.plate_formats import REGIONS

ANY = Expectation((), least_confidence=0.0)
EXPECT = Expectation((REGIONS["us"],), least_confidence=0.2)
FACTS = {
    "name": '"reader"',
    "version": '"1"',
    "alphabet": '"ABC"',
    "regions": '["", "us-ca"]',
    "temperature": "1.0",
    "region_temperature": "1.0",
    "calibration": "[[0, 0], [1, 0.5]]",
    "stride": "32, as others write",
}


@pytest.fixture(scope="module")
def engine() -> PlateEngine:
    opened = catalogue.open_engine("onnx", threads=2)
    assert isinstance(opened, PlateEngine)
    return opened


@pytest.fixture(scope="module")
def frames() -> list[Picture]:
    """Four drawn ones, one of another size, and one that shows nothing."""
    drawn = [pictures.decode(sample.image(), max_pixels=1_000_000) for sample in samples()[:4]]
    return [*drawn[:2], drawn[0][200:, 300:], *drawn[2:], np.full((270, 480, 3), 127, dtype=np.uint8)]


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: f"{sample.file}, {sample.light}")
def test_every_sample_frame_is_read_exactly(engine: PlateEngine, sample: Sample) -> None:
    frame = pictures.decode(sample.image(), max_pixels=1_000_000)
    ((found,),) = reading.read_and_cut(engine, [frame], EXPECT)

    assert found.plate.candidates[0].plate == sample.plate
    assert found.plate.candidates[0].confidence > 0.9
    assert found.plate.region is not None
    assert (found.plate.region.country, found.plate.region.state) == ("US", "CA")
    crop = pictures.decode(found.crop, max_pixels=1_000_000)
    assert crop.shape[0] > found.plate.box.height
    assert crop.shape[1] > found.plate.box.width


def test_a_batch_of_frames_of_several_sizes_is_read_as_each_alone(engine: PlateEngine, frames: list[Picture]) -> None:
    together = reading.read_and_cut(engine, frames, ANY)
    alone = [reading.read_and_cut(engine, [frame], ANY)[0] for frame in frames]

    assert sum(map(len, together)) >= 4
    for batch, single in zip(together, alone, strict=True):
        assert len(batch) == len(single)
        for one, same in zip(batch, single, strict=True):
            assert (one.plate.number, one.plate.box, one.crop) == (same.plate.number, same.plate.box, same.crop)
            confidences = {candidate.plate: candidate.confidence for candidate in one.plate.candidates}
            assert same.plate.candidates[0].plate in confidences
            assert same.plate.candidates[0].confidence == pytest.approx(one.plate.candidates[0].confidence, abs=1e-3)


def test_frames_of_one_size_may_go_to_the_detector_together_and_all_crops_go_to_the_reader(
    engine: PlateEngine, frames: list[Picture]
) -> None:
    assert plate_models.like_sizes(frames, 3) == [[0, 1, 3], [4], [2], [5]]

    spots = engine.detector.detect(frames)
    crops = [pictures.plate(frame, spot) for frame, found in zip(frames, spots, strict=True) for spot in found]
    assert len(engine.reader.read(crops * 12)) == 12 * len(crops)


def test_candidates_fall_and_make_one_at_most(engine: PlateEngine, frames: list[Picture]) -> None:
    for plate in (plate for plates in reading.read_frames(engine, frames, ANY) for plate in plates):
        confidences = [candidate.confidence for candidate in plate.candidates]
        assert 1 <= len(confidences) <= 10
        assert confidences == sorted(confidences, reverse=True)
        assert sum(confidences) <= 1.001
        assert all(2 <= len(candidate.plate) <= 10 for candidate in plate.candidates)


def test_given_boxes_are_read_where_they_are(engine: PlateEngine, frames: list[Picture]) -> None:
    tight, loose = Box(392, 340, 140, 72), Box(380, 330, 164, 92)
    seen = reading.read_boxes(engine, [frames[0]] * 2, [tight, loose], ANY)

    assert [plate and plate.box for plate in seen] == [tight, loose]


def test_a_spot_at_the_rim_is_cut_where_the_picture_ends() -> None:
    picture = np.zeros((50, 100, 3), dtype=np.uint8)

    assert pictures.plate(picture, Spot(20, 10, 70, 35, 1.0)).shape == (27, 54, 3)
    assert pictures.plate(picture, Spot(-3, -3, 100, 50, 1.0)).shape == (50, 100, 3)
    assert pictures.plate(picture, Spot(99.9, 49.9, 100, 50, 1.0)).size > 0


@pytest.mark.clause("J1")
def test_the_engine_says_which_models_it_is(engine: PlateEngine) -> None:
    told = {
        file: onnxruntime.InferenceSession(str(file)).get_modelmeta().custom_metadata_map for file in (DETECTOR, READER)
    }

    assert engine.model.name == "onnx"
    for facts in told.values():
        assert f"{json.loads(facts['name'])} {json.loads(facts['version'])}" in engine.model.version
    assert "PP-OCRv6-small" in engine.model.version
    files = (DETECTOR, READER, Path(rapidocr.__file__).parent / "models" / "PP-OCRv6_rec_small.onnx")
    assert engine.model.checksum == hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    assert engine.detector.model.checksum == hashlib.sha256(DETECTOR.read_bytes()).hexdigest()
    assert engine.reader.model.checksum == hashlib.sha256(READER.read_bytes()).hexdigest()


def test_the_detector_s_own_size_counts_unless_another_is_set(engine: PlateEngine) -> None:
    told = onnxruntime.InferenceSession(str(DETECTOR)).get_modelmeta().custom_metadata_map

    assert engine.longest_side == int(told["side"])
    assert catalogue.open_engine("onnx", threads=1, longest_side=352).longest_side == 352


def test_a_wheel_has_the_models_and_none_is_larger_than_agreed(tmp_path: Path) -> None:
    package = plate_models.MODELS.parents[1]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=package, check=True, capture_output=True)  # noqa: S603 - the build that the images run

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for file in (DETECTOR, READER, *plate_models.MODELS.iterdir()):
            assert packed.read(f"platekeeper_recognition/models/{file.name}") == file.read_bytes()
            assert file.stat().st_size <= 15_000_000


def test_another_s_model_and_no_model_are_refused_by_the_file_s_name(tmp_path: Path) -> None:
    other = Path(rapidocr.__file__).parent / "models" / "PP-OCRv6_det_small.onnx"
    with pytest.raises(EngineUnavailable, match=r"det_small\.onnx is no model of ours: its metadata lack 'name'"):
        OnnxDetector(other, longest_side=None, threads=1)
    with pytest.raises(EngineUnavailable, match=r"no model .*nowhere\.onnx"):
        OnnxReader(tmp_path / "nowhere.onnx", threads=1)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(EngineUnavailable, match=r"text\.onnx is no model that onnxruntime reads"):
        OnnxReader(tmp_path / "text.onnx", threads=1)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temperature", None, "lack 'temperature'"),
        ("temperature", "0", "temperature"),
        ("calibration", "[[0, 2]]", "calibration"),
        ("calibration", "[]", "calibration"),
        ("alphabet", "ABC", "'alphabet' in its metadata is not JSON"),
        ("regions", '"us-ca"', "regions"),
    ],
)
def test_metadata_that_say_too_little_or_nonsense_are_refused_by_name(name: str, value: str | None, said: str) -> None:
    told = {key: each for key, each in (FACTS | {name: value}).items() if each is not None}
    with pytest.raises(EngineUnavailable, match=said) as refused:
        sessions.told(told, Path("reader.onnx"), ReaderFacts)
    assert "reader.onnx is no model of ours" in str(refused.value)


def test_readings_are_calibrated_and_of_two_characters_at_least() -> None:
    facts = sessions.told(FACTS, Path("reader.onnx"), ReaderFacts)
    sure = np.full((4, 4), -9.0, dtype=np.float32)
    sure[[0, 1, 2, 3], [0, 1, 3, 3]] = 9.0  # A, B, END, END

    found = plate_models.readings(sure, facts)
    assert found[0].text == "AB"
    assert found[0].confidence == pytest.approx(0.5, abs=1e-3)

    sure[1] = sure[2]  # A, END
    assert all(len(reading.text) >= 2 for reading in plate_models.readings(sure, facts))
    assert plate_models.readings(sure, facts) == [] or plate_models.readings(sure, facts)[0].confidence < 0.01


def test_the_processor_is_always_there_to_run_on() -> None:
    assert sessions.best_providers()[-1] == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("blurred", "twice"), [(0.0, False), (5.0, True), (30.0, False)], ids=["sure", "doubt", "hopeless"]
)
def test_a_plate_in_doubt_is_looked_at_twice(
    engine: PlateEngine, frames: list[Picture], blurred: float, twice: bool
) -> None:
    frame = np.asarray(cv2.GaussianBlur(frames[0], (0, 0), blurred), np.uint8) if blurred else frames[0]
    ((spot, *_),) = engine.detector.detect([frames[0]])
    asked: list[int] = []

    def wider(place: int) -> Picture:
        asked.append(place)
        return pictures.plate(frame, spot, around=pictures.WIDER)

    crops = [pictures.plate(frame, spot)]
    (once,), (again,) = engine.reader.read(crops), engine.reader.read(crops, wider)
    assert asked == ([0] if twice else [])
    assert (once != again) == twice


@pytest.mark.parametrize(("blurred", "asked"), [(0.0, False), (5.0, True)], ids=["sure", "doubt"])
def test_of_a_plate_in_doubt_a_second_opinion_counts(
    engine: PlateEngine, frames: list[Picture], blurred: float, asked: bool
) -> None:
    ((spot, *_),) = engine.detector.detect([frames[0]])
    crop = pictures.plate(frames[0], spot)
    shown = np.asarray(cv2.GaussianBlur(crop, (0, 0), blurred), np.uint8) if blurred else crop

    (alone,), (both,) = OnnxReader(READER, threads=1).read([shown]), engine.reader.read([shown])
    assert (alone.readings[0].confidence != pytest.approx(both.readings[0].confidence, abs=1e-3)) == asked
    assert alone.regions == pytest.approx(both.regions, abs=1e-3)


def test_an_opinion_takes_texts_as_they_come_and_keeps_their_sum() -> None:
    blank, opinion = plate_models.blank(), Opinion(1)
    pooled = opinion.pooled(blank, {"7ABC123": 0.4, "7A8C123": 0.3, "11": 0.1})

    assert pooled.keys() == {"7ABC123", "7A8C123", "11"}
    assert list(pooled.values()) == sorted(pooled.values(), reverse=True)
    assert sum(pooled.values()) == pytest.approx(0.8)
    assert opinion.pooled(blank[:2, :2], {"AB": 0.2}) == {"AB": pytest.approx(0.2)}
    assert opinion.pooled(blank, {}) == {}
