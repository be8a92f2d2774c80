"""The keys that verify tokens, as HAProxy reads them.

A file a key, a map from `kid` to file, and a part of the configuration that names each file: HAProxy opens no others.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from platekeeper_common.auth import ALGORITHM, KeySet
from platekeeper_common.foundation import JWKS_PATH

MAP = "kids.map"
PART = "keys.cfg"
LOADED = "loaded:"
"""A line of the map that is no `kid`: there are keys, so a token with none of them is wrong and not early."""
FETCH_SECONDS = 3.0
_KID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

Fetch = Callable[[], KeySet]
"""Answers the JWKS of accounts. Raises OSError when it cannot be had."""


def fetcher(addresses: Sequence[str]) -> Fetch:
    """Asks accounts at the first of its addresses (`HOST:PORT`) that answers."""

    def fetch() -> KeySet:
        for address in addresses:
            try:
                answer = httpx.get(f"http://{address}{JWKS_PATH}", timeout=FETCH_SECONDS, trust_env=False)
                answer.raise_for_status()
                document: dict[str, Any] = answer.json()
            except (httpx.HTTPError, ValueError):
                continue
            return document
        raise ConnectionError("accounts do not answer")

    return fetch


def pems(document: KeySet) -> dict[str, bytes]:
    """The keys of the set that can verify our tokens, PEM by `kid`; others are left out."""
    found = {}
    for key in document.get("keys", ()):
        kid = key.get("kid")
        if key.get("alg") == ALGORITHM and key.get("kty") == "EC" and isinstance(kid, str) and _KID.fullmatch(kid):
            point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1())
            found[kid] = point.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
    return found


def write(folder: Path, keys: Mapping[str, bytes]) -> bool:
    """Make `folder` say exactly these keys; whether it said something else before.

    Files of keys that are gone stay until the next call: a running HAProxy has read them, a starting one may not have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{kid}.pem": pem for kid, pem in sorted(keys.items())}
    lines = [f"{path.stem} {path}" for path in files] + ([f"{LOADED} {len(files)}"] if files else [])
    rule = '    http-request set-var(txn.never) http_auth_bearer,jwt_verify("{}","{}")'
    part = ["# Never reached: HAProxy opens the key files that are named here.", "backend token-keys"]
    part += [rule.format(ALGORITHM, path) for path in files]
    written = [_put(path, pem) for path, pem in files.items()]
    written.append(_put(folder / MAP, "".join(f"{line}\n" for line in lines).encode()))
    written.append(_put(folder / PART, "".join(f"{line}\n" for line in part).encode()))
    if not any(written):
        for path in set(folder.glob("*.pem")) - set(files):
            path.unlink()
    return any(written)


def known(folder: Path) -> bool:
    """Whether `folder` holds keys."""
    return (folder / MAP).exists() and LOADED in (folder / MAP).read_text()


def _put(path: Path, content: bytes) -> bool:
    """Write by rename, so that a reader sees the old or the new; whether they differ."""
    if path.exists() and path.read_bytes() == content:
        return False
    part = path.with_name(f".{path.name}")
    part.write_bytes(content)
    part.rename(path)
    return True


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
