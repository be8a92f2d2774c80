"""The key store: one key for a name in every process, wrapped on disk, and gone when its file is."""

import multiprocessing
import stat
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone
from platekeeper_common.keys import KEY_BYTES, KeyStore

NAME = "pomona-pd/2026-11-22/image"


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


def key_in(folder: Path) -> bytes:
    return KeyStore(folder).key(NAME)


def test_a_key_is_the_same_for_ever(keys: KeyStore, tmp_path: Path) -> None:
    key = keys.key(NAME)
    assert len(key) == KEY_BYTES
    assert keys.key(NAME) == keys.existing(NAME) == key_in(tmp_path / "keys") == key
    assert keys.key("pomona-pd/2026-11-23/image") != key


def test_the_first_of_many_threads_wins(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(key_in, [tmp_path / "keys"] * 64))
    assert len(found) == 1


def test_the_first_of_many_processes_wins(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as pool:
        found = set(pool.map(key_in, [tmp_path / "keys"] * 8))
    assert found == {key_in(tmp_path / "keys")}
    left = [path.name for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert sorted(left) == ["image.key", "kek"]


def test_a_disk_that_takes_no_key_is_away_and_nothing_is_left(keys: KeyStore, tmp_path: Path) -> None:
    in_the_way = tmp_path / "keys" / "pomona-pd"
    in_the_way.write_bytes(b"")
    with pytest.raises(Unavailable):
        keys.key(NAME)
    in_the_way.unlink()
    assert len(keys.key(NAME)) == KEY_BYTES


def test_no_file_holds_a_plain_key_and_none_is_for_others(keys: KeyStore, tmp_path: Path) -> None:
    key = keys.key(NAME)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    for path in (path for path in (tmp_path / "keys").rglob("*") if path.is_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert key not in path.read_bytes()


def test_a_destroyed_key_is_gone_from_the_running_process_too(keys: KeyStore, tmp_path: Path) -> None:
    key = keys.key(NAME)
    (tmp_path / "keys" / f"{NAME}.key").unlink()
    with pytest.raises(Gone) as gone:
        keys.existing(NAME)
    assert gone.value.code == "key_destroyed"
    assert keys.key(NAME) != key


def test_a_key_that_never_was_is_gone(keys: KeyStore) -> None:
    with pytest.raises(Gone):
        keys.existing(NAME)


def test_a_key_moved_to_another_name_does_not_open(keys: KeyStore, tmp_path: Path) -> None:
    keys.key(NAME)
    other = tmp_path / "keys" / "galt-pd" / "2026-11-22" / "image.key"
    other.parent.mkdir(parents=True)
    other.write_bytes((tmp_path / "keys" / f"{NAME}.key").read_bytes())
    with pytest.raises(ValueError, match="another key-encryption key"):
        keys.key("galt-pd/2026-11-22/image")


def test_an_altered_key_does_not_open(keys: KeyStore, tmp_path: Path) -> None:
    keys.key(NAME)
    path = tmp_path / "keys" / f"{NAME}.key"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ValueError, match="altered"):
        KeyStore(tmp_path / "keys").key(NAME)


def test_a_kept_secret_is_kept_once(keys: KeyStore) -> None:
    keys.keep("accounts/signing/first", b"a private key")
    assert keys.key("accounts/signing/first") == b"a private key"
    with pytest.raises(FileExistsError):
        keys.keep("accounts/signing/first", b"another")
    assert keys.names("accounts/signing") == ["accounts/signing/first"]
    assert keys.names("accounts/nothing") == []


@pytest.mark.parametrize("name", ["", "../kek", "/etc/passwd", "a//b", "a/../b", "A", "a/", ".a", "a/.b", "a b", "a\n"])
def test_a_name_that_leads_elsewhere_is_refused(keys: KeyStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a key's name"):
        keys.key(name)


@given(secret=st.binary(max_size=200), name=st.text(max_size=20), other=st.text(max_size=20))
def test_what_is_wrapped_unwraps_under_its_own_name_alone(
    tmp_path_factory: pytest.TempPathFactory, secret: bytes, name: str, other: str
) -> None:
    keys = KeyStore(tmp_path_factory.getbasetemp() / "wrapping")
    assert keys.unwrap(keys.wrap(secret, name), name) == secret
    if other != name:
        with pytest.raises(ValueError, match="another key-encryption key"):
            keys.unwrap(keys.wrap(secret, name), other)
