"""Signed notes: those of the specification, those of the ledger, and nothing else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_access_audit.ledger.checkpoints import Checkpoint, Signer
from platekeeper_verify import notes
from platekeeper_verify.notes import Key, NotSigned

SPECIFIED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SPECIFIED_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SPECIFIED_NOTE = (
    f"{SPECIFIED_TEXT}\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer("pomona.example/ledger", bytes(range(32)))
KEY = Key.parse(SIGNER.key)
NOTE = SIGNER.sign(Checkpoint(SIGNER.origin, 7, bytes(32)))


def test_the_note_of_the_reference_implementation_opens() -> None:
    """The example of golang.org/x/mod/sumdb/note, by another signer."""
    assert notes.open_note(SPECIFIED_NOTE.encode(), Key.parse(SPECIFIED_KEY)) == SPECIFIED_TEXT


def test_a_checkpoint_has_the_bytes_of_the_specification() -> None:
    text, signature = NOTE.split("\n\n")
    assert text == f"pomona.example/ledger\n7\n{'A' * 43}="
    dash, name, encoded = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("—", "pomona.example/ledger")
    assert (len(base64.b64decode(encoded)), base64.b64decode(encoded)[:4]) == (4 + 64, KEY.key_hash)
    assert SIGNER.sign(Checkpoint(SIGNER.origin, 7, bytes(32))) == NOTE


@given(st.integers(0, 2**53), st.binary(min_size=32, max_size=32))
def test_what_is_signed_opens_as_it_was(size: int, root: bytes) -> None:
    note = SIGNER.sign(Checkpoint(SIGNER.origin, size, root))
    assert notes.open_checkpoint(note.encode(), KEY) == notes.Checkpoint(SIGNER.origin, size, root)
    assert SIGNER.opened(note) == Checkpoint(SIGNER.origin, size, root)


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_any_altered_byte_is_refused(place: int, change: int) -> None:
    altered = bytearray(NOTE.encode())
    altered[place] ^= change
    with pytest.raises(ValueError):  # noqa: PT011 - NotSigned, or what is wrong with the checkpoint
        notes.open_checkpoint(bytes(altered), KEY)


def test_signatures_of_others_are_passed_over() -> None:
    witness = Signer("witness.example", bytes(32))
    cosigned = NOTE + witness.sign(Checkpoint("x", 0, bytes(32))).rpartition("\n\n")[2]
    assert notes.open_checkpoint(cosigned.encode(), KEY).size == 7


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\tb"])
def test_an_origin_that_is_no_key_name_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="name of a key"):
        Signer(origin, bytes(32))


@pytest.mark.parametrize(
    "text",
    ["", "name", SIGNER.key[:-4], SIGNER.key.replace("pomona", "galt"), "a+b+c", SPECIFIED_KEY.replace("c74f", "c74e")],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="verifier key"):
        Key.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "origin\n1\n",
        f"origin\n01\n{'A' * 43}=\n",
        f"origin\n-1\n{'A' * 43}=\n",
        f"origin\n\u0661\n{'A' * 43}=\n",
        "origin\n1\nAAAA\n",
        f"origin\n1\n{'A' * 43}=\n\nmore\n",
        f"\n1\n{'A' * 43}=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        notes.parse_checkpoint(text)


def test_extensions_of_a_checkpoint_are_passed_over() -> None:
    assert notes.parse_checkpoint(f"origin\n1\n{'A' * 43}=\nmore\n") == notes.Checkpoint("origin", 1, bytes(32))


@pytest.mark.parametrize("note", [b"", b"\xff\xff", b"text\n", SPECIFIED_NOTE.encode(), NOTE.encode()[:-1]])
def test_what_the_key_did_not_sign_is_refused(note: bytes) -> None:
    with pytest.raises(NotSigned):
        notes.open_note(note, KEY)
