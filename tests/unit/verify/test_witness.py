"""A witness cosigns what continues what it saw: no fork, no rollback, no stranger's log (C2SP tlog-witness)."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from platekeeper.witness import server
from platekeeper_access_audit.ledger import merkle as ledger
from platekeeper_access_audit.ledger.checkpoints import Checkpoint, Signer
from platekeeper_access_audit.ledger.merkle import Span
from platekeeper_verify import merkle
from platekeeper_verify.audit import Demand, check_export
from platekeeper_verify.cosignatures import Cosigned, Cosigner, Witness, cosigned
from platekeeper_verify.findings import Kind
from platekeeper_verify.notes import Key, NotSigned

LOG = Signer("pomona.example/ledger", bytes(range(32)))
NAME = "galt.example/witness"
NOW = 1_763_834_400
LEAVES = [hashlib.sha256(bytes([n])).digest() for n in range(40)]
OTHERS = [hashlib.sha256(bytes([n, 1])).digest() for n in range(40)]


def note(size: int, leaves: Sequence[bytes] = LEAVES, signer: Signer = LOG) -> str:
    return signer.sign(Checkpoint(signer.origin, size, merkle.root(leaves[:size])))


def proof(old: int, new: int, leaves: Sequence[bytes] = LEAVES) -> list[bytes]:
    def hashed(span: Span) -> bytes:
        return merkle.root(leaves[span.start : span.end])

    return [hashed(span) for span in ledger.consistency_path(old, new)] if 0 < old < new else []


def body(old: int, size: int, leaves: Sequence[bytes] = LEAVES, **more: str | list[bytes]) -> bytes:
    parts = more.get("proof", proof(old, size, leaves))
    lines = "".join(f"{base64.b64encode(part).decode()}\n" for part in parts)  # type: ignore[arg-type]
    return f"old {old}\n{lines}\n{more.get('note', note(size, leaves))}".encode()


class Desk:
    """A witness over its folder, which can be closed and opened again, and a client of its door."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.witness = server.opened(self.folder, NAME, [LOG.key], clock=lambda: NOW)
        transport = httpx.ASGITransport(app=server.app(self.witness))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://witness")

    async def ask(self, sent: bytes) -> tuple[int, str]:
        answer = await self.client.post("/add-checkpoint", content=sent)
        return answer.status_code, answer.text


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "witness")
    yield made
    made.witness.close()


@pytest.mark.clause("G3")
async def test_what_continues_is_cosigned_with_the_bytes_of_the_specification(desk: Desk) -> None:
    status, line = await desk.ask(body(0, 7))
    assert status == 200
    dash, name, encoded = line.rstrip("\n").split(" ")
    data = base64.b64decode(encoded)
    _, hashed, public = desk.witness.cosigner.key.split("+", 2)
    assert (dash, name, data[:4].hex()) == ("—", NAME, hashed)
    raw = base64.b64decode(public)
    assert raw[0] == 4
    assert hashlib.sha256(NAME.encode() + b"\n" + raw).digest()[:4] == data[:4]
    assert int.from_bytes(data[4:12], "big") == NOW
    text = note(7).partition("\n\n")[0] + "\n"
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(data[12:], f"cosignature/v1\ntime {NOW}\n{text}".encode())
    witness = Witness.parse(desk.witness.cosigner.key)
    assert cosigned((note(7) + line).encode(), [witness]) == [Cosigned(NAME, NOW)]
    assert (
        (await desk.ask(body(7, 7)))[0] == (await desk.ask(body(7, 40)))[0] == (await desk.ask(body(40, 40)))[0] == 200
    )
    shown = await desk.client.get(f"/{hashlib.sha256(LOG.origin.encode()).hexdigest()}/checkpoint")
    assert cosigned(shown.content, [witness]) == [Cosigned(NAME, NOW)]
    assert shown.text.startswith(note(40))
    assert (await desk.client.get(f"/{'0' * 64}/checkpoint")).status_code == 404


@pytest.mark.clause("G3")
async def test_neither_a_fork_nor_a_rollback_is_cosigned_before_or_after_a_restart(desk: Desk) -> None:
    assert (await desk.ask(body(0, 20)))[0] == 200
    for _ in range(2):
        assert await desk.ask(body(0, 10)) == (409, "20\n")
        assert await desk.ask(body(10, 30)) == (409, "20\n")
        assert (await desk.ask(body(20, 20, note=note(20, OTHERS))))[0] == 422
        assert (await desk.ask(body(20, 30, OTHERS)))[0] == 422
        assert (await desk.ask(body(20, 10)))[0] == 400
        assert (await desk.ask(body(20, 30, proof=[])))[0] == 422
        desk.witness.close()
        desk.open()
    assert (await desk.ask(body(20, 30)))[0] == 200
    desk.witness.close()
    desk.open()
    assert await desk.ask(body(20, 30)) == (409, "30\n")


async def test_strangers_and_nonsense_are_refused_by_their_names(desk: Desk) -> None:
    stranger, thief = Signer("elsewhere.example/log", bytes(32)), Signer(LOG.origin, bytes(32))
    assert (await desk.ask(body(0, 3, note=note(3, signer=stranger))))[0] == 404
    assert (await desk.ask(body(0, 3, note=note(3, signer=thief))))[0] == 403
    assert (await desk.ask(body(0, 3, note=note(3).replace("\n3\n", "\n4\n"))))[0] == 403
    assert (await desk.ask(body(0, 3, proof=[bytes(32)])))[0] == 422
    assert (await desk.ask(body(0, 0, note=LOG.sign(Checkpoint(LOG.origin, 0, bytes(32))))))[0] == 422
    assert (await desk.ask(body(3, 30, proof=[bytes(32)] * 64)))[0] == 400
    for wrong in (b"", b"old x\n\n", b"old 01\n\n" + note(3).encode(), b"old 0\n?\n\n" + note(3).encode(), b"\xff"):
        assert (await desk.ask(wrong))[0] == 400
    assert (await desk.ask(b"old 0\n\n" + b"x" * 70_000))[0] == 413
    assert (await desk.ask(body(0, 3)))[0] == 200


def test_one_process_has_the_state_and_the_key_stays(desk: Desk) -> None:
    key = desk.witness.cosigner.key
    with pytest.raises(BlockingIOError):
        server.opened(desk.folder, NAME, [LOG.key])
    assert (desk.folder / server.KEY_FILE).stat().st_mode & 0o777 == 0o600
    desk.witness.close()
    desk.open()
    assert desk.witness.cosigner.key == key


@pytest.mark.clause("G3")
def test_a_verifier_demands_witnesses() -> None:
    ada, ben = (Cosigner(f"{name}.example/witness", bytes([n]) * 32) for n, name in enumerate(("ada", "ben")))
    keys = [Witness.parse(one.key) for one in (ada, ben)]
    text = note(2).partition("\n\n")[0] + "\n"
    lines = [f'{{"index": {n}, "leaf_hash": "{hashed.hex()}"}}' for n, hashed in enumerate(LEAVES[:2])]
    both = note(2) + ada.line(text, NOW) + ben.line(text, NOW + 9)
    log = Key.parse(LOG.key)

    def kinds(*notes: str, needed: int = 2) -> set[Kind]:
        named = [(f"{n}.txt", one.encode()) for n, one in enumerate(notes)]
        return {one.kind for one in check_export(lines, named, log, demand=Demand(keys, needed)).findings}

    assert kinds(both) == set()
    assert kinds(note(2) + ada.line(text, NOW)) == {Kind.NOT_WITNESSED}
    assert kinds(note(2) + ada.line(text, NOW), needed=1) == set()
    assert kinds(note(2) + ada.line(text, NOW), note(2) + ben.line(text, NOW)) == set()
    assert kinds(note(1), note(2)) == {Kind.NOT_WITNESSED}
    assert kinds(note(2) + ada.line(text, NOW) * 2) == {Kind.NOT_WITNESSED}
    wrong = note(2) + ada.line(text.replace("\n2\n", "\n1\n"), NOW)
    assert Kind.SIGNATURE in kinds(wrong)
    with pytest.raises(NotSigned):
        cosigned(wrong.encode(), keys)
    with pytest.raises(ValueError, match="as many witnesses"):
        Demand(keys[:1], 2)
    with pytest.raises(ValueError, match="type 4"):
        Witness.parse(LOG.key)
