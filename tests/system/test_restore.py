"""`platekeeper restore`: a backup becomes a platform that searches again (G1), and nothing is overwritten."""

import asyncio
import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import databases
import places
import pyrage
import pytest
from commands import platekeeper
from databases import as_administrator, on_both
from standing import POLICIES, Town, town
from unit.retention.office import a_read, publish, search, settled

from platekeeper import backup
from platekeeper.registry import SERVICES, service
from platekeeper_common.ids import AgencyId
from platekeeper_common.provision import every_role, provision

PLATE = "8QXJ417"
KEEPERS = AgencyId("keepers")
pytestmark = pytest.mark.clause("G1")
Says = pytest.CaptureFixture[str]


class Desk:
    """Who backs up and restores: an identity, and folders for the platform that was and the one that will be."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, patch
        self.old, self.new, self.identity = folder / "old", folder / "new", folder / "identity.txt"
        self.recipient = backup.make_identity(self.identity)
        patch.setenv("PLATEKEEPER_POLICIES", str(POLICIES))

    def at(self, var: Path, database: str = "") -> None:
        """The settings of the commands that follow."""
        self._patch.setenv("PLATEKEEPER_VAR", str(var))
        self._patch.setenv("PLATEKEEPER_DATABASE", database)

    def keep_keys(self) -> None:
        """The key store, which is in no backup, is put where the new platform will be."""
        shutil.copytree(self.old / "keys", self.new / "keys")

    async def back_up(self, here: Town, *, now: datetime | None = None, objects: bool = False) -> Path:
        """A backup of what stands, made now or when it is said."""
        url = here.standing.foundation.settings.database
        self.at(self.old, as_administrator(url) if url else "")
        made = partial(backup.make, self.folder / "backups", [self.recipient], objects=objects)
        return await asyncio.to_thread(made, now=now or datetime.now(UTC))

    def restore(self, file: Path, *more: object) -> int:
        """The command's exit status."""
        return platekeeper("restore", file, "--identity", self.identity, *more)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


async def found(here: Town) -> list[str]:
    """The plates that an officer of the agency finds."""
    async with here.client(here.person(agency_id=KEEPERS)) as client:
        return [read["plate"] for read in (await search(client, plate=PLATE))["reads"]]


@on_both
async def test_a_restored_platform_finds_the_reads_again_and_stores_new_ones(desk: Desk, engine: str) -> None:
    passwords = desk.folder / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(every_role(SERVICES), databases.PASSWORD)))
    async with town(desk.old, (service("retention"),)) as here:
        await here.open_agency(KEEPERS)
        await publish(here, a_read(1, plate=PLATE, agency_id=KEEPERS), agency_id=KEEPERS)
        await settled(here)
        assert await found(here) == [PLATE]
        file = await desk.back_up(here)
        url = here.standing.foundation.settings.database
    desk.keep_keys()
    if engine == "sqlite":
        desk.at(desk.new)
    else:
        # Another server: it has neither the database nor the role of the agency, which no dump holds.
        databases.drop()
        await databases.forget_role(f"retention_of_{KEEPERS}")
        administrator = as_administrator(url) + "_restored"
        databases.stand_on(desk.new, administrator)
        desk.at(desk.new, administrator)
    assert await asyncio.to_thread(desk.restore, file, "--passwords", passwords) == 0
    assert not list(desk.new.glob(".making-*"))
    async with town(desk.new, (service("retention"),)) as here:
        await here.open_agency(KEEPERS)
        assert await found(here) == [PLATE]
        await publish(here, a_read(2, plate=PLATE, agency_id=KEEPERS), agency_id=KEEPERS)
        await settled(here)
        assert await found(here) == [PLATE, PLATE]


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_migrate_makes_the_roles_of_agencies_whose_reads_are_there(desk: Desk) -> None:
    retention, role = service("retention"), f"retention_of_{KEEPERS}"
    async with town(desk.old, (retention,)) as here:
        await here.open_agency(KEEPERS)
        await publish(here, a_read(1, plate=PLATE, agency_id=KEEPERS), agency_id=KEEPERS)
        await settled(here)
        url = as_administrator(here.standing.foundation.settings.database)
    await databases.run(f"{url}?schema=retention", f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')
    await provision(url, [retention])
    member = f"SELECT pg_has_role('retention_api', '{role}', 'MEMBER')"
    assert databases.rows(f"{url}?schema=retention", member) == [(True,)]
    async with town(desk.old, (retention,)) as here:
        await here.open_agency(KEEPERS)
        assert await found(here) == [PLATE]


async def test_nothing_is_restored_over_what_is_there(desk: Desk, capsys: Says) -> None:
    async with town(desk.old, (service("ledger"),)) as here:
        file = await desk.back_up(here)
    assert desk.restore(file) == 1
    assert f"{desk.old / 'db'} is not empty" in capsys.readouterr().err
    desk.at(desk.new)
    assert desk.restore(file) == 1
    assert "put the key store back first" in capsys.readouterr().err
    assert not (desk.new / "db").exists()


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_nor_over_a_database_that_has_tables(desk: Desk, capsys: Says) -> None:
    async with town(desk.old, (service("ledger"),)) as here:
        file = await desk.back_up(here)
        desk.at(desk.new, as_administrator(here.standing.foundation.settings.database))
        desk.keep_keys()
        assert await asyncio.to_thread(desk.restore, file) == 1
    assert "the database is not empty, it has ledger." in capsys.readouterr().err


async def test_what_cannot_be_restored_is_said_and_nothing_is_put(desk: Desk, capsys: Says) -> None:
    async with town(desk.old, (service("ledger"),)) as here:
        file = await desk.back_up(here)
        old = await desk.back_up(here, now=datetime.now(UTC) - timedelta(days=35))
    desk.keep_keys()
    desk.at(desk.new)
    stranger, changed, cut = (desk.folder / name for name in ("stranger.txt", "changed", "cut"))
    backup.make_identity(stranger)
    sealed = bytearray(file.read_bytes())
    cut.write_bytes(sealed[: len(sealed) // 2])
    sealed[len(sealed) // 2] ^= 1
    changed.write_bytes(sealed)
    smuggled = packed(desk, "../../keys/kek")
    for path, identity, said in (
        (file, stranger, "does not open"),
        (changed, desk.identity, "does not open"),
        (cut, desk.identity, "does not open"),
        (smuggled, desk.identity, "../../keys/kek is nothing that a backup holds"),
        (packed(desk, "db/ledger.sqlite"), desk.identity, "cut short, its manifest is missing"),
        (old, desk.identity, "policy let this backup live until"),
        (file, POLICIES / "pomona.toml", "no age identity"),
        (desk.folder / "none", desk.identity, "No such file"),
    ):
        assert platekeeper("restore", path, "--identity", identity) == 1
        assert said in capsys.readouterr().err
    assert {path.name for path in desk.new.iterdir()} <= {"keys", "lock"}


def packed(desk: Desk, name: str) -> Path:
    """A backup of somebody else's making with one file in it."""
    plain, sealed = desk.folder / "plain", desk.folder / f"{name.replace('/', '-')}.age"
    with tarfile.open(plain, "w") as archive:
        archive.add(desk.identity, arcname=name)
    recipient = pyrage.x25519.Recipient.from_str(desk.recipient)
    sealed.write_bytes(pyrage.encrypt(plain.read_bytes(), [recipient]))
    return sealed


async def test_policies_that_are_others_by_now_are_kept_beside_and_told(
    desk: Desk, capsys: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(desk.old, (service("ledger"),)) as here:
        file = await desk.back_up(here)
    desk.keep_keys()
    desk.at(desk.new)
    other = tmp_path / "policies"
    shutil.copytree(POLICIES, other)
    (other / "galt.toml").write_text((other / "galt.toml").read_text() + "\n# changed\n")
    monkeypatch.setenv("PLATEKEEPER_POLICIES", str(other))
    assert await asyncio.to_thread(desk.restore, file) == 0
    assert f"galt.toml in {other} are not what they were" in capsys.readouterr().out
    kept = desk.new / "policies-of-the-backup" / "galt.toml"
    assert kept.read_bytes() == (POLICIES / "galt.toml").read_bytes()


async def test_objects_of_a_bucket_go_into_the_bucket_that_is_there_now(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    was, path = places.bucket(monkeypatch), "pomona/2026-11-22/image/frame"
    monkeypatch.setenv("PLATEKEEPER_OBJECTS", str(was.url))
    assert await was.store().create(path, b"sealed")
    async with town(desk.old, (service("ledger"),)) as here:
        file = await desk.back_up(here, objects=True)
    desk.keep_keys()
    desk.at(desk.new)
    now = places.bucket(monkeypatch)
    monkeypatch.setenv("PLATEKEEPER_OBJECTS", str(now.url))
    assert await asyncio.to_thread(desk.restore, file) == 0
    assert await now.store().read(path) == b"sealed"
    assert not (desk.new / "objects").exists()
