"""Every event type has a golden file; what it says is understood for ever."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from contracts.events.expected import EXPECTED

from platekeeper_common.events.catalogue import EVENTS, decode
from platekeeper_common.events.envelope import Envelope, Event, Undecodable, encode

FOLDER = Path(__file__).parent
by_type = pytest.mark.parametrize("event", EXPECTED, ids=lambda event: event.type)


def golden(event: Event) -> bytes:
    return (FOLDER / f"{event.type}.json").read_bytes()


def with_strange_fields(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: with_strange_fields(inner) for name, inner in value.items()} | {"strange": {"new": [1]}}
    if isinstance(value, list):
        return [with_strange_fields(inner) for inner in value]
    return value


def says(value: Any, kept: Any) -> bool:
    """Whether `value` holds all that `kept` holds; fields may have come, none may have gone or changed."""
    if isinstance(kept, dict):
        return isinstance(value, dict) and all(name in value and says(value[name], kept[name]) for name in kept)
    if isinstance(kept, list):
        return isinstance(value, list) and len(value) == len(kept) and all(map(says, value, kept))
    return bool(value == kept)


def test_every_event_type_has_a_golden_file_and_every_file_a_type() -> None:
    types = {event.type for event in EVENTS}
    assert {path.name.removesuffix(".json") for path in FOLDER.glob("*.json")} == types
    assert {event.type for event in EXPECTED} == types


def test_every_type_names_its_version_and_its_topic() -> None:
    for event in EVENTS:
        name, _, version = event.type.rpartition(".v")
        assert (name, version.isdigit()) == (event.topic.name, True)


@by_type
def test_the_golden_file_decodes_to_the_expected_event(event: Event) -> None:
    assert decode(golden(event)) == event


@by_type
def test_encoding_again_keeps_all_that_the_golden_file_says(event: Event) -> None:
    kept = json.loads(golden(event))
    again = json.loads(encode(event, source="test", at=msgspec.json.decode(golden(event), type=Envelope).time))
    own = {"id": again["id"], "source": "/test"}
    assert says(again, kept | own)


@by_type
def test_unknown_fields_are_ignored_at_every_depth(event: Event) -> None:
    strange = with_strange_fields(json.loads(golden(event)))
    assert decode(json.dumps(strange).encode()) == event


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"type":"frame.captured.v1"}'])
def test_what_is_no_event_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)


def test_a_type_that_nobody_knows_is_undecodable_by_name() -> None:
    known = json.loads(golden(EXPECTED[0]))
    with pytest.raises(Undecodable, match=r"frame\.guessed\.v1"):
        decode(json.dumps(known | {"type": "frame.guessed.v1"}).encode())
