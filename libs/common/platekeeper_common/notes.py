"""Signed notes (C2SP signed-note): a text, an empty line, and `— name base64(key hash || signature)`, Ed25519."""

import base64
import hashlib
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AfterValidator, Field

ED25519 = b"\x01"
"""The signature type of C2SP signed-note."""
KEY_HASH_BYTES = 4


class NoteSigner:
    """The one who signs notes under a name."""

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: the 32 bytes of the Ed25519 private key (RFC 8032). Raises ValueError for an unfit name."""
        self.name = key_name(name)
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = ED25519 + self._private.public_key().public_bytes_raw()
        self._hash = hashlib.sha256(name.encode() + b"\n" + self._public).digest()[:KEY_HASH_BYTES]

    @property
    def key(self) -> str:
        """The verifier key: `name+hash in hexadecimal+base64(0x01 || public key)`."""
        return f"{self.name}+{self._hash.hex()}+{base64.b64encode(self._public).decode()}"

    @property
    def pem(self) -> str:
        """The public key as other tools read it (RFC 8410)."""
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return self._private.public_key().public_bytes(*form).decode()

    def sign(self, text: str) -> str:
        """The note of a text that ends with a line feed; the same bytes each time."""
        signature = base64.b64encode(self._hash + self._private.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"

    def opened(self, note: str) -> str:
        """The text of a note that this signer signed. Raises ValueError for any other."""
        signed, separator, signatures = note.rpartition("\n\n")
        text = f"{signed}\n"
        try:
            encoded = signatures.removeprefix(f"— {self.name} ").rstrip("\n")
            signature = base64.b64decode(encoded, validate=True)
            self._private.public_key().verify(signature[KEY_HASH_BYTES:], text.encode())
        except InvalidSignature as error:
            raise ValueError("not signed with this key") from error
        if not separator or note != self.sign(text):
            raise ValueError("not a note of this signer")
        return text


def opened(note: str, verifier_key: str) -> str:
    """The text of a note that the holder of the verifier key alone signed. Raises ValueError for any other."""
    name, _, key = verifier_key.split("+", 2)
    public = base64.b64decode(key, validate=True)
    expected = hashlib.sha256(name.encode() + b"\n" + public).digest()[:KEY_HASH_BYTES]
    signed, separator, signatures = note.rpartition("\n\n")
    text, begin = f"{signed}\n", f"— {name} "
    signature = base64.b64decode(signatures.removeprefix(begin).rstrip("\n"), validate=True)
    if not separator or not signatures.startswith(begin) or signature[:KEY_HASH_BYTES] != expected:
        raise ValueError("not a note of this signer")
    try:
        Ed25519PublicKey.from_public_bytes(public.removeprefix(ED25519)).verify(
            signature[KEY_HASH_BYTES:], text.encode()
        )
    except InvalidSignature as error:
        raise ValueError("not signed with this key") from error
    return text


def key_name(text: str) -> str:
    """The text, when C2SP signed-note takes it for the name of a key. Raises ValueError for any other."""
    if not text or not text.isprintable() or "+" in text or any(map(str.isspace, text)):
        raise ValueError("the name of a key must not be empty, nor hold spaces or plus signs")
    return text


KeyName = Annotated[str, Field(max_length=200), AfterValidator(key_name)]
"""A setting that names a signing key."""
