"""Derived ids end every retry in the same thing; random ids sort by when they were made."""

import hmac
import time
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common import ids
from platekeeper_common.ids import Ids

KEY = bytes(range(32))
IDS = Ids(KEY)

moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
parts = st.lists(st.text() | st.integers() | st.binary() | moments, max_size=4).map(tuple)


@given(st.text(), parts)
def test_the_same_parts_give_the_same_id_for_ever(kind: str, given_parts: tuple[str, ...]) -> None:
    derived = IDS.derive(kind, *given_parts)
    assert Ids(KEY).derive(kind, *given_parts) == derived
    assert (UUID(derived).version, UUID(derived).variant) == (8, "specified in RFC 4122")


@given(st.binary(min_size=32, max_size=130), st.lists(st.text(), max_size=3))
def test_an_id_is_an_hmac_of_its_parts(key: bytes, texts: list[str]) -> None:
    said = b"".join(len(data).to_bytes(4, "big") + data for data in (f"s{text}".encode() for text in ("kind", *texts)))
    whole = int.from_bytes(hmac.digest(key, said, "sha256")[:16], "big")
    expected = UUID(int=(whole & ~(0xF << 76) | 8 << 76) & ~(0x3 << 62) | 0x2 << 62)
    assert Ids(key).derive("kind", *texts) == str(expected)


def test_an_id_of_today_is_an_id_of_tomorrow() -> None:
    captured_at = datetime(2026, 11, 22, 18, 0, 0, 120_000, tzinfo=UTC)
    assert IDS.derive("frame", "cam-1", "42", captured_at, b"\x01\x02") == "9b071b4f-0b1e-8087-bfa2-c2807ab1089a"


@given(parts, parts)
def test_other_parts_give_another_id(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    same = [(type(part), part) for part in first] == [(type(part), part) for part in second]
    assert (IDS.derive("read", *first) == IDS.derive("read", *second)) is same


@given(st.text(min_size=1), st.text())
def test_parts_that_concatenate_alike_are_not_alike(first: str, second: str) -> None:
    assert IDS.derive("read", first, second) != IDS.derive("read", "", first + second)
    assert IDS.derive("read" + first, second) != IDS.derive("read", first + second)


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_a_moment_counts_and_not_how_it_is_written(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert IDS.derive("frame", elsewhere) == IDS.derive("frame", moment)


def test_another_key_gives_another_id() -> None:
    assert Ids(bytes(32)).derive("read", "7KXQ042") != IDS.derive("read", "7KXQ042")


def test_a_naive_moment_makes_no_id() -> None:
    with pytest.raises(ValueError, match="time zone"):
        IDS.derive("frame", datetime(2026, 11, 22))  # noqa: DTZ001 - the point


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Ids(bytes(31))


def test_new_ids_are_many_and_sort_by_the_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = [ids.new() for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert len(set(made)) == len(made)
    assert {(UUID(one).version, UUID(one).variant) for one in made} == {(7, "specified in RFC 4122")}
    stamps = [UUID(one).int >> 80 for one in made]
    assert stamps == sorted(stamps)
    assert before <= stamps[0] <= stamps[-1] <= after
