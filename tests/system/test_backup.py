"""`platekeeper backup` (G1): everything but the keys, for its recipients alone, no longer than policy allows."""

import asyncio
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import places
import pyrage
import pytest
from commands import platekeeper
from databases import as_administrator
from sqlalchemy import make_url
from standing import AGENCY, POLICIES, Town, eventually, town

from platekeeper import backup, dumps, scratch
from platekeeper.registry import SERVICES, service
from platekeeper_common.events.recognition import Model, PlateRead, PlatesRead
from platekeeper_common.ids import CameraId, DeviceId, ReadId

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PLATE = "8QXJ417"
WITHOUT_TERMINAL = (sys.executable, "-c", "from platekeeper.cli import main; raise SystemExit(main())")
pytestmark = pytest.mark.clause("G1")


async def store(here: Town) -> None:
    """A read in the records office."""
    now = here.clock()
    read = PlateRead(
        id=ReadId("read-1"),
        agency_id=AGENCY,
        camera_id=CameraId("north-gate"),
        device_id=DeviceId("gateway-1"),
        plate=PLATE,
        confidence=0.9,
        captured_at=now,
        received_at=now,
        live_until=now,
        source="edge",
        model=Model("edge", "1", ""),
    )
    bus = here.standing.foundation.bus
    await bus.publish([PlatesRead(agency_id=AGENCY, camera_id=read.camera_id, reads=(read,))], source="recognition")

    async def stored() -> bool:
        return await bus.backlog("retention", PlatesRead.topic) == 0

    await eventually(stored)


@pytest.fixture
def identity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> pyrage.x25519.Identity:
    """What opens the backups of the test; made by the command."""
    path = tmp_path / "identity.txt"
    assert platekeeper("backup", "--new-identity", str(path)) == 0
    assert path.stat().st_mode & 0o077 == 0
    found = pyrage.x25519.Identity.from_str(path.read_text().splitlines()[1])
    assert f"recipient: {found.to_public()}" in capsys.readouterr().out
    return found


def opened(path: Path, identity: pyrage.x25519.Identity) -> dict[str, bytes]:
    """The files in it."""
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(path.read_bytes(), [identity]))) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


async def test_it_holds_everything_but_the_keys_and_only_its_recipient_opens_it(
    tmp_path: Path, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    var = tmp_path / "var"
    monkeypatch.setenv("PLATEKEEPER_VAR", str(var))
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
    async with town(var, SERVICES) as here:
        await store(here)
        path = await asyncio.to_thread(backup.make, tmp_path / "backups", [str(identity.to_public())], now=NOW)
    assert path.stat().st_mode & 0o077 == 0
    assert PLATE.encode() not in path.read_bytes()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.generate()])
    files = opened(path, identity)
    assert {f"db/{one.name}.sqlite" for one in SERVICES} | {"bus.sqlite", "manifest.json"} <= files.keys()
    assert not [name for name in files if name.startswith("keys") or "kek" in name]
    keys = {key.read_bytes() for key in (var / "keys").rglob("*") if key.is_file()}
    assert keys
    assert not keys & set(files.values())
    copy = tmp_path / "retention.sqlite"
    copy.write_bytes(files["db/retention.sqlite"])
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT plate FROM plate_read").fetchall() == [(PLATE,)]
    manifest = json.loads(files["manifest.json"])
    assert manifest["delete_after"] == (NOW + timedelta(days=35)).isoformat()
    assert list((tmp_path / "backups").iterdir()) == [path]


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_on_postgresql_it_holds_a_dump_of_every_schema(
    tmp_path: Path, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path / "var", (service("retention"),)) as here:
        await store(here)
        url = here.standing.foundation.settings.database
        monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
        monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
        monkeypatch.setenv("PLATEKEEPER_DATABASE", as_administrator(url))
        path = await asyncio.to_thread(backup.make, tmp_path / "backups", [str(identity.to_public())], now=NOW)
    files = opened(path, identity)
    assert files["database.pgdump"].startswith(b"PGDMP")
    assert PLATE.encode() not in path.read_bytes()


async def test_objects_in_a_bucket_are_taken_along_where_that_is_asked_for(
    tmp_path: Path, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = places.bucket(monkeypatch)
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
    monkeypatch.setenv("PLATEKEEPER_OBJECTS", str(there.url))
    places_of_two_days = [(kind, day) for kind in ("image", "crop") for day in (21, 22)]
    kept = {f"{AGENCY}/2026-11-{day}/{kind}/{day}": f"{kind} of {day}".encode() for kind, day in places_of_two_days}
    for path, data in kept.items():
        assert await there.store().create(path, data)
    async with town(tmp_path / "var", (service("ledger"),)):
        told = ["backup", "--to", str(tmp_path / "backups"), "--recipient", str(identity.to_public())]
        assert await asyncio.to_thread(platekeeper, *told) == 0
        (without,) = (tmp_path / "backups").iterdir()
        files = opened(without, identity)
        assert not [name for name in files if name.startswith("objects/")]
        without.unlink()
        assert await asyncio.to_thread(platekeeper, *told, "--objects") == 0
        (whole,) = (tmp_path / "backups").iterdir()
        files = opened(whole, identity)
    assert {name.removeprefix("objects/"): data for name, data in files.items() if name.startswith("objects/")} == kept
    listed = {one["name"] for one in json.loads(files["manifest.json"])["files"]}
    assert {f"objects/{name}" for name in kept} <= listed


async def test_no_backup_is_made_without_the_objects_that_were_asked_for(
    tmp_path: Path,
    identity: pyrage.x25519.Identity,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = places.outage(monkeypatch, tmp_path / "s3")
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
    monkeypatch.setenv("PLATEKEEPER_OBJECTS", str(there.url))
    there.away()
    async with town(tmp_path / "var", (service("ledger"),)):
        told = ["backup", "--to", str(tmp_path / "backups"), "--recipient", str(identity.to_public()), "--objects"]
        assert await asyncio.to_thread(platekeeper, *told) == 1
    assert "no backup: " in capsys.readouterr().err
    assert not list((tmp_path / "backups").iterdir())


async def test_those_that_policy_lets_live_no_longer_are_deleted(
    tmp_path: Path, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
    async with town(tmp_path / "var", (service("ledger"),)):
        old, young = [
            await asyncio.to_thread(
                backup.make, tmp_path / "backups", [str(identity.to_public())], now=NOW - timedelta(days=days)
            )
            for days in (35, 34)
        ]
        new = await asyncio.to_thread(backup.make, tmp_path / "backups", [str(identity.to_public())], now=NOW)
    assert not old.exists()
    assert sorted((tmp_path / "backups").iterdir()) == [young, new]


async def test_files_of_other_names_stay_and_hold_up_nothing(
    tmp_path: Path, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
    folder = tmp_path / "backups"
    folder.mkdir()
    others = [folder / f"platekeeper-{name}.tar.age" for name in ("20200101T000000Z-before-upgrade", "a", "z")]
    old = folder / "platekeeper-20200101T000000Z.tar.age"
    for path in (*others, old):
        path.touch()
    async with town(tmp_path / "var", (service("ledger"),)):
        new = await asyncio.to_thread(backup.make, folder, [str(identity.to_public())], now=NOW)
    assert set(folder.iterdir()) == {*others, new}
    assert json.loads((tmp_path / "var" / backup.LAST).read_text())["file"] == new.name


@pytest.mark.clause("F3")
async def test_what_a_killed_backup_left_is_removed_by_the_next(
    tmp_path: Path, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
    async with town(tmp_path / "var", (service("ledger"),)):
        left = [tmp_path / place / ".making-it" for place in ("var", "backups")]
        for folder in left:
            folder.mkdir(parents=True)
            (folder / "retention.sqlite").write_text(PLATE)
        with scratch.folder(tmp_path / "backups") as at_work:
            new = await asyncio.to_thread(
                backup.make, tmp_path / "backups", [str(identity.to_public())], now=datetime.now(UTC)
            )
            assert set((tmp_path / "backups").iterdir()) == {at_work, new}
    assert not list((tmp_path / "var").glob(".making-*"))


@pytest.mark.clause("F3")
def test_told_to_end_it_leaves_nothing_and_what_is_open_never_lies_in_the_folder_of_backups(
    tmp_path: Path, identity: pyrage.x25519.Identity
) -> None:
    var, folder = tmp_path / "var", tmp_path / "backups"
    (var / "db").mkdir(parents=True)
    with closing(sqlite3.connect(var / "db" / "retention.sqlite")) as connection:
        connection.execute("CREATE TABLE plate_read (plate)")
    (var / "objects").mkdir()
    with (var / "objects" / "picture").open("wb") as picture:
        picture.truncate(4 << 30)
    command: list[str | Path] = [*WITHOUT_TERMINAL, "backup", "--to", folder, "--recipient", str(identity.to_public())]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLATEKEEPER_")}
    settings = {"PLATEKEEPER_VAR": str(var), "PLATEKEEPER_POLICIES": str(POLICIES)}
    running = subprocess.Popen(command, env=clean | settings, stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours
    until = time.monotonic() + 30
    while not list(folder.glob(".making-*/part")) and time.monotonic() < until:
        time.sleep(0.02)
    (copies,) = var.glob(".making-*")
    assert copies.stat().st_mode & 0o077 == 0
    assert [path.name for path in copies.iterdir()] == ["retention.sqlite"]
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["part"]
    running.terminate()
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (143, "platekeeper: no backup: told to end\n")
    assert not list(folder.iterdir())
    assert {path.name for path in var.iterdir()} == {"db", "objects"}


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_the_administrators_password_is_on_no_command_line(
    tmp_path: Path, identity: pyrage.x25519.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, seen = tmp_path / "99" / "bin" / "pg_dump", tmp_path / "seen"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\ntr "\\0" " " < /proc/$$/cmdline > {seen}\nexec {shutil.which("pg_dump")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(dumps, "PROGRAMS", tmp_path)
    async with town(tmp_path / "var", (service("ledger"),)) as here:
        url = as_administrator(here.standing.foundation.settings.database)
        monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
        monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
        monkeypatch.setenv("PLATEKEEPER_DATABASE", url)
        await asyncio.to_thread(backup.make, tmp_path / "backups", [str(identity.to_public())], now=NOW)
    password = make_url(url).password
    assert password
    assert password not in seen.read_text()
    assert "--dbname=postgresql://" in seen.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "{}/backups", "--recipient", "age1nobody"], "age1nobody: no age recipient"),
        (["--to", "{}/backups", "--recipient", "{recipient}"], "nothing is kept here yet"),
        (["--new-identity", "{}/identity.txt"], "File exists"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_left(
    tmp_path: Path,
    identity: pyrage.x25519.Identity,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))
    given = [word.format(tmp_path, recipient=identity.to_public()) for word in words]
    assert platekeeper("backup", *given) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("backups/*"))


def test_nothing_is_written_that_anybody_can_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        platekeeper("backup", "--to", str(tmp_path))
    assert "at least one --recipient" in capsys.readouterr().err
