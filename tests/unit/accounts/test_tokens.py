"""Tokens of devices, and the keys that sign every token."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from standing import TestClock, eventually
from unit.accounts.house import House, codes, house

from platekeeper_access_audit.accounts import storage
from platekeeper_common.auth import Verifier
from platekeeper_common.events.ingest import DeviceChanged
from platekeeper_common.ids import AgencyId, DeviceId

SECRET = "a secret of 256 random bits"


def _device(**different: object) -> DeviceChanged:
    facts = {
        "agency_id": AgencyId("pomona-pd"),
        "device_id": DeviceId("car-12"),
        "name": "Patrol car 12",
        "kind": "patrol_car",
        "secret_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
    }
    return DeviceChanged(**(facts | different))  # type: ignore[arg-type]


async def _register(here: House, **different: object) -> None:
    changed = _device(**different)
    await here.standing.foundation.bus.publish([changed], source="ingest")

    async def known() -> bool:
        async with here.room.db.tx() as tx:
            row = await storage.device(tx, changed.device_id)
        return row is not None and (row.retired, row.secret_sha256) == (changed.retired, changed.secret_sha256)

    await eventually(known)


@pytest.mark.clause("B1")
async def test_a_registered_device_gets_a_token_until_it_is_retired(here: House) -> None:
    await here.open_agency()
    client, asked = here.client(), {"device_id": "car-12", "secret": SECRET}
    assert codes([await client.post("/v1/device-tokens", json=asked)]) == ["device_unknown"]
    await _register(here)
    answer = await client.post("/v1/device-tokens", json=asked)
    assert (answer.status_code, answer.json()["token_type"], answer.json()["expires_in"]) == (200, "Bearer", 600)
    who = await here.standing.foundation.verifier.verify(answer.json()["access_token"])
    assert (who.kind, who.subject, who.agency_id, who.name) == ("device", "car-12", "pomona-pd", "Patrol car 12")
    assert (who.roles, who.trained, who.organisation) == (frozenset(), False, "Pomona Police Department")
    refused = await here.client(answer.json()["access_token"]).get("/v1/posts")
    assert (refused.status_code, refused.json()["clause"]) == (403, "A3")
    wrong = await client.post("/v1/device-tokens", json=asked | {"secret": "guessed"})
    await _register(here, retired=True)
    retired = await client.post("/v1/device-tokens", json=asked)
    assert codes([wrong, retired]) == ["device_unknown"] * 2
    assert (wrong.status_code, wrong.json()["clause"]) == (401, "B1")


async def test_a_new_secret_ends_the_old_one_and_a_closed_agencys_devices_are_unknown(here: House) -> None:
    await here.open_agency()
    await _register(here)
    await _register(here, secret_sha256=hashlib.sha256(b"another").hexdigest())
    client, new = here.client(), {"device_id": "car-12", "secret": "another"}
    tries = [await client.post("/v1/device-tokens", json=body) for body in (new | {"secret": SECRET}, new)]
    assert codes(tries) == ["device_unknown", "200"]
    await (await here.platform()).post("/v1/agencies/pomona-pd/close")
    await here.until_revoked("pomona-pd/*")
    await eventually(lambda: here.standing.foundation.policies.agency(AgencyId("pomona-pd")).mode == "closed")
    assert codes([await client.post("/v1/device-tokens", json=new)]) == ["device_unknown"]


async def test_the_published_keys_verify_tokens_and_hold_no_secret(here: House) -> None:
    document = (await here.client().get("/.well-known/jwks.json")).json()
    (key,) = document["keys"]
    assert set(key) == {"alg", "kty", "crv", "x", "y", "kid", "use"}

    async def fetch() -> dict[str, object]:
        return dict(document)

    elsewhere = Verifier(fetch, issuer="platekeeper", audience="platekeeper", clock=here.clock)
    token = (await here.try_login("admin")).json()["access_token"]
    assert (await elsewhere.verify(token)).username == "admin"


async def test_the_signing_key_outlives_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path / "var") as here:
        before = await here.room.signing.current()
        token = (await here.try_login("admin")).json()["access_token"]
    async with house(tmp_path / "var") as again:
        assert await again.room.signing.current() == before
        assert (await again.client(token).get("/v1/agencies")).status_code == 200
    assert before.pem not in b"".join(path.read_bytes() for path in (tmp_path / "var" / "keys").rglob("*.key"))


async def test_the_next_key_is_published_before_its_first_use_and_the_last_one_goes_after_its_last_token(
    tmp_path: Path,
) -> None:
    clock = TestClock()
    async with house(tmp_path / "var", clock) as here:
        first = (await here.room.signing.current()).kid
    clock.advance(days=90)
    async with house(tmp_path / "var", clock) as here:
        signing = here.room.signing

        async def two() -> Any:
            published = (await signing.published())["keys"]
            return len(published) == 2 and published

        _, second = await eventually(two)
        assert (await signing.current()).kid == first
        clock.advance(minutes=59)
        token = (await here.try_login("admin")).json()["access_token"]
        clock.advance(minutes=2)
        assert (await signing.current()).kid == second["kid"]
        for last in (token, (await here.try_login("admin")).json()["access_token"]):
            assert (await here.client(last).get("/v1/agencies")).status_code == 200
        clock.advance(minutes=10)
        assert [key["kid"] for key in (await signing.published())["keys"]] == [second["kid"]]
        assert not await signing.renew()
