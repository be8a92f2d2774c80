"""Recognition's settings name what is wrong."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from platekeeper_common import settings
from platekeeper_common.settings import SettingsError
from platekeeper_recognition.engines import catalogue
from platekeeper_recognition.engines.protocol import EngineUnavailable
from platekeeper_recognition.room import RecognitionSettings


def test_regions_are_given_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_REGIONS", '["us", "br"]')

    assert settings.load(RecognitionSettings).regions == ("us", "br")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENGINE", "crystal-ball"),
        ("REGIONS", '["atlantis"]'),
        ("THREADS", "0"),
        ("BATCH", "0"),
        ("BATCH", "17"),
        *((f"{name}SECONDS", value) for name in ("PASS_", "LONGEST_PASS_") for value in ("inf", "nan", "1e12", "601")),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PLATEKEEPER_RECOGNITION_{name}", value)

    with pytest.raises(SettingsError, match=f"PLATEKEEPER_RECOGNITION_{name}"):
        settings.load(RecognitionSettings)


def test_a_pass_may_last_no_less_than_its_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_PASS_SECONDS", "61")

    told = "LONGEST_PASS_SECONDS: .*must be no less than PLATEKEEPER_RECOGNITION_PASS_SECONDS, which is 61"
    with pytest.raises(SettingsError, match=told):
        settings.load(RecognitionSettings)
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_LONGEST_PASS_SECONDS", "61")
    assert settings.load(RecognitionSettings).longest_pass_seconds == 61


def test_our_own_models_read_unless_another_engine_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLATEKEEPER_RECOGNITION_ENGINE", raising=False)

    read = settings.load(RecognitionSettings)
    assert (read.engine, read.longest_side) == ("onnx", None)


@pytest.mark.parametrize("engine", ["ultralytics", "paddleocr"])
def test_an_engine_that_is_not_installed_is_refused_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    assert find_spec(engine) is None, "this environment has only what the platform needs"
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_ENGINE", engine)

    needs = f"PLATEKEEPER_RECOGNITION_ENGINE: .*needs the extra {engine}: install platekeeper-recognition\\[{engine}\\]"
    with pytest.raises(SettingsError, match=needs):
        settings.load(RecognitionSettings)
    with pytest.raises(EngineUnavailable, match=f"needs the extra {engine}"):
        catalogue.open_engine(engine, threads=1)


@pytest.mark.parametrize(
    ("engine", "setting", "said"),
    [("ultralytics", "weights", "there is no file"), ("paddleocr", "reader_folder", "there is no folder")],
)
def test_a_model_that_an_engine_needs_is_missed_by_the_setting_s_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str, setting: str, said: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{engine}.py").write_text("")  # as far as the settings look, it is installed
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_ENGINE", engine)
    name = f"PLATEKEEPER_RECOGNITION_{setting.upper()}"

    with pytest.raises(SettingsError, match=f"{name}: .*the engine {engine} needs it"):
        settings.load(RecognitionSettings)
    with pytest.raises(EngineUnavailable, match=f"{name}: the engine {engine} needs it"):
        catalogue.open_engine(engine, threads=1)
    monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=f"{name}: .*{said} .*nowhere"):
        settings.load(RecognitionSettings)

    there = tmp_path / "there"
    there.mkdir() if engine == "paddleocr" else there.write_bytes(b"weights")
    monkeypatch.setenv(name, str(there))
    assert getattr(settings.load(RecognitionSettings), setting) == there


def test_what_another_engine_needs_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_ENGINE", "onnx")
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_WEIGHTS", "/nowhere.pt")

    assert settings.load(RecognitionSettings).engine == "onnx"
