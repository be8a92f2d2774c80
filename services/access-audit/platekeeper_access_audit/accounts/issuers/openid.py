"""What is asked of an issuer over HTTPS: its metadata, the ID token for a code, its keys (OpenID Connect Core 1.0)."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from platekeeper_access_audit.accounts.issuers.domain import LEEWAY, Issuer, Metadata, metadata, word_wrong
from platekeeper_access_audit.accounts.room import LOOPBACK
from platekeeper_common.errors import Busy

SECONDS = 10.0
"""Patience with an issuer, for each question."""
WELL_KNOWN = "/.well-known/openid-configuration"


async def discover(url: str) -> Metadata:
    """What the issuer says of itself. Raises Busy `issuer_unavailable`, Invalid `issuer_unfit`."""
    return metadata(await _asked("GET", f"{url.rstrip('/')}{WELL_KNOWN}"), url)


async def redeem(about: Metadata, issuer: Issuer, *, secret: str, code: str, verifier: str, back: str) -> str:
    """The ID token that the code is worth. Raises Busy, Unauthenticated `issuer_word_wrong`."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
    told = await _asked("POST", about.token_endpoint, data=form, auth=httpx.BasicAuth(issuer.client_id, secret))
    token = told.get("id_token")
    if not isinstance(token, str):
        raise word_wrong("it gave no ID token")
    return token


async def verified(about: Metadata, issuer: Issuer, token: str, *, nonce: str, now: datetime) -> Mapping[str, Any]:
    """The claims of an ID token that the issuer signed for us and for this login. Raises Busy, Unauthenticated."""
    keys = await _asked("GET", about.jwks_uri)
    required = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "value": issuer.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(about.algorithms)).claims  # type: ignore[arg-type]
        required.validate(claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise word_wrong(str(error) or type(error).__name__) from error
    return claims


async def _asked(method: str, url: str, **more: Any) -> dict[str, Any]:
    """The JSON object that it answers. Raises Busy `issuer_unavailable`, Unauthenticated for a refusal of ours."""
    # A proxy of the environment leads out, never back to this machine.
    direct = urlsplit(url).hostname in LOOPBACK
    away = Busy("your agency's issuer does not answer; try again", code="issuer_unavailable", clause="G2")
    try:
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=not direct, follow_redirects=False) as client:
            answer = await client.request(method, url, headers={"Accept": "application/json"}, **more)
    except httpx.HTTPError as error:
        raise away from error
    if method == "POST" and answer.status_code in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
        raise word_wrong("it takes neither the code nor our client secret")
    if answer.status_code != HTTPStatus.OK:
        raise away
    try:
        told = answer.json()
    except ValueError as error:
        raise away from error
    if not isinstance(told, dict):
        raise away
    return told
