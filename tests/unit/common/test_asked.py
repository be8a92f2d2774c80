"""The record of a refusal says what was asked for, and for which use, as far as that can be told."""

import json
from contextlib import suppress
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
from starlette.datastructures import Headers
from starlette.requests import Request
from unit.common.kiosk.service import Kiosk, router

from platekeeper_common import asked
from platekeeper_common.access import NOT_STATED, Use, unseal
from platekeeper_common.asked import UNTOLD
from platekeeper_common.bodies import Sent, Unreadable
from platekeeper_common.shared_policy import UsePolicy

NOTES = "/v1/kiosk/notes"
PLATE = "7KXQ042"
[NOTES_ROUTE] = [route for route in router.routes if getattr(route, "name", "") == "write"]
POLICY = department("pomona").section(UsePolicy)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def request(query: dict[str, str], body: bytes = b"") -> Request:
    """A request whose body came to a route that takes JSON, as far as it could be read."""
    sent = Sent(Headers({"content-type": "application/json", "content-length": str(len(body))}))
    with suppress(Unreadable):
        sent.take(NOTES_ROUTE, {"type": "http.request", "body": body[:5], "more_body": True})
        sent.take(NOTES_ROUTE, {"type": "http.request", "body": body[5:]})
    return Request({"type": "http", "query_string": urlencode(query).encode(), "state": {"sent": sent}})


def told(query: dict[str, str], body: bytes = b"") -> dict[str, Any]:
    """The elements and, under its own name, why others are not among them; checked for their length."""
    found = asked.elements(request(query, body))
    assert len(rfc8785.dumps({name: value for name, value in found.items() if name != UNTOLD})) <= asked.MOST_BYTES
    return found


@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8"))))
def test_a_query_string_is_told_by_name(query: dict[str, str]) -> None:
    found = told(query)
    why = found.pop(UNTOLD, None)
    assert found.items() <= query.items()
    assert (why is None) == (found == query)


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_was_sent_can_be_written_and_its_use_told(body: bytes) -> None:
    found = told({}, body)
    assert asked.use(found, POLICY).purpose in (NOT_STATED, *POLICY.purposes)


@pytest.mark.clause("G3")
@pytest.mark.parametrize(
    ("body", "more", "why"),
    [
        (b"", {}, None),
        (b'{"plate": "7KXQ042"}', {"plate": PLATE}, None),
        (b'\xef\xbb\xbf{"plate": "7KXQ042"}', {"plate": PLATE}, None),
        (b'{"plate": "7KXQ042\\u0000"}', {"plate": f"{PLATE}\0"}, None),
        (b'{"plate": "7KXQ042", "more": "%s"}' % (b"A" * asked.MOST_BYTES), {"plate": PLATE}, "left out"),
        (b'{"plate": "7KXQ042", "more": 9007199254740993}', {"plate": PLATE}, "left out, too long or no canonical"),
        (b'{"plate": "7KXQ042", "more": "\\ud800"}', {"plate": PLATE}, "left out, too long or no canonical JSON: 1"),
        (b'{"plate": "7KXQ042", "untold": "nothing"}', {"plate": PLATE}, "left out, too long or no canonical JSON: 1"),
        (b'{"plate": 1e400}', {}, "a number beyond"),
        (b'{"plate": NaN}', {}, "no number NaN"),
        (b'{"plate": ' + b"1" * 5_000 + b"}", {}, "more digits"),
        (b"[" * 5_000, {}, "more levels"),
        (b'{"plate"', {}, "no JSON at character 8"),
        (b"[1]", {}, "no JSON object"),
        ('{"plate": "7KXQ042"}'.encode("utf-16"), {}, "UTF-8"),
        (b'{"plate": "\xe9"}', {}, "UTF-8"),
    ],
)
def test_what_cannot_be_told_is_left_out_and_the_record_says_so(
    body: bytes, more: dict[str, Any], why: str | None
) -> None:
    found = told({"purpose": "stolen_vehicle"}, body)
    said = found.pop(UNTOLD, None)
    assert found == {"purpose": "stolen_vehicle"} | more
    assert said is None if why is None else why in said


def test_of_very_many_elements_some_are_told() -> None:
    many = {f"{number:05}": "A" for number in range(100_000)}
    assert 200 < len(told(many)) < asked.MOST_NAMES
    assert told({"plate": "A" * asked.MOST_BYTES}).keys() == {UNTOLD}


@pytest.mark.parametrize("stated", [PLATE, "", ["stolen_vehicle"], None, 7])
def test_what_no_policy_knows_never_stands_unsealed(stated: Any) -> None:
    elements = {"purpose": stated, "matter_type": stated, "matter_number": "26-1\n0442", "requested_by": "A" * 121}
    assert asked.use(elements, POLICY) == Use(purpose=NOT_STATED, matter_type="")
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
    sealed = json.loads(await unseal(here.standing.foundation.keys, record.id, record.query))
    assert sealed == use | {"text": PLATE, "asked": f"POST {NOTES}"}
    assert not any(PLATE.encode() in data for data in contents(tmp_path).values())
