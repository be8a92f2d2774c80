"""The keys that verify tokens: asked for, kept, forgotten, and not to be had."""

from pathlib import Path
from typing import Any

import pytest
from jose import jwt
from standing import TestClock
from unit.common.tokens import KEY, OTHER, Issuer, claims_of, good, refusal, segment

from platekeeper_common.auth import SigningKey, Verifier
from platekeeper_common.errors import Busy


async def test_a_new_key_is_asked_for_and_a_withdrawn_one_forgotten(
    verifier: Verifier, issuer: Issuer, clock: TestClock
) -> None:
    await verifier.verify(good(clock))
    assert await refusal(verifier, good(clock, OTHER)) == "token_invalid"
    assert issuer.asked == 1
    clock.advance(seconds=10)
    issuer.keys = [OTHER]
    await verifier.verify(good(clock, OTHER))
    assert issuer.asked == 2
    assert await refusal(verifier, good(clock, KEY)) == "token_invalid"
    for _ in range(20):
        await refusal(verifier, good(clock, SigningKey.make()))
    assert issuer.asked == 2


async def test_a_key_published_ahead_is_known_although_the_issuer_is_away_at_its_first_use(
    verifier: Verifier, issuer: Issuer, clock: TestClock
) -> None:
    await verifier.learn()
    issuer.keys.append(ahead := SigningKey.make())
    clock.advance(minutes=11)
    await verifier.learn()
    issuer.away = True
    clock.advance(minutes=50)
    await verifier.learn()
    assert (await verifier.verify(good(clock, ahead))).username


async def test_a_key_that_nobody_could_be_asked_about_is_not_called_wrong(
    tmp_path: Path, issuer: Issuer, clock: TestClock
) -> None:
    cache = tmp_path / "jwks.json"
    verifier = Verifier(issuer, issuer="platekeeper", audience="platekeeper", clock=clock, cache=cache)
    await verifier.verify(good(clock))
    issuer.keys.append(ahead := SigningKey.make())
    clock.advance(seconds=11)
    issuer.away = True
    with pytest.raises(Busy) as away:
        await verifier.verify(good(clock, ahead))
    assert away.value.code == "keys_unavailable"
    assert (await verifier.verify(good(clock))).username == "rivera"
    issuer.away = False
    assert (await verifier.verify(good(clock, ahead))).username == "rivera"


async def test_keys_of_another_kind_in_the_key_set_open_nothing(clock: TestClock) -> None:
    async def fetch() -> dict[str, Any]:
        shared = {"kty": "oct", "k": segment(b"secret"), "kid": "shared", "alg": "HS256"}
        return {"keys": [shared, shared | {"alg": "ES256"}, KEY.public() | {"kid": 7}, KEY.public() | {"alg": "none"}]}

    verifier = Verifier(fetch, issuer="platekeeper", audience="platekeeper", clock=clock)
    forged = jwt.encode(claims_of(clock), "secret", algorithm="HS256", headers={"kid": "shared"})
    assert [await refusal(verifier, token) for token in (forged, good(clock))] == ["token_invalid"] * 2


async def test_the_keys_outlive_accounts_being_away(tmp_path: Path, issuer: Issuer, clock: TestClock) -> None:
    cache = tmp_path / "cache" / "jwks.json"

    def restarted() -> Verifier:
        return Verifier(issuer, issuer="platekeeper", audience="platekeeper", clock=clock, cache=cache)

    issuer.away = True
    with pytest.raises(Busy) as away:
        await restarted().verify(good(clock))
    assert away.value.code == "keys_unavailable"
    issuer.away = False
    await restarted().verify(good(clock))
    issuer.away = True
    assert (await restarted().verify(good(clock))).username == "rivera"

    issuer.away = False
    cache = tmp_path / "cache" / "jwks.json" / "a file is in the way"
    assert (await restarted().verify(good(clock))).username == "rivera"
