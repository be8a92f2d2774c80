"""Tokens as accounts issue them, and who publishes the keys that verify them."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from jose import jwt
from standing import TestClock

from platekeeper_common import auth
from platekeeper_common.auth import SigningKey, Verifier
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Unauthenticated
from platekeeper_common.ids import AgencyId

AGENCY = AgencyId("pomona-pd")
KEY = SigningKey.make()
OTHER = SigningKey.make()
Claims = dict[str, Any]


class Issuer:
    """The JWKS that accounts publish, and how often it was asked for."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.away = False

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        if self.away:
            raise ConnectionError("accounts are away")
        return {"keys": [key.public() for key in self.keys]}


def officer(clock: TestClock) -> Caller:
    return Caller(
        kind="person",
        subject="account-7",
        agency_id=AGENCY,
        username="rivera",
        name="Rivera",
        organisation="Pomona Police Department",
        issued_at=clock(),
        expires_at=clock() + auth.TOKEN_LIFE,
        roles=frozenset({"officer"}),
        title="Officer",
        session="session-1",
        signed_on_at=clock(),
        training_until=clock() + timedelta(days=1),
        approved_until=clock() + timedelta(days=90),
    )


def good(clock: TestClock, key: SigningKey = KEY) -> str:
    return auth.issue(officer(clock), key, issuer="platekeeper", audience="platekeeper")


def claims_of(clock: TestClock) -> Claims:
    return dict(jwt.get_unverified_claims(good(clock)))


def segment(document: Any) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def refusal(verifier: Verifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(token)
    assert refused.value.status == 401
    told = f"{refused.value} {refused.value.detail} {refused.value.extra} {refused.value.headers}"
    assert all(part not in told for part in token.split(".") if len(part) > 8)
    return refused.value.code
