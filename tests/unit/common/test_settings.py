"""Settings come from the environment, and a name that nobody knows is refused."""

from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from platekeeper_common import settings as environment
from platekeeper_common.foundation import open_bus
from platekeeper_common.settings import ServiceSettings, Settings, SettingsError


class KioskSettings(ServiceSettings):
    """A service's own."""

    model_config = SettingsConfigDict(env_prefix="PLATEKEEPER_KIOSK_", frozen=True, extra="forbid")

    drawers: int = 3


MODELS = (Settings, KioskSettings)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PLATEKEEPER_PROT", "PLATEKEEPER_PORT"),
        ("PLATEKEEPER_PUBLISH_SECOND", "PLATEKEEPER_PUBLISH_SECONDS"),
        ("platekeeper_polices", "PLATEKEEPER_POLICIES"),
        ("PLATEKEEPER_KIOSK_DRAWER", "PLATEKEEPER_KIOSK_DRAWERS"),
        ("PLATEKEEPER_KIOSK_BODYLIMIT", "PLATEKEEPER_KIOSK_BODY_LIMIT"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        environment.refuse_unknown_names(MODELS, {"HOME": "/", name: "1"})
    assert str(refusal.value) == f"{name} is no setting of ours; did you mean {nearest}?"


def test_a_name_like_none_of_ours_is_refused_without_a_guess() -> None:
    with pytest.raises(SettingsError, match=r"^PLATEKEEPER_Q is no setting of ours$"):
        environment.refuse_unknown_names((KioskSettings,), {"PLATEKEEPER_Q": "1"})


def test_known_names_and_those_of_others_pass() -> None:
    known = {"PLATEKEEPER_VAR": "x", "platekeeper_port": "1", "PLATEKEEPER_KIOSK_DRAWERS": "2", "PATH": "/bin"}
    environment.refuse_unknown_names(MODELS, known)
    with pytest.raises(SettingsError):
        environment.refuse_unknown_names(MODELS, known | {"PLATEKEEPER_VAT": "x"})


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEKEEPER_KIOSK_DRAWERS", "7")
    monkeypatch.setenv("PLATEKEEPER_VAR", "/srv/platekeeper")
    assert environment.load(KioskSettings).drawers == 7
    loaded = environment.load(Settings)
    assert loaded.database_of("kiosk") == "sqlite+aiosqlite:////srv/platekeeper/db/kiosk.sqlite"
    assert loaded.policies == Path("policies")


@pytest.mark.parametrize(
    ("name", "value"), [("PLATEKEEPER_PORT", "80800"), ("PLATEKEEPER_PORT", "http"), ("PLATEKEEPER_PEER_SECONDS", "0")]
)
def test_a_value_that_makes_no_sense_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: "):
        environment.load(Settings)


@pytest.mark.parametrize(
    ("url", "servers", "prefix"),
    [
        ("kafka://127.0.0.1:9092", ("127.0.0.1:9092",), ""),
        ("kafka://a.example:9092,b-1:9093/trial.", ("a.example:9092", "b-1:9093"), "trial."),
        ("kafka://[::1]:9092/", ("[::1]:9092",), ""),
    ],
)
def test_the_brokers_are_read_from_the_url_of_the_bus(url: str, servers: tuple[str, ...], prefix: str) -> None:
    brokers = Settings(bus=url).brokers()
    assert (brokers.servers, brokers.prefix) == (servers, prefix)


@pytest.mark.parametrize("url", ["kafka:", "kafka://", "kafka://host", "kafka://a:1,", "amqp://a:1", "kafka://a:1/b/c"])
def test_a_url_that_names_no_brokers_is_refused_by_the_variable(url: str) -> None:
    with pytest.raises(SettingsError, match="PLATEKEEPER_BUS: not kafka://"):
        open_bus(Settings(bus=url))
