"""What a route that takes JSON or a form is given, and what the record says of a body that it is not given."""

import json
from typing import Any

import pytest
from standing import AGENCY, Town, eventually
from unit.common.kiosk.service import Kiosk

from platekeeper_common import texts
from platekeeper_common.access import Place, unseal
from platekeeper_common.actions import Action
from platekeeper_common.errors import Invalid
from platekeeper_common.events.access import AccessRecorded, PolicyAdopted

NOTES = "/v1/kiosk/notes"
PLATE = "7KXQ042"
AS_JSON = {"content-type": "application/json"}
FINE = json.dumps({"text": PLATE}).encode()
NUL = b'{"text": "7KXQ\\u0000042"}'


async def last(here: Town, kiosk: Kiosk) -> tuple[AccessRecorded, dict[str, Any]]:
    """The only record so far, and its query elements."""
    await eventually(lambda: kiosk.heard)
    [record] = kiosk.heard
    assert record.query is not None
    told: dict[str, Any] = json.loads(await unseal(here.standing.foundation.keys, record.id, record.query))
    return record, told


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (FINE, "application/json"),
        (FINE, 'Application/JSON; charset="UTF-8"'),
        (b"\xef\xbb\xbf" + FINE, "application/json"),
        (b'{"text": "C:\\\\u0000"}', "application/json"),
        (b'{"text": "\\ud83d\\ude94"}', "application/json"),
    ],
)
async def test_json_in_utf_8_is_taken(here: Town, kiosk: Kiosk, body: bytes, media_type: str) -> None:
    async with here.client(here.person()) as client:
        answer = await client.post(NOTES, content=body, headers={"content-type": media_type})
    assert (answer.status_code, answer.json()) == (201, {"text": json.loads(body)["text"]})


@pytest.mark.clause("G3")
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize(
    ("body", "media_type", "status", "code", "told"),
    [
        (FINE, "application/x+json", 415, "media_type_unknown", "untold"),
        (FINE, "text/plain", 415, "media_type_unknown", "untold"),
        (FINE, None, 415, "media_type_unknown", "untold"),
        (FINE, "application/json; charset=latin1", 415, "charset_unknown", "untold"),
        (FINE.decode().encode("utf-16"), "application/json", 415, "charset_unknown", "untold"),
        (FINE.decode().encode("utf-32-be"), "application/json", 415, "charset_unknown", "untold"),
        (b'{"text": "\xff"}', "application/json", 415, "charset_unknown", "untold"),
        (b'{"text": "7KXQ042", "x": NaN}', "application/json", 422, "invalid_request", "untold"),
        (b'{"text": "7KXQ042", "x": -1e999}', "application/json", 422, "invalid_request", "untold"),
        (NUL, "application/json", 422, "text_invalid", "text"),
        (b'{"text": "7KXQ042", "\\u0000": 1}', "application/json", 422, "text_invalid", "text"),
        (b'{"text": "7KXQ042", "x": [{"y": "\\ud800"}]}', "application/json", 422, "text_invalid", "text"),
        (b'{"text": "a", "text": "7KXQ\\u0000042"}', "application/json", 422, "text_invalid", "text"),
    ],
)
async def test_another_form_is_refused_and_recorded(
    here: Town, kiosk: Kiosk, trained: bool, body: bytes, media_type: str | None, status: int, code: str, told: str
) -> None:
    headers = {"content-type": media_type} if media_type else {}
    async with here.client(here.person(trained=trained)) as client:
        answer = await client.post(NOTES, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert PLATE not in answer.text
    record, elements = await last(here, kiosk)
    assert (record.outcome, record.code) == ("refused", code)
    assert told in elements
    assert elements["asked"] == f"POST {NOTES}"
    assert here.rows("kiosk", "SELECT text FROM note") == []


async def test_blanks_hide_nothing(here: Town, kiosk: Kiosk) -> None:
    async with here.client(here.person(trained=False)) as client:
        await client.post(NOTES, content=FINE + b" " * 900, headers=AS_JSON)
    assert (await last(here, kiosk))[1]["text"] == PLATE


@pytest.mark.clause("G3")
async def test_what_no_ledger_could_keep_is_not_recorded_as_done(here: Town, kiosk: Kiosk) -> None:
    who, place = here.person(), Place()
    done = kiosk.recorder.administration(who, Action.DEVICE_VIEW, "note", "a\0b", place)
    with pytest.raises(Invalid, match=r"U\+0000"):
        async with kiosk.db.tx() as tx:
            tx.emit(done)
    error = Invalid("no")
    async with kiosk.db.tx() as tx:
        tx.emit(await kiosk.recorder.refusal(who, Action.DEVICE_VIEW, error, "GET /v1/a\0b", place))
    await eventually(lambda: kiosk.heard)
    assert [record.object_id for record in kiosk.heard] == ["GET /v1/a\ufffdb"]


def test_a_text_is_looked_at_however_deep_it_lies() -> None:
    value: Any = "\0"
    for _ in range(20_000):
        value = [{"deeper": value}]
    assert texts.unfit(value)
    assert texts.unfit({"\udc00": 1})
    assert not texts.unfit({"a": ["b", 1, None, "\ue000\U0001f694"]})


@pytest.mark.clause("G3")
async def test_a_refusal_under_a_policy_that_cannot_be_used_is_recorded(here: Town, kiosk: Kiosk) -> None:
    adopted = PolicyAdopted(
        agency_id=AGENCY,
        number=1,
        profile="pomona",
        version="1",
        document="{}",
        sha256="",
        adopted_at=here.clock(),
        note="",
        verifier_key="a+b+c",
    )
    await here.standing.foundation.bus.publish([adopted], source="accounts")
    await eventually(lambda: here.standing.foundation.policies.unsigned)
    use = {"purpose": "stolen_vehicle", "matter_type": "criminal", "matter_number": "26-1"}
    async with here.client(here.person()) as client:
        answer = await client.post(NOTES, json={"text": PLATE})
        assert (answer.status_code, answer.json()["code"]) == (503, "policy_unusable")
    async with here.client(here.person(trained=False)) as client:
        answer = await client.post(NOTES, json={"text": PLATE}, params=use)
        assert (answer.status_code, answer.json()["code"]) == (403, "training_missing")
    record, elements = await last(here, kiosk)
    assert (record.outcome, record.code, record.policy_version) == ("refused", "training_missing", "none")
    assert (record.purpose, elements["purpose"], elements["text"]) == ("not_stated", "stolen_vehicle", PLATE)
