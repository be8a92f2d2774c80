"""Attacks on delegated tokens: a token of one approved request opens that request's reads and nothing else (A2, I3)."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from jose import jwt
from standing import eventually
from unit.release.desk import OTHER_PLATE, PLATE, USE, WINDOW, Desk, claims, good, token, told
from unit.retention.office import START, a_read

from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common.auth import SigningKey
from platekeeper_common.events.ingest import Position

DETAILS = {"type": "release", "request": "request-1", "plates": [PLATE], **WINDOW}
QUESTION = {**USE, "plate": PLATE, **WINDOW}
Details = dict[str, Any]


async def exchange(here: Desk, details: Details = DETAILS, **different: Any) -> httpx.Response:
    """Ask for a delegated token as release does, for the clerk."""
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token(here.clerk),
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "actor_token": await here.actor_secret(),
        "actor_token_type": "urn:platekeeper:token-type:service-secret",
        "scope": f"release:{details.get('request')}",
        "authorization_details": json.dumps([details]),
    }
    return await here.house.client().post("/v1/token-exchange", data=form | different)


async def delegated(here: Desk, **scope: Any) -> httpx.AsyncClient:
    """A client with a delegated token of the scope."""
    return here.house.client(good(await exchange(here, DETAILS | scope))["access_token"])


async def resigned(here: Desk, text: str, key: SigningKey | None = None, **different: Any) -> httpx.AsyncClient:
    """The token with other claims, signed with the platform's own key: what only a broken issuer could do."""
    room = here.house.standing.rooms["accounts"]
    assert isinstance(room, AccountsRoom)
    current = await room.signing.current()
    said = {name: value for name, value in (claims(text) | different).items() if value is not ...}
    signed = jwt.encode(said, (key or current).pem.decode(), algorithm="ES256", headers={"kid": current.kid})
    return here.house.client(str(signed))


async def test_the_token_says_who_for_whom_and_what_for_a_minute(here: Desk) -> None:
    answer = good(await exchange(here))
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 60, "release:request-1")
    assert answer["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    said = claims(answer["access_token"])
    assert (said["sub"], said["kind"], said["roles"]) == (here.people["clerk"], "delegated", [])
    assert (said["act"], said["scope"]) == ({"sub": "service:release"}, "release:request-1")
    assert said["exp"] - said["iat"] == 60
    assert said["authorization_details"][0]["plates"] == [PLATE]
    (record,) = await here.records("token.exchange")
    assert (record.subject, record.object_id) == (here.people["clerk"], "release:request-1")


async def test_it_opens_its_reads(here: Desk) -> None:
    read = await here.photographed(1)
    await here.store(read)
    client = await delegated(here)
    (found,) = good(await client.post("/v1/searches", json=QUESTION))["reads"]
    assert found["id"] == read.id
    for path in ("", "/image", "/crop"):
        answer = await client.get(f"/v1/reads/{read.id}{path}", params=USE)
        assert answer.status_code == 200
        assert answer.headers["access-record-id"]


@pytest.mark.clause("A2")
@pytest.mark.clause("I3")
async def test_it_opens_nothing_else_anywhere(here_with_ledger: Desk) -> None:
    here = here_with_ledger
    client = await delegated(here)
    doors = (
        ("GET", "/v1/agencies"),
        ("GET", "/v1/posts"),
        ("GET", "/v1/accounts"),
        ("POST", "/v1/me/second-factor"),
        ("GET", "/v1/access-records"),
        ("GET", "/v1/checkpoints/latest"),
        ("GET", "/v1/recipients"),
        ("GET", "/v1/release-requests"),
        ("POST", "/v1/release-requests/x/fulfilment"),
        ("GET", "/v1/release-requests/x/package"),
        ("POST", "/v1/release-requests/x/decision"),
        ("GET", "/v1/dead-letters/retention"),
    )
    for method, path in doors:
        answer = await client.request(method, path, json={} if method == "POST" else None)
        assert told(answer)[1:] == ("delegation_not_allowed", "A2"), path
    refused = await here.records("release.fulfil", "refused")
    assert refused[0].actor == "service:release"


@pytest.mark.clause("I3")
@pytest.mark.parametrize(
    "different",
    [
        {"plate": OTHER_PLATE},
        {"plate": ..., "prefix": "8A"},
        {"from": (START - timedelta(seconds=1)).isoformat()},
        {"to": (START + timedelta(hours=1, seconds=1)).isoformat()},
        {"from": ...},
        {"to": ...},
        {"plate": ..., "pattern": "8ABC*"},
        {"plate": ..., "area": {"circle": {"centre": {"latitude": 34, "longitude": -117}, "radius": 10}}},
    ],
)
async def test_a_wider_question_is_refused_and_recorded(here: Desk, different: dict[str, Any]) -> None:
    client = await delegated(here)
    asked = {name: value for name, value in (QUESTION | different).items() if value is not ...}
    assert told(await client.post("/v1/searches", json=asked)) == (403, "outside_scope", "I3")
    (record,) = await here.records("reads.search", "refused")
    assert (record.code, record.authority) == ("outside_scope", "release:request-1")


AREA = {"circle": {"centre": {"latitude": 34.0, "longitude": -117.0}, "radius": 100.0}}
NEAR, FAR = Position(34.0, -117.0), Position(34.1, -117.0)


@pytest.mark.clause("I3")
async def test_a_pattern_and_an_area_bind_too(here: Desk) -> None:
    near, far = await here.photographed(1, position=NEAR), await here.photographed(2, position=FAR)
    nowhere = await here.photographed(3)
    await here.store(near, far, nowhere)
    bound = {name: value for name, value in DETAILS.items() if name != "plates"} | {"pattern": "8ABC*", "area": AREA}
    client = here.house.client(good(await exchange(here, bound))["access_token"])
    asked = {name: value for name, value in QUESTION.items() if name != "plate"}
    for within in (
        {"pattern": "8ABC*", "area": AREA},
        {"plate": PLATE, "area": AREA},
        {"prefix": "8ABC", "area": AREA},
    ):
        assert [read["id"] for read in good(await client.post("/v1/searches", json=asked | within))["reads"]] == [
            near.id
        ]
    wider = {"circle": AREA["circle"] | {"radius": 101.0}}
    for outside in (
        {"pattern": "8ABC*"},
        {"plate": PLATE},
        {"area": AREA},
        {"pattern": "8AB*", "area": AREA},
        {"pattern": "8ABC*", "area": wider},
        {"plate": OTHER_PLATE, "area": AREA},
    ):
        assert told(await client.post("/v1/searches", json=asked | outside)) == (403, "outside_scope", "I3")
    assert (await client.get(f"/v1/reads/{near.id}/image", params=USE)).status_code == 200
    for read in (far, nowhere):
        assert told(await client.get(f"/v1/reads/{read.id}/image", params=USE)) == (403, "outside_scope", "I3")


@pytest.mark.clause("I3")
async def test_a_read_outside_is_refused_by_its_id(here: Desk) -> None:
    other = await here.photographed(1, plate=OTHER_PLATE)
    late = await here.photographed(3600)
    await here.store(other, late)
    client = await delegated(here)
    for read in (other, late):
        for path in ("", "/image", "/crop"):
            answer = await client.get(f"/v1/reads/{read.id}{path}", params=USE)
            assert told(answer) == (403, "outside_scope", "I3")


async def test_a_token_of_one_request_does_not_serve_another(here: Desk) -> None:
    await here.store(a_read(1, agency_id=here.agency_id, plate=OTHER_PLATE))
    first = await delegated(here)
    second = await delegated(here, request="request-2", plates=[OTHER_PLATE])
    asked = QUESTION | {"plate": OTHER_PLATE}
    assert len(good(await second.post("/v1/searches", json=asked))["reads"]) == 1
    assert told(await first.post("/v1/searches", json=asked)) == (403, "outside_scope", "I3")
    cursor = {"cursor": good(await second.post("/v1/searches", json=asked | {"limit": 1}))["next_cursor"]}
    assert told(await first.post("/v1/searches", json=asked | cursor)) == (403, "outside_scope", "I3")


@pytest.mark.clause("G2")
async def test_it_ends_after_a_minute_and_with_the_person(here: Desk) -> None:
    client = await delegated(here)
    here.clock.advance(seconds=61)
    assert told(await client.post("/v1/searches", json=QUESTION)) == (401, "token_expired", "G2")
    client = await delegated(here)
    here.clock.advance(seconds=1)
    answer = await here.boss.post(f"/v1/accounts/{here.people['clerk']}/disable")
    assert answer.status_code == 204

    async def refused() -> bool:
        return (await client.post("/v1/searches", json=QUESTION)).status_code == 401

    await eventually(refused)
    assert told(await client.post("/v1/searches", json=QUESTION)) == (401, "token_revoked", "G2")
    assert told(await exchange(here)) == (401, "token_revoked", "G2")


async def test_it_does_not_outlive_the_persons_token(here: Desk) -> None:
    here.clock.advance(minutes=9, seconds=30)
    assert good(await exchange(here))["expires_in"] == 30


@pytest.mark.clause("G2")
async def test_only_the_service_with_the_secret_acts(here: Desk) -> None:
    for secret in ("wrong", "0" * 64, (await here.actor_secret()).upper(), token(here.clerk)[:256]):
        assert told(await exchange(here, actor_token=secret)) == (401, "actor_unknown", "G2")


@pytest.mark.clause("A2")
async def test_only_for_who_may_have_requests_fulfilled(here: Desk) -> None:
    sergeant = await here.house.login("sergeant")
    answer = await exchange(here, subject_token=token(sergeant))
    assert told(answer) == (403, "not_allowed", "A2")
    await here.house.hire(here.boss, "recruit", "investigator")
    answer = await exchange(here, subject_token=token(await here.house.login("recruit")))
    assert told(answer) == (403, "training_missing", "C2")
    refused = await here.records("token.exchange", "refused", most=2)
    assert {record.code for record in refused} == {"not_allowed", "training_missing"}
    assert told(await exchange(here, subject_token="x.y.z"))[:2] == (401, "token_invalid")


async def test_a_delegated_token_is_not_exchanged_again(here: Desk) -> None:
    first = good(await exchange(here))["access_token"]
    wider = DETAILS | {"plates": [PLATE, OTHER_PLATE]}
    answer = await exchange(here, wider, subject_token=first)
    assert told(answer) == (403, "delegation_not_allowed", "A2")


@pytest.mark.parametrize(
    "wrong",
    [
        {"details": DETAILS | {"type": "everything"}},
        {"details": DETAILS | {"more": 1}},
        {"details": DETAILS | {"to": WINDOW["from"]}},
        {"details": DETAILS | {"from": "2026-11-22T12:00:00"}},
        {"details": DETAILS | {"pattern": "8A*"}},
        {"details": {name: value for name, value in DETAILS.items() if name != "to"}},
        {"details": DETAILS | {"plates": ["8ABC-!"]}},
        {"details": DETAILS | {"plates": []}},
        {"details": DETAILS | {"area": {}}},
        {"details": DETAILS | {"area": {"circle": {"centre": {"latitude": 34, "longitude": -117}, "radius": 9e9}}}},
        {"scope": "release:request-2"},
        {"scope": "everything"},
        {"authorization_details": "[]"},
        {"authorization_details": json.dumps([DETAILS, DETAILS])},
        {"authorization_details": "{"},
        {"authorization_details": "[" * 9_000},
        {"grant_type": "password"},
    ],
)
async def test_a_scope_that_is_none_gets_no_token(here: Desk, wrong: dict[str, Any]) -> None:
    answer = await exchange(here, wrong.pop("details", DETAILS), **wrong)
    assert answer.status_code == 422
    assert "8ABC" not in answer.text


@pytest.mark.clause("G2")
@pytest.mark.parametrize(
    "different",
    [
        {"kind": "person", "roles": ["investigator"]},
        {"kind": "device"},
        {"act": ...},
        {"act": {"sub": "service:release", "act": {"sub": "service:other"}}},
        {"act": {"sub": "account-7"}},
        {"act": "service:release"},
        {"scope": ...},
        {"scope": "release:request-2"},
        {"authorization_details": ...},
        {"authorization_details": []},
        {"authorization_details": [DETAILS, DETAILS]},
        {"authorization_details": [DETAILS | {"type": "all"}]},
        {"authorization_details": [{"type": "release", "request": "request-1"}]},
        {"act": ..., "scope": ..., "authorization_details": ...},
    ],
)
async def test_a_delegation_that_is_not_whole_is_no_token(here: Desk, different: dict[str, Any]) -> None:
    text = good(await exchange(here))["access_token"]
    answer = await (await resigned(here, text, **different)).post("/v1/searches", json=QUESTION)
    assert told(answer) == (401, "token_invalid", "G2")


@pytest.mark.clause("G2")
async def test_a_persons_token_cannot_be_made_into_a_delegated_one(here: Desk) -> None:
    acting: dict[str, Any] = {
        "act": {"sub": "service:release"},
        "scope": "release:request-1",
        "authorization_details": [DETAILS],
    }
    forged = await resigned(here, token(here.clerk), SigningKey.make(), kind="delegated", **acting)
    assert told(await forged.post("/v1/searches", json=QUESTION)) == (401, "token_invalid", "G2")
    # With claims of a delegation a person's token is none, whoever signed it.
    person = await resigned(here, token(here.clerk), **acting)
    assert told(await person.post("/v1/searches", json=QUESTION)) == (401, "token_invalid", "G2")
