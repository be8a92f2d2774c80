"""Whether an agency has adopted what `policy.adopted` says: signed, with a key that every process believes (B2).

What the event says of its own key proves nothing. Keys that are believed lie in the key store, which nobody writes who
does not hold the key-encryption key; those of earlier days stay there, so that what they signed is believed for ever.
"""

import hashlib

from platekeeper_common.errors import Gone
from platekeeper_common.events.access import PolicyAdopted
from platekeeper_common.keys import KeyStore
from platekeeper_common.notes import opened

FORM = "platekeeper policy v1"
"""The first line of what is signed."""
SIGNER = "platekeeper/policy"
SIGNING = "policy/signing"
"""Of the key store: the seed (RFC 8032) that signs versions; accounts alone use it."""
BELIEVED = "policy/verifying"
"""The folder of the key store with the verifier keys (C2SP signed-note), by their hash."""


class Unsigned(Exception):
    """Nobody whose word counts has signed this."""


async def believe(keys: KeyStore, verifier_key: str) -> None:
    """Every process believes what this key signs, from now on. Safe to run twice. Raises Unavailable."""
    name = _name(verifier_key)
    if name.rpartition("/")[2] not in {one.rpartition("/")[2] for one in await keys.names(BELIEVED)}:
        try:
            await keys.keep(name, verifier_key.encode())
        except FileExistsError:
            return


async def demand_signed(keys: KeyStore | None, said: PolicyAdopted) -> None:
    """Raise Unsigned, saying why, unless a key that is believed signed this version of this agency's policy.

    Raises Unavailable when the key store is away: nobody can tell. Without one nothing is believed.
    """
    if keys is None:
        raise Unsigned("there is nothing here to verify it by")
    try:
        believed = (await keys.existing(_name(said.verifier_key))).decode()
    except (Gone, ValueError) as error:
        raise Unsigned("its key is none that accounts have published") from error
    if believed != said.verifier_key:
        raise Unsigned("its key is none that accounts have published")
    try:
        text = opened(said.note, said.verifier_key)
    except ValueError as error:
        raise Unsigned(str(error)) from error
    form, *lines = text.splitlines()
    signed = dict(line.partition(" ")[::2] for line in lines)
    told = {
        "agency": said.agency_id,
        "number": str(said.number),
        "version": said.version,
        "sha256": hashlib.sha256(said.document.encode()).hexdigest(),
        "adopted-at": said.adopted_at.isoformat(),
    }
    different = [name for name, value in told.items() if signed.get(name) != value]
    if form != FORM or different:
        raise Unsigned(f"what was signed is another {' and '.join(different) or 'thing'}")


def _name(verifier_key: str) -> str:
    """Where the key lies. Raises ValueError for what is no verifier key."""
    parts = verifier_key.split("+", 2)
    if len(parts) != 3:
        raise ValueError("not a verifier key")
    return f"{BELIEVED}/{parts[1]}"
