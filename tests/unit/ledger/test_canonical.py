"""The bytes of an access record, which stand in the Merkle tree for ever."""

import base64
import hashlib
import json
import random
import re
import string
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from unit.ledger.samples import administered, looked_up, refused

from platekeeper_access_audit.ledger import domain
from platekeeper_common.events.access import AccessRecorded, Sealed

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))
SAMPLES = {
    "looked_up": looked_up(),
    "administered": administered(),
    "refused": refused(),
    "delegated": looked_up(actor="service:release", authority="release:019c0000-0000-7000-8000-000000000009"),
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = texts.filter(bool)
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)).map(  # noqa: DTZ001 - made aware below
    lambda moment: moment.replace(microsecond=moment.microsecond // 10_000 * 10_000, tzinfo=UTC)
)
fields: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("agency_id", "id", "producer", "action", "subject", "username", "name", "organisation"), words),
    **{
        name: st.none() | texts
        for name in ("title", "device", "address", "session", "purpose", "matter_type", "matter_number")
    },
    **{name: st.none() | texts for name in ("requested_by", "object_type", "object_id", "code", "clause")},
    **{name: st.none() | texts for name in ("actor", "authority", "post", "matter_session")},
    **{name: st.none() | texts for name in ("unit", "shift", "context", "terminal")},
    "number_pending": st.none() | st.booleans(),
    "policy_version": texts,
    "number": st.integers(1, domain.MOST),
    "count": st.integers(1, domain.MOST),
    "result_count": st.none() | st.integers(0, domain.MOST),
    "result_ids": st.lists(texts, max_size=3).map(tuple),
    "at": moments,
    "kind": st.sampled_from(["plate_data", "administration"]),
    "outcome": st.sampled_from(["allowed", "refused", "failed"]),
    "salt": st.binary(min_size=16, max_size=16).map(lambda salt: base64.b64encode(salt).decode()),
    "query": st.none() | st.builds(Sealed, texts, texts, texts),
}
records = st.builds(AccessRecorded, **fields)


def test_the_strategies_know_every_field() -> None:
    assert set(fields) == set(AccessRecorded.__struct_fields__)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_golden_bytes_never_change(name: str) -> None:
    golden = GOLDEN[name]
    decoded = msgspec.convert(golden["event"], AccessRecorded)
    assert decoded == SAMPLES[name]
    assert domain.canonical(decoded).decode() == golden["canonical"]
    assert domain.leaf_hash(decoded.salt, domain.canonical(decoded)).hex() == golden["leaf_hash"]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_golden_leaf_is_what_anyone_can_calculate(name: str) -> None:
    golden = GOLDEN[name]
    leaf = base64.b64decode(golden["event"]["salt"]) + golden["canonical"].encode()
    assert hashlib.sha256(b"\x00" + leaf).hexdigest() == golden["leaf_hash"]
    content = json.loads(golden["canonical"])
    assert (content.pop("type"), content.pop("at")) == ("access.recorded.v1", "2026-11-22T18:00:00.12Z")
    event = {key: value for key, value in golden["event"].items() if key not in ("salt", "at")}
    assert content == {key: value for key, value in event.items() if value is not None}


@given(records)
def test_the_bytes_are_those_of_rfc_8785(record: AccessRecorded) -> None:
    content = {name: value for name, value in msgspec.structs.asdict(record).items() if value is not None}
    del content["salt"]
    content |= {"type": record.type, "at": domain.timestamp(record.at)}
    if record.query is not None:
        content["query"] = msgspec.structs.asdict(record.query)
    assert domain.canonical(record) == rfc8785.dumps(content)


@pytest.mark.parametrize("more", [{"name": "\ud800"}, {"result_count": 2**53}, {"result_count": -(2**53)}])
def test_what_rfc_8785_cannot_say_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="canonically"):
        domain.whole(looked_up(**more))


@given(records)
def test_the_bytes_say_all_but_the_salt(record: AccessRecorded) -> None:
    content = json.loads(domain.canonical(record))
    assert content.pop("type") == "access.recorded.v1"
    assert msgspec.convert(content | {"salt": record.salt}, AccessRecorded) == record


@given(records, st.randoms())
def test_the_order_of_what_came_is_irrelevant(record: AccessRecorded, dice: random.Random) -> None:
    items = list(json.loads(msgspec.json.encode(record)).items())
    dice.shuffle(items)
    again = msgspec.json.decode(json.dumps(dict(items)), type=AccessRecorded)
    assert domain.canonical(again) == domain.canonical(record)


@given(records, st.sampled_from(sorted(fields)), st.data())
def test_any_change_changes_the_leaf(record: AccessRecorded, name: str, data: st.DataObject) -> None:
    other = data.draw(fields[name].filter(lambda value: value != getattr(record, name)))
    changed = msgspec.structs.replace(record, **{name: other})
    before, after = domain.canonical(record), domain.canonical(changed)
    assert (before == after) is (name == "salt")
    assert domain.leaf_hash(record.salt, before) != domain.leaf_hash(changed.salt, after)


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_a_moment_has_one_form_in_hundredths(moment: datetime, minutes: int) -> None:
    text = domain.timestamp(moment)
    assert domain.timestamp(moment.astimezone(timezone(timedelta(minutes=minutes)))) == text
    assert datetime.fromisoformat(text) == moment
    assert len(text) == len("2026-11-22T18:00:00.12Z")


@pytest.mark.parametrize("hundredths", [0, 1, 9, 10, 99])
def test_hundredths_always_have_two_digits(hundredths: int) -> None:
    moment = datetime(2026, 11, 22, 18, 0, 0, hundredths * 10_000, tzinfo=UTC)
    assert domain.timestamp(moment) == f"2026-11-22T18:00:00.{hundredths:02d}Z"


@pytest.mark.parametrize("moment", [datetime(2026, 11, 22), datetime(2026, 11, 22, 0, 0, 0, 1, tzinfo=UTC)])  # noqa: DTZ001
def test_a_moment_that_hundredths_cannot_say_is_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match="hundredths"):
        domain.timestamp(moment)


@pytest.mark.clause("G3")
@pytest.mark.parametrize(
    ("record", "fault"),
    [
        *((looked_up(**{name: ""}), f"plate_data needs {name}") for name in ("username", "organisation", "purpose")),
        (looked_up(purpose=None), "plate_data needs purpose"),
        (looked_up(query=None), "plate_data needs query"),
        (administered(object_type=None), "administration needs object_type"),
        (administered(object_id=""), "administration needs object_id"),
        (looked_up(number=0), "start at 1"),
        (looked_up(count=0), "start at 1"),
        (looked_up(number=2**53), "canonically"),
        (looked_up(at=datetime(2026, 11, 22, 18, 0, 0, 1, tzinfo=UTC)), "canonically"),
        (looked_up(at=datetime(2026, 11, 22, 18)), "canonically"),  # noqa: DTZ001
        (looked_up(salt="AAAA"), "salt"),
        (looked_up(salt="AAECAwQFBgcICQoLDA0ODx=="), "salt"),
        (looked_up(salt="not base64"), "salt"),
        (refused(code=None), "a refusal needs its code"),
        (looked_up(query=Sealed("galt-pd/access/2026-11", "", "")), "key of agency and month"),
        (looked_up(query=Sealed("pomona-pd/access/2026-12", "", "")), "key of agency and month"),
    ],
)
def test_a_record_that_is_not_whole_is_told_so(record: AccessRecorded, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        domain.whole(record)


def test_whole_records_are_their_canonical_bytes() -> None:
    assert [domain.whole(record) for record in SAMPLES.values()] == [domain.canonical(one) for one in SAMPLES.values()]


@given(moments, st.integers(0, domain.MOST))
def test_a_cursor_reads_back(at: datetime, position: int) -> None:
    cursor = domain.Cursor(at, position)
    assert domain.Cursor.parse(str(cursor)) == cursor


@given(st.text(string.printable, max_size=40))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, it is a ValueError
        domain.Cursor.parse(text)
