"""The key store, in a folder and in a bucket: one key for a name in every process, wrapped, and gone when destroyed."""

import asyncio
import multiprocessing
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import Outage, Place

from platekeeper_common import keys as key_store
from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone
from platekeeper_common.keys import KEY_BYTES, KeyStore, in_folder

NAME = "pomona-pd/2026-11-22/image"
KEK = bytes(range(KEY_BYTES))


@pytest.fixture
def keys(place: Place) -> KeyStore:
    return opened(place)


def opened(place: Place) -> KeyStore:
    """The store as another process opens it."""
    return KeyStore(KEK, place.shelf(), fresh=0)


def key_in(place: Place) -> bytes:
    """What another process takes for the key of NAME."""
    return asyncio.run(opened(place).key(NAME))


async def test_a_key_is_the_same_for_ever(keys: KeyStore, place: Place) -> None:
    key = await keys.key(NAME)
    assert len(key) == KEY_BYTES
    assert await keys.key(NAME) == await keys.existing(NAME) == await opened(place).key(NAME) == key
    assert await keys.key("pomona-pd/2026-11-23/image") != key


async def test_the_first_of_many_wins(place: Place) -> None:
    stores = [opened(place) for _ in range(16)]
    found = await asyncio.gather(*(store.key(NAME) for store in stores for _ in range(4)))
    assert len(set(found)) == 1


def test_the_first_of_many_processes_wins(place: Place) -> None:
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        found = set(pool.map(key_in, [place] * 8))
    assert found == {key_in(place)}
    assert list(place.files()) == [f"{NAME}.key"]


async def test_no_plain_key_is_kept(keys: KeyStore, place: Place) -> None:
    key = await keys.key(NAME)
    assert all(key not in data for data in place.files().values())


async def test_a_destroyed_key_is_gone_from_the_running_process_too(keys: KeyStore, place: Place) -> None:
    key = await keys.key(NAME)
    place.destroy(f"{NAME}.key")
    with pytest.raises(Gone) as gone:
        await keys.existing(NAME)
    assert gone.value.code == "key_destroyed"
    assert await keys.key(NAME) != key


async def test_the_owner_destroys_a_key_and_twice_is_the_same_as_once(keys: KeyStore, place: Place) -> None:
    key, other = await keys.key(NAME), await keys.key("pomona-pd/2026-11-23/image")
    assert f"{NAME}.key" in place.files()
    await keys.destroy(NAME)
    await keys.destroy(NAME)
    await keys.destroy("pomona-pd/1999-11-22/image")
    with pytest.raises(Gone):
        await keys.existing(NAME)
    assert [*place.files()] == ["pomona-pd/2026-11-23/image.key"]
    assert await keys.existing("pomona-pd/2026-11-23/image") == other
    with pytest.raises(Gone):
        await opened(place).existing(NAME)
    assert await opened(place).key(NAME) != key


async def test_a_key_that_never_was_is_gone(keys: KeyStore) -> None:
    with pytest.raises(Gone):
        await keys.existing(NAME)


async def test_a_key_moved_to_another_name_does_not_open(keys: KeyStore, place: Place) -> None:
    await keys.key(NAME)
    place.write("galt-pd/2026-11-22/image.key", place.files()[f"{NAME}.key"])
    with pytest.raises(ValueError, match="another key-encryption key"):
        await keys.key("galt-pd/2026-11-22/image")


async def test_an_altered_key_does_not_open(keys: KeyStore, place: Place) -> None:
    await keys.key(NAME)
    data = place.files()[f"{NAME}.key"]
    place.write(f"{NAME}.key", data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ValueError, match="altered"):
        await opened(place).key(NAME)


async def test_another_key_encryption_key_opens_nothing(keys: KeyStore, place: Place) -> None:
    await keys.key(NAME)
    with pytest.raises(ValueError, match="another key-encryption key"):
        await KeyStore(bytes(KEY_BYTES), place.shelf()).key(NAME)


async def test_a_kept_secret_is_kept_once(keys: KeyStore) -> None:
    assert await keys.names("accounts/signing") == []
    await keys.keep("accounts/signing/first", b"a private key")
    assert await keys.key("accounts/signing/first") == b"a private key"
    with pytest.raises(FileExistsError):
        await keys.keep("accounts/signing/first", b"another")
    await keys.keep("accounts/signing/below/second", b"of another folder")
    assert await keys.names("accounts/signing") == ["accounts/signing/first"]
    assert await keys.names("accounts/sign") == []


@pytest.mark.parametrize("name", ["", "../kek", "/etc/passwd", "a//b", "a/../b", "A", "a/", ".a", "a/.b", "a b", "a\n"])
async def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a key's name"):
        await in_folder(tmp_path).key(name)


async def test_what_a_bucket_said_is_believed_for_a_while_and_no_longer(place: Place) -> None:
    keys, theirs = KeyStore(KEK, place.shelf(), fresh=0.5), opened(place)
    key = await keys.key(NAME)
    place.destroy(f"{NAME}.key")
    with pytest.raises(Gone):
        await theirs.existing(NAME)
    await asyncio.sleep(0.6)
    with pytest.raises(Gone):
        await keys.existing(NAME)
    assert await keys.key(NAME) != key


async def test_many_who_ask_at_once_ask_once(place: Place) -> None:
    class Counted:
        def __init__(self) -> None:
            self.asked = 0
            self.shelf = place.shelf()

        async def create(self, path: str, data: bytes) -> bool:
            return await self.shelf.create(path, data)

        async def read(self, path: str) -> bytes | None:
            self.asked += 1
            return await self.shelf.read(path)

        async def names(self, folder: str) -> list[str]:
            return await self.shelf.names(folder)

        async def remove(self, path: str) -> None:
            await self.shelf.remove(path)

    counted = Counted()
    keys = KeyStore(KEK, counted)
    await asyncio.gather(*(keys.key(NAME) for _ in range(100)))
    await asyncio.gather(*(keys.existing(NAME) for _ in range(100)))
    assert counted.asked == 2, "once to find none, once to see whose key won"


def test_files_of_a_folder_are_for_nobody_else(tmp_path: Path) -> None:
    asyncio.run(in_folder(tmp_path / "keys").key(NAME))
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["image.key", "kek"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


async def test_a_disk_that_takes_no_key_is_away_and_nothing_is_left(tmp_path: Path) -> None:
    keys, in_the_way = in_folder(tmp_path), tmp_path / "pomona-pd"
    in_the_way.write_bytes(b"")
    with pytest.raises(Unavailable):
        await keys.key(NAME)
    in_the_way.unlink()
    assert len(await keys.key(NAME)) == KEY_BYTES


async def test_a_store_that_is_away_opens_nothing_but_what_is_known_is_written_under(outage: Outage) -> None:
    keys, strict = (KeyStore(KEK, outage.shelf(), fresh=0.01, outage=seconds) for seconds in (600, 0))
    key = await keys.key(NAME)
    assert await strict.key(NAME) == key
    outage.away()
    await asyncio.sleep(0.05)
    for attempt in (keys.existing(NAME), keys.key("pomona-pd/2026-11-23/image"), keys.names("pomona-pd")):
        with pytest.raises(Unavailable, match="key store"):
            await attempt
    assert await keys.key(NAME) == key
    with pytest.raises(Unavailable):
        await keys.existing(NAME)
    with pytest.raises(Unavailable):
        await strict.key(NAME)
    outage.back()
    assert await keys.key(NAME) == await keys.existing(NAME) == await strict.key(NAME) == key


@given(secret=st.binary(max_size=200), name=st.text(max_size=20), other=st.text(max_size=20))
def test_what_is_wrapped_unwraps_under_its_own_name_alone(
    tmp_path_factory: pytest.TempPathFactory, secret: bytes, name: str, other: str
) -> None:
    keys = in_folder(tmp_path_factory.getbasetemp() / "wrapping")
    assert keys.unwrap(keys.wrap(secret, name), name) == secret
    if other != name:
        with pytest.raises(ValueError, match="another key-encryption key"):
            keys.unwrap(keys.wrap(secret, name), other)


def test_a_key_encryption_key_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kek").write_bytes(os.urandom(KEY_BYTES) + b"\n")
    with pytest.raises(ValueError, match=r"PLATEKEEPER_KEK_FILE: .* must hold 32 random bytes, not 33"):
        key_store.read_kek(tmp_path / "kek", variable="PLATEKEEPER_KEK_FILE")
    with pytest.raises(ValueError, match=r"PLATEKEEPER_KEK_FILE: .* cannot be read"):
        key_store.read_kek(tmp_path / "none", variable="PLATEKEEPER_KEK_FILE")
