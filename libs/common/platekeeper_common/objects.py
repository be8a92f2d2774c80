"""The object store: pictures and release packages, encrypted, in a local folder by default.

Each object has its own data key; its header keeps that key wrapped by the key of agency, receipt day and class. The
layout of an object: `PK1`, 12-byte nonce and 48-byte wrapped data key, 12-byte nonce, ciphertext with its 16-byte tag;
the path is the associated data of both, so an object moved to another path does not open.
"""

import asyncio
import hashlib
import os
import secrets
from datetime import date
from pathlib import Path
from typing import Literal

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore

from platekeeper_common.bus.contract import Unavailable
from platekeeper_common.errors import Gone
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.ids import AgencyId
from platekeeper_common.keys import KEY_BYTES, NONCE_BYTES, KeyStore

MAGIC = b"PK1"
TAG_BYTES = 16
_WRAPPED = NONCE_BYTES + KEY_BYTES + TAG_BYTES

ImageClass = Literal["image", "crop"]
ObjectClass = ImageClass | Literal["release"]


class Objects:
    """Encrypted objects at `{agency}/{received_on}/{class}/{name}`; written once, never over."""

    def __init__(self, folder: Path, keys: KeyStore) -> None:
        """Keep objects in `folder`, made when absent."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._store = LocalStore(folder, mkdir=True)
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
        sealed = self._seal(data, path)
        try:
            try:
                await asyncio.to_thread(obstore.put, self._store, path, sealed, mode="create")
            except AlreadyExistsError:
                data = self._unseal(await self._bytes(path), path)
            await asyncio.to_thread(_sync, self._folder / path)
        except (BaseError, OSError) as error:
            raise Unavailable(f"object store: {type(error).__name__}") from error
        return ImageReference(path, hashlib.sha256(data).hexdigest(), media_type)

    async def get(self, reference: ImageReference) -> bytes:
        """The plain bytes. Raises Gone when the object or its key is no more, ValueError when it was altered."""
        try:
            sealed = await self._bytes(reference.path)
        except (NotFoundError, FileNotFoundError) as error:
            raise Gone("the picture has been destroyed", code="image_destroyed") from error
        except (BaseError, OSError) as error:
            raise Unavailable(f"object store: {type(error).__name__}") from error
        data = self._unseal(sealed, reference.path)
        if hashlib.sha256(data).hexdigest() != reference.sha256:
            raise ValueError(f"the object {reference.path} is not the picture that was referred to")
        return data

    async def _bytes(self, path: str) -> bytes:
        # In threads: obstore's own event loop aborts an interpreter that ends just after a call.
        return bytes(await asyncio.to_thread(lambda: obstore.get(self._store, path).bytes()))

    def _seal(self, data: bytes, path: str) -> bytes:
        about = path.encode()
        data_key, nonce, key_nonce = (secrets.token_bytes(size) for size in (KEY_BYTES, NONCE_BYTES, NONCE_BYTES))
        wrapped = AESGCM(self._keys.key(_key_name(path))).encrypt(key_nonce, data_key, about)
        return b"".join((MAGIC, key_nonce, wrapped, nonce, AESGCM(data_key).encrypt(nonce, data, about)))

    def _unseal(self, sealed: bytes, path: str) -> bytes:
        about = path.encode()
        wrapped, rest = sealed[len(MAGIC) : len(MAGIC) + _WRAPPED], sealed[len(MAGIC) + _WRAPPED :]
        if not sealed.startswith(MAGIC) or len(rest) < NONCE_BYTES + TAG_BYTES:
            raise ValueError(f"the object {path} has no header of ours")
        day_key = AESGCM(self._keys.existing(_key_name(path)))
        try:
            data_key = day_key.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], about)
            return AESGCM(data_key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], about)
        except InvalidTag as error:
            raise ValueError(f"the object {path} was altered") from error


def _key_name(path: str) -> str:
    """The key of agency, receipt day and class."""
    return path.rpartition("/")[0]


def _sync(path: Path) -> None:
    """The store writes by rename and does not sync: make the file and its folder survive a power cut."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
