"""Recognition's settings name what is wrong."""

import pytest

from platekeeper_common import settings
from platekeeper_common.settings import SettingsError
from platekeeper_recognition.room import RecognitionSettings


def test_regions_are_given_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEKEEPER_RECOGNITION_REGIONS", '["us", "br"]')

    assert settings.load(RecognitionSettings).regions == ("us", "br")


@pytest.mark.parametrize(
    ("name", "value"), [("ENGINE", "crystal-ball"), ("REGIONS", '["atlantis"]'), ("THREADS", "0"), ("BATCH", "0")]
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PLATEKEEPER_RECOGNITION_{name}", value)

    with pytest.raises(SettingsError, match=f"PLATEKEEPER_RECOGNITION_{name}"):
        settings.load(RecognitionSettings)
