"""The engine `ultralytics` beside `onnx` and `ppocr`, each really run: `make test-engines`, never `make test`."""

from pathlib import Path

import pytest
from recognisers import frames

from platekeeper.demo.street import samples
from platekeeper_recognition.engines import catalogue, plate_models
from platekeeper_recognition.engines.protocol import EngineUnavailable, PlateEngine

WEIGHTS = plate_models.MODELS / "detector.pt"


@pytest.fixture(scope="module")
def ours() -> PlateEngine:
    engine = catalogue.open_engine("onnx", threads=2)
    assert isinstance(engine, PlateEngine)
    return engine


@pytest.fixture(scope="module")
def theirs() -> PlateEngine:
    engine = catalogue.open_engine("ultralytics", threads=2, weights=WEIGHTS)
    assert isinstance(engine, PlateEngine)
    return engine


def test_the_weights_find_what_the_exported_detector_finds(ours: PlateEngine, theirs: PlateEngine) -> None:
    shown = frames.frames()
    found = zip(ours.detector.detect(shown), theirs.detector.detect(shown), strict=True)

    seen = 0
    for mine, other in found:
        assert len(mine) == len(other)
        for one, same in zip(mine, other, strict=True):
            seen += 1
            assert (one.left, one.top, one.right, one.bottom) == pytest.approx(
                (same.left, same.top, same.right, same.bottom), abs=3
            )
            assert one.confidence == pytest.approx(same.confidence, abs=0.02)
    assert seen >= len(shown) - 2, "both would agree if neither found anything"


def test_frames_are_read_alike(ours: PlateEngine, theirs: PlateEngine) -> None:
    for mine, other in zip(frames.read(ours), frames.read(theirs), strict=True):
        assert frames.texts(mine) == frames.texts(other)
        assert [plate.region for plate in mine] == pytest.approx([plate.region for plate in other])


def test_the_third_engine_reads_the_same_frames_here_too() -> None:
    read = frames.read(catalogue.open_engine("ppocr", threads=2))

    drawn = samples()
    assert [frames.texts(plates) for plates in read[: len(drawn)]] == [[sample.plate] for sample in drawn]


@pytest.mark.clause("J1")
def test_the_engine_says_which_weights_and_which_reader_it_is(theirs: PlateEngine) -> None:
    assert theirs.model.name == "ultralytics"
    assert "ultralytics 8." in theirs.model.version
    assert len(theirs.model.checksum) == 64
    assert theirs.detector.model.checksum != theirs.reader.model.checksum


def test_what_are_no_weights_is_refused_by_the_setting_s_name(tmp_path: Path) -> None:
    (tmp_path / "no.pt").write_bytes(b"no weights")

    with pytest.raises(EngineUnavailable, match=r"PLATEKEEPER_RECOGNITION_WEIGHTS.*no\.pt"):
        catalogue.open_engine("ultralytics", threads=2, weights=tmp_path / "no.pt")


@pytest.mark.parametrize(
    ("made_to", "said"), [("yolo11n", "detect 80 kinds of things"), ("yolo11n-cls", "classify 1000 kinds of things")]
)
def test_weights_that_find_other_things_are_refused_by_the_setting_s_name(
    tmp_path: Path, made_to: str, said: str
) -> None:
    import ultralytics

    ultralytics.YOLO(f"{made_to}.yaml").save(tmp_path / "cars.pt")

    with pytest.raises(EngineUnavailable, match=rf"PLATEKEEPER_RECOGNITION_WEIGHTS.*cars\.pt.*plates.*{said}"):
        catalogue.open_engine("ultralytics", threads=2, weights=tmp_path / "cars.pt")
