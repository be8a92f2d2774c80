"""The object store: pictures and release packages, encrypted, in a local folder by default, in a bucket by URL.

Each object has its own data key; its header keeps that key wrapped by the key of agency, receipt day and class. The
layout of an object: `PK1`, 12-byte nonce and 48-byte wrapped data key, 12-byte nonce, ciphertext with its 16-byte tag;
the path is the associated data of both, so an object moved to another path does not open.
"""

import hashlib
import secrets
from datetime import date
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.ids import AgencyId
from platekeeper_common.keys import KEY_BYTES, NONCE_BYTES, KeyStore
from platekeeper_common.stores import Store

MAGIC = b"PK1"
TAG_BYTES = 16
_WRAPPED = NONCE_BYTES + KEY_BYTES + TAG_BYTES

ImageClass = Literal["image", "crop"]
ObjectClass = ImageClass | Literal["release"]


class Objects:
    """Encrypted objects at `{agency}/{received_on}/{class}/{name}`; written once, never over."""

    def __init__(self, store: Store, keys: KeyStore) -> None:
        """Keep objects in `store`, which sees no plain byte."""
        self._store = store
        self._keys = keys

    async def put(
        self,
        data: bytes,
        *,
        agency_id: AgencyId,
        received_on: date,
        kind: ObjectClass,
        name: str,
        media_type: str,
    ) -> ImageReference:
        """Keep `data` durably and answer its claim check.

        Putting the same name again keeps the first object and answers for that one. Raises Unavailable when the store
        cannot take it.
        """
        path = f"{agency_id}/{received_on.isoformat()}/{kind}/{name}"
        sealed = await self._seal(data, path)
        if not await self._store.create(path, sealed):
            first = await self._store.read(path)
            if first is None:
                raise Unavailable("object store: the object was there, and went")
            data = await self._unseal(first, path)
        return ImageReference(path, hashlib.sha256(data).hexdigest(), media_type)

    async def get(self, reference: ImageReference) -> bytes:
        """The plain bytes.

        Raises Gone when the object or its key is no more, ValueError when it was altered, Unavailable.
        """
        sealed = await self._store.read(reference.path)
        if sealed is None:
            raise Gone("the picture has been destroyed", code="image_destroyed")
        data = await self._unseal(sealed, reference.path)
        if hashlib.sha256(data).hexdigest() != reference.sha256:
            raise ValueError(f"the object {reference.path} is not the picture that was referred to")
        return data

    async def unsealed(self) -> list[str]:
        """Agencies of whose newest day an object lies open: of each agency one is looked at. Raises Unavailable."""
        found = []
        for agency in await self._store.folders():
            days = await self._store.folders(agency)
            some = await self._store.one_in(f"{agency}/{days[-1]}") if days else None
            lies = await self._store.read(some) if some else None
            if lies is not None and not lies.startswith(MAGIC):
                found.append(agency)
        return found

    async def _seal(self, data: bytes, path: str) -> bytes:
        about = path.encode()
        data_key, nonce, key_nonce = (secrets.token_bytes(size) for size in (KEY_BYTES, NONCE_BYTES, NONCE_BYTES))
        wrapped = AESGCM(await self._keys.key(_key_name(path))).encrypt(key_nonce, data_key, about)
        return b"".join((MAGIC, key_nonce, wrapped, nonce, AESGCM(data_key).encrypt(nonce, data, about)))

    async def _unseal(self, sealed: bytes, path: str) -> bytes:
        about = path.encode()
        wrapped, rest = sealed[len(MAGIC) : len(MAGIC) + _WRAPPED], sealed[len(MAGIC) + _WRAPPED :]
        if not sealed.startswith(MAGIC) or len(rest) < NONCE_BYTES + TAG_BYTES:
            raise ValueError(f"the object {path} has no header of ours")
        day_key = AESGCM(await self._keys.existing(_key_name(path)))
        try:
            data_key = day_key.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], about)
            return AESGCM(data_key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], about)
        except InvalidTag as error:
            raise ValueError(f"the object {path} was altered") from error


def _key_name(path: str) -> str:
    """The key of agency, receipt day and class."""
    return path.rpartition("/")[0]
