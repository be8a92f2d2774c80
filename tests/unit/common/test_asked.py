"""The record of a refusal says what was asked for, and for which use, as far as that can be told."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import rfc8785
from folders import contents
from hypothesis import given
from hypothesis import strategies as st
from profiles import department
from standing import Town, eventually
from starlette.requests import Request
from unit.common.kiosk.service import Kiosk

from platekeeper_common import asked
from platekeeper_common.access import NOT_STATED, Use, unseal
from platekeeper_common.shared_policy import UsePolicy

NOTES = "/v1/kiosk/notes"
PLATE = "7KXQ042"
POLICY = department("pomona").section(UsePolicy)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def request(query: dict[str, str], *body: bytes) -> Request:
    return Request({"type": "http", "query_string": urlencode(query).encode(), "state": {"sent": list(body)}})


@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8"))))
def test_a_query_string_is_told_by_name(query: dict[str, str]) -> None:
    assert asked.elements(request(query)) in (query, {})


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_was_sent_can_be_written_and_its_use_told(body: bytes) -> None:
    found = asked.elements(request({}, body[:5], body[5:]))
    assert len(rfc8785.dumps(found)) <= asked.MOST_BYTES
    assert asked.use(found, POLICY).purpose in (NOT_STATED, *POLICY.purposes)


def test_what_is_too_long_or_cannot_be_written_is_left_out() -> None:
    query = {"purpose": "stolen_vehicle"}
    for body in (
        b'{"plate": 1e400}',
        b'{"plate": 9007199254740993}',
        b'{"plate": "\\ud800"}',
        b"[" * 5_000,
        b"[1]",
        b"",
    ):
        assert asked.elements(request(query, body)) == query
    assert asked.elements(request(query, b'{"plate": "%s"}' % (b"A" * asked.MOST_BYTES))) == query
    assert asked.elements(request({"plate": "A" * asked.MOST_BYTES})) == {}
    assert asked.elements(request(query, b'{"plate": ', b'"7KXQ042"}')) == query | {"plate": PLATE}


@pytest.mark.parametrize("stated", [PLATE, "", ["stolen_vehicle"], None, 7])
def test_what_no_policy_knows_never_stands_unsealed(stated: Any) -> None:
    told = {"purpose": stated, "matter_type": stated, "matter_number": "26-1\n0442", "requested_by": "A" * 121}
    assert asked.use(told, POLICY) == Use(purpose=NOT_STATED, matter_type="")
    assert asked.use({"purpose": "stolen_vehicle"}, None).purpose == NOT_STATED


@pytest.mark.clause("G3")
async def test_a_refusal_is_recorded_with_what_was_asked_sealed(here: Town, kiosk: Kiosk, tmp_path: Path) -> None:
    use = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-10442", "requested_by": "Vega"}
    async with here.client(here.person(trained=False)) as client:
        answer = await client.post(NOTES, json={"text": PLATE}, params=use)
    assert (answer.status_code, answer.json()["code"]) == (403, "training_missing")
    await eventually(lambda: kiosk.heard)
    [record] = kiosk.heard
    assert {name: getattr(record, name) for name in use} == use
    assert record.query is not None
    told = json.loads(await unseal(here.standing.foundation.keys, record.id, record.query))
    assert told == use | {"text": PLATE, "asked": f"POST {NOTES}"}
    assert not any(PLATE.encode() in data for data in contents(tmp_path).values())
