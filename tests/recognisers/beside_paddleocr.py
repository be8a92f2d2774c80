"""The engine `paddleocr` beside `onnx` and `ppocr`, each really run: `make test-engines`, never `make test`."""

from pathlib import Path

import pytest
from recognisers import frames

from platekeeper.demo.street import samples
from platekeeper_recognition.domain import Expectation
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.engines.protocol import EngineUnavailable, PlateEngine
from platekeeper_training.reader import export_paddle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our reader as PaddleOCR takes it."""
    made = tmp_path_factory.mktemp("reader")
    export_paddle.export(export_paddle.READER, made)
    return made


@pytest.fixture(scope="module")
def ours() -> PlateEngine:
    engine = catalogue.open_engine("onnx", threads=2)
    assert isinstance(engine, PlateEngine)
    return engine


@pytest.fixture(scope="module")
def theirs(folder: Path) -> PlateEngine:
    engine = catalogue.open_engine("paddleocr", threads=2, reader_folder=folder)
    assert isinstance(engine, PlateEngine)
    return engine


def test_it_says_the_very_texts_of_our_own_reader_as_surely(ours: PlateEngine, theirs: PlateEngine) -> None:
    crops = frames.crops(ours)
    read = list(zip(ours.reader.read(crops), theirs.reader.read(crops), strict=True))

    said = [(mine.readings[0], other.readings[0]) for mine, other in read if other.readings]
    assert len(said) >= 8, "both would agree if neither read anything"
    for mine, other in said:
        assert mine.text == other.text
        assert mine.confidence == pytest.approx(other.confidence, abs=1e-4)
    # Where nothing is the most probable text, ours tells what else it might be, hardly sure of it.
    assert all(reading.confidence < 0.5 for mine, other in read if not other.readings for reading in mine.readings)


def test_nothing_to_read_is_read_as_nothing(theirs: PlateEngine) -> None:
    assert theirs.reader.read([]) == []


def test_frames_are_read_alike(ours: PlateEngine, theirs: PlateEngine) -> None:
    expect = Expectation((), least_confidence=0.2)  # formats choose among candidates, and there is one
    for mine, other in zip(frames.read(ours, expect), frames.read(theirs, expect), strict=True):
        assert frames.texts(mine) == frames.texts(other)
        assert [plate.box for plate in mine] == [plate.box for plate in other]


def test_the_third_engine_reads_the_same_frames_here_too() -> None:
    read = frames.read(catalogue.open_engine("ppocr", threads=2))

    drawn = samples()
    assert [frames.texts(plates) for plates in read[: len(drawn)]] == [[sample.plate] for sample in drawn]


@pytest.mark.clause("J1")
def test_the_engine_says_which_models_it_is(ours: PlateEngine, theirs: PlateEngine) -> None:
    assert theirs.model.name == "paddleocr"
    assert ours.model.version.startswith(f"{theirs.model.version} + "), "ours asks one more in doubt"
    assert theirs.model.checksum != ours.model.checksum


def test_a_folder_without_its_files_or_with_others_is_refused_by_the_setting_s_name(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(EngineUnavailable, match=r"PLATEKEEPER_RECOGNITION_READER_FOLDER.*inference\.onnx"):
        catalogue.open_engine("paddleocr", threads=2, reader_folder=tmp_path)

    (tmp_path / "inference.onnx").write_bytes((folder / "inference.onnx").read_bytes())
    (tmp_path / "inference.yml").write_text("Global: {model_name: no_such_model}\n")
    with pytest.raises(EngineUnavailable, match="PLATEKEEPER_RECOGNITION_READER_FOLDER: PaddleOCR cannot run"):
        catalogue.open_engine("paddleocr", threads=2, reader_folder=tmp_path)
