"""What is decoded in one step is what the document would have read; what is wrong is left to the document."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from platekeeper_ingest import plain_reads
from platekeeper_ingest.documents import EdgeRead

PLAIN: dict[str, Any] = {
    "read_id": "8f2c",
    "camera_id": "0198c000-0000-7000-8000-000000000001",
    "plate": "8ABC123",
    "confidence": 0.97,
    "captured_at": "2026-11-22T10:00:00.120-08:00",
}
MORE: dict[str, Any] = {
    "position": {"latitude": 34.0553, "longitude": -117},
    "heading": 359.5,
    "lane": "2",
    "state": "CA",
    "candidates": [{"plate": "8ABC123", "confidence": 1}, {"plate": "BABC123", "confidence": 0}],
    "box": {"x": 0, "y": 100_000, "width": 1, "height": 44},
    "model": {"name": "roadside", "version": "4.1", "checksum": "ab" * 32},
    "crop": None,
}
MOMENTS = (
    *("2026-11-22T10:00:00Z", "2026-11-22 10:00:00Z", "2026-11-22t10:00:00z", "2026-11-22T10:00:00.1234567Z"),
    *("2026-11-22T10:00:00.123456Z", "2026-11-22T10:00:00.9999999Z", "2026-11-22T10:00:60Z", "2026-11-22T24:00:00Z"),
    *("2026-11-22T10:00Z", "2026-11-22T10:00:00+0800", "2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+23:59"),
    *("2026-11-22T10:00:00,5Z", "2026-02-30T10:00:00Z", "0001-01-01T00:00:00+10:00", "2026-11-22T10:00:00"),
    *(
        "1764000000",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "٢026-11-22T10:00:00Z",
        "9999-12-31T23:59:59Z",
    ),
    *(
        "2026-11-22T10:00:00.120Z\n",
        "2026-11-22T10:00:00.12Z",
        "2026-11-22T10:00:00-00:00",
        "2026-11-22T10:00:00+05:60",
    ),
)
TEXTS = st.one_of(
    st.text(max_size=140),
    st.sampled_from(
        ["", " a", "a ", "a\n", "\u00a0a", "a\tb", "\u200b", "x" * 32, "x" * 33, "x" * 128, "x" * 129, "CA\n"]
    ),
)
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.sampled_from([0, 1, 1.0, 90, 180, 360, 100_000.0]))
ANYTHING = st.one_of(
    *(st.none(), st.booleans(), TEXTS, NUMBERS, st.sampled_from(MOMENTS)),
    st.lists(TEXTS, max_size=2),
    st.lists(st.fixed_dictionaries({"plate": TEXTS, "confidence": NUMBERS}), max_size=22),
    st.dictionaries(st.sampled_from(["latitude", "longitude", "x", "y", "name", "version", "a"]), NUMBERS | TEXTS),
)
CHANGES = st.dictionaries(st.sampled_from([*PLAIN, *MORE, "unknown"]), ANYTHING, max_size=3)


@given(st.sets(st.sampled_from([*MORE])), CHANGES, st.sets(st.sampled_from([*PLAIN]), max_size=1), st.booleans())
def test_a_plain_read_is_what_its_document_says(
    said: set[str], changed: dict[str, Any], left_out: set[str], written_out: bool
) -> None:
    sent = PLAIN | {name: MORE[name] for name in sorted(said)} | changed
    _same(json.dumps({name: value for name, value in sent.items() if name not in left_out}, ensure_ascii=written_out))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_is_the_same_by_both_ways(moment: str) -> None:
    _same(json.dumps(PLAIN | {"captured_at": moment}))


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ('"plate": "8ABC123"', '"plate": "8ABC123", "plate": "OTHER"'),
        ('"plate": "8ABC123"', '"plate": "\\ud800"'),
        ('"plate": "8ABC123"', '"plate": "\\ud83d\\ude97"'),
        ("0.97", "1e-400"),
        ("0.97", "0.97000000000000000000000001"),
        ("0.97", "1E0"),
        ("0.97", "-0"),
        ("0.97", "1e400"),
        ("0.97", "NaN"),
        ("0.97", "00.97"),
        ("}", ",}"),
        ("}", "} x"),
        ("}", ', "crop": "aGVsbG8="}'),
        ("}", ', "box": {"x": 1.0, "y": 2, "width": 3, "height": 4}}'),
        ("}", ', "candidates": null}'),
    ],
)
def test_json_itself_is_read_the_same_way(part: str, instead: str) -> None:
    _same(json.dumps(PLAIN).replace(part, instead))


def test_what_devices_usually_send_is_plain() -> None:
    for sent in (PLAIN, PLAIN | MORE, PLAIN | {"captured_at": "2026-11-22T18:00:00.120000+00:00"}):
        assert plain_reads.read(json.dumps(sent).encode()) is not None


def test_what_nests_without_end_is_not_plain() -> None:
    assert plain_reads.read(b'{"box": ' + b'{"x":' * 100_000 + b"}") is None


def _same(written: str) -> None:
    item = written.encode("utf-8", "surrogatepass")
    plain = plain_reads.read(item)
    if plain is None:
        return
    try:
        read = EdgeRead.model_validate_json(item).read()
    except ValidationError as error:
        raise AssertionError(f"taken, but the document refuses it: {error}") from error
    assert plain == read
    assert repr(plain.sighting.captured_at.astimezone()) == repr(read.sighting.captured_at.astimezone())
