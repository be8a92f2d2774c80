"""Our own commands before a real gateway: whose word they take that it is the platform."""

import io
import os
from pathlib import Path

import pytest
from commands import platekeeper
from door import Door, door

from platekeeper.stack import state
from platekeeper.stack.state import State

USE = ("--username", "boss", "--purpose", "other_le", "--matter-type", "criminal")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Door:
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n" * 9))
    return door()


def dlq(here: Door, *words: object, url: str = "") -> int:
    return platekeeper("dlq", "--url", url or here.gateway, *words, "list")


@pytest.mark.parametrize(
    "words",
    [
        ("dlq", "list"),
        ("hotlist", "import", "FILE", "--list", "Stolen", *USE),
        ("audit", "bundle", "--from", "2026-11-01", "--to", "2026-11-02", "--out", "OUT", "--username", "boss"),
        ("corrections", "export", "--out", "OUT", *USE),
    ],
)
def test_every_command_believes_whom_it_is_told_to(
    here: Door, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "stolen.csv", tmp_path / "out.zip"
    file.write_text("plate\n7SAM123\n")
    command = [{"FILE": str(file), "OUT": str(out)}.get(word, word) for word in words]
    place = command.index("dlq") + 1 if command[0] == "dlq" else len(command)
    for believed, ca in ((False, ()), (True, ("--ca", here.folder / "ca.pem"))):
        assert platekeeper(*command[:place], "--url", here.gateway, *ca, *command[place:]) in (1, 2)
        told = capsys.readouterr().err
        assert ("credentials_wrong" in told) is believed, told
        assert believed or "certificate is not believed" in told, told
        assert believed or told.endswith("; --ca FILE names who vouches for it\n"), told
    assert not out.exists()


@pytest.mark.parametrize("name", ["PLATEKEEPER_CA", "SSL_CERT_FILE"])
def test_the_environment_names_an_authority(
    here: Door, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, str(here.folder / "ca.pem"))
    assert dlq(here) == 1
    assert "credentials_wrong" in capsys.readouterr().err


def test_at_the_running_stacks_own_door_its_authority_is_known(
    here: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / state.FOLDER).mkdir()
    authority = str(here.folder / "ca.pem")
    running = State(os.getpid(), state.born(os.getpid()), "up", here.gateway, authority)
    running.write(tmp_path)
    for url in (here.gateway, here.gateway.replace("127.0.0.1", "localhost")):
        assert dlq(here, url=url) == 1
        assert "credentials_wrong" in capsys.readouterr().err
    running.door = "https://127.0.0.1:9"
    running.write(tmp_path)
    assert dlq(here) == 1
    assert "certificate is not believed" in capsys.readouterr().err


def test_a_file_that_vouches_for_nobody_is_named(
    here: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").touch()
    monkeypatch.setenv("PLATEKEEPER_CA", str(tmp_path / "missing.pem"))
    for words, named in (
        (("--ca", tmp_path / "empty.pem"), f"--ca: no certificate (PEM) in {tmp_path}/empty.pem"),
        ((), f"PLATEKEEPER_CA: {tmp_path}/missing.pem cannot be read: No such file or directory"),
    ):
        assert dlq(here, *words) == 1
        assert capsys.readouterr().err == f"platekeeper: {named}\n"
