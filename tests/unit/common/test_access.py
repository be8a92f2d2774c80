"""Access records as services make them: whole, and with sealed query elements."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import department
from standing import AGENCY, TestClock

from platekeeper_common.access import NOT_STATED, Place, Recorder, Result, Use, seal, unseal
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Gone, NotFound, Refused
from platekeeper_common.events.access import AccessRecorded, AgencyChanged
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.keys import KeyStore, in_folder
from platekeeper_common.policies import Policies
from platekeeper_common.rules import RULES

NOW = datetime(2026, 11, 22, 18, 0, 0, 128_999, tzinfo=UTC)
PLACE = Place("203.0.113.7", "car-12")
USE = Use(purpose="stolen_vehicle", matter_type="criminal", matter_number="26-0117", requested_by="Officer Diaz")
texts = st.text(st.characters(exclude_categories=["Cs"]))
plain = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
elements_of_a_query = st.dictionaries(texts, plain | st.lists(plain, max_size=3), max_size=4)


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return in_folder(tmp_path / "keys")


@pytest.fixture
async def recorder(keys: KeyStore) -> Recorder:
    policies = Policies({"pomona": department("pomona")})
    facts: dict[str, Any] = {"ori": "CA0195300", "time_zone": "America/Los_Angeles", "policy_version": "1"}
    opened = AgencyChanged(agency_id=AGENCY, name="Pomona PD", profile="pomona", mode="live", **facts)
    await policies.apply(opened)
    await policies.apply(msgspec.structs.replace(opened, agency_id=AgencyId("closed-pd"), mode="closed"))
    return Recorder("kiosk", keys, policies, TestClock(NOW))


def officer(**more: Any) -> Caller:
    return Caller(
        **{
            "kind": "person",
            "subject": "account-1",
            "agency_id": AGENCY,
            "username": "officer",
            "name": "Officer",
            "organisation": "Pomona Police Department",
            "title": "Police Officer",
            "session": "session-1",
            "issued_at": NOW,
            "expires_at": NOW,
            **more,
        }
    )


def fields(record: AccessRecorded, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in names)


@pytest.mark.clause("G3")
async def test_a_record_of_plate_data_says_all_that_the_statute_asks(recorder: Recorder, keys: KeyStore) -> None:
    result = Result(count=2, ids=["read-1", "read-2"])
    record = await recorder.plate_data(officer(), Action.SEARCH, USE, {"plate": "7KXQ042"}, result, PLACE)
    assert record.at == datetime(2026, 11, 22, 18, 0, 0, 120_000, tzinfo=UTC)
    assert fields(record, "kind", "action", "outcome") == ("plate_data", "reads.search", "allowed")
    assert fields(record, "username", "name", "organisation", "title") == (
        "officer",
        "Officer",
        "Pomona Police Department",
        "Police Officer",
    )
    assert fields(record, "purpose", "matter_type", "matter_number", "requested_by") == (
        "stolen_vehicle",
        "criminal",
        "26-0117",
        "Officer Diaz",
    )
    assert fields(record, "address", "device", "session") == ("203.0.113.7", "car-12", "session-1")
    assert fields(record, "result_count", "result_ids", "producer", "number") == (2, ("read-1", "read-2"), "kiosk", 0)
    assert record.policy_version == department("pomona").version
    assert record.query is not None
    assert json.loads(await unseal(keys, record.id, record.query)) == {"plate": "7KXQ042"}
    assert b"7KXQ042" not in msgspec.json.encode(record)


async def test_the_reason_of_a_use_is_among_the_query_elements(recorder: Recorder, keys: KeyStore) -> None:
    use = Use(purpose="other_le", matter_type="other", reason="found property 7KXQ042")
    record = await recorder.plate_data(officer(), Action.SEARCH, use, {"prefix": "7K"}, Result(), PLACE)
    assert record.query is not None
    assert json.loads(await unseal(keys, record.id, record.query)) == {
        "prefix": "7K",
        "reason": "found property 7KXQ042",
    }
    assert b"7KXQ042" not in msgspec.json.encode(record)


def test_a_record_of_administration_names_its_object(recorder: Recorder) -> None:
    record = recorder.administration(officer(), Action.DEVICE_REGISTER, "device", "device-1", PLACE, result_count=3)
    assert fields(record, "kind", "object_type", "object_id", "result_count") == (
        "administration",
        "device",
        "device-1",
        3,
    )
    assert fields(record, "query", "purpose") == (None, None)


@pytest.mark.parametrize("action", list(Action))
async def test_every_refusal_is_whole_in_its_kind(recorder: Recorder, keys: KeyStore, action: Action) -> None:
    error = Refused("no", code="training_missing", clause="C2")
    record = await recorder.refusal(officer(), action, error, "POST /v1/searches", PLACE)
    assert fields(record, "outcome", "code", "clause") == ("refused", "training_missing", "C2")
    if RULES[action].plate_data:
        assert fields(record, "kind", "purpose", "result_count") == ("plate_data", NOT_STATED, 0)
        assert record.query is not None
        assert json.loads(await unseal(keys, record.id, record.query)) == {"asked": "POST /v1/searches"}
    else:
        assert fields(record, "kind", "object_type", "object_id") == ("administration", "request", "POST /v1/searches")


@pytest.mark.parametrize("error", [NotFound("none"), Conflict("taken", code="name_taken")])
async def test_a_refusal_without_a_clause_has_its_code(recorder: Recorder, error: NotFound | Conflict) -> None:
    record = await recorder.refusal(officer(), Action.SEARCH, error, "GET /", PLACE)
    assert fields(record, "code", "clause") == (error.code, None)


async def test_a_refusal_in_no_agency_is_under_no_policy(recorder: Recorder) -> None:
    for agency_id in (PLATFORM, AgencyId("closed-pd"), AgencyId("nowhere")):
        who = officer(agency_id=agency_id)
        record = await recorder.refusal(who, Action.SEARCH, Refused("no"), "GET /", PLACE)
        assert fields(record, "agency_id", "policy_version") == (agency_id, "none")


def test_strangers_are_counted_under_the_platform(recorder: Recorder) -> None:
    record = recorder.unauthenticated("203.0.113.9", "token_expired", "G2", count=17)
    assert fields(record, "agency_id", "subject", "count", "code", "clause") == (
        PLATFORM,
        "source:203.0.113.9",
        17,
        "token_expired",
        "G2",
    )
    assert fields(record, "object_type", "object_id", "outcome") == ("credential", "unknown", "refused")


def test_records_have_ids_and_salts_of_their_own(recorder: Recorder) -> None:
    made = [recorder.administration(officer(), Action.DEVICE_VIEW, "device", "1", PLACE) for _ in range(50)]
    assert len({record.id for record in made}) == len({record.salt for record in made}) == 50
    assert {len(base64.b64decode(record.salt)) for record in made} == {16}


@given(elements_of_a_query)
async def test_what_is_sealed_opens_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, elements: dict[str, Any]
) -> None:
    keys = in_folder(tmp_path_factory.getbasetemp() / "sealing")
    sealed = await seal(keys, AGENCY, NOW, "record-1", elements)
    assert json.loads(await unseal(keys, "record-1", sealed)) == elements
    assert await seal(keys, AGENCY, NOW, "record-1", elements) != sealed


async def test_the_key_is_that_of_agency_and_month(keys: KeyStore) -> None:
    assert (await seal(keys, AGENCY, NOW, "record-1", {})).key_id == "pomona-pd/access/2026-11"
    assert (await seal(keys, AgencyId("galt-pd"), NOW.replace(month=12), "1", {})).key_id == "galt-pd/access/2026-12"
    assert await keys.key("pomona-pd/access/2026-11") != await keys.key("galt-pd/access/2026-12")


async def test_what_was_sealed_opens_for_its_own_record_alone(keys: KeyStore) -> None:
    sealed = await seal(keys, AGENCY, NOW, "record-1", {"plate": "7KXQ042"})
    with pytest.raises(ValueError, match="altered"):
        await unseal(keys, "record-2", sealed)
    altered = msgspec.structs.replace(sealed, ciphertext=(await seal(keys, AGENCY, NOW, "record-1", {})).ciphertext)
    with pytest.raises(ValueError, match="altered"):
        await unseal(keys, "record-1", altered)


@pytest.mark.clause("G3")
async def test_what_was_sealed_dies_with_its_key(keys: KeyStore, tmp_path: Path) -> None:
    sealed = await seal(keys, AGENCY, NOW, "record-1", {"plate": "7KXQ042"})
    (tmp_path / "keys" / f"{sealed.key_id}.key").unlink()
    for store in (keys, in_folder(tmp_path / "keys")):
        with pytest.raises(Gone):
            await unseal(store, "record-1", sealed)
