"""The tree's hash and proofs: the vectors that every implementation of RFC 9162 knows, and the verifier's word."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_access_audit.ledger import merkle
from platekeeper_access_audit.ledger.merkle import Span
from platekeeper_verify import merkle as verifier

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
HASHES = [verifier.leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"


def root(hashes: list[bytes]) -> bytes:
    return part(hashes, Span(0, len(hashes))) if hashes else merkle.EMPTY


def part(hashes: list[bytes], span: Span) -> bytes:
    """The root over a span, made as the ledger makes it: from complete subtrees."""
    nodes = merkle.cover(span)
    found = [hashes[node.index << node.level : (node.index + 1) << node.level] for node in nodes]
    return merkle.joined([merkle.complete(leaves) for leaves in found])


def inclusion(hashes: list[bytes], index: int, size: int) -> list[bytes]:
    return [part(hashes, span) for span in merkle.inclusion_path(index, size)]


def consistency(hashes: list[bytes], old: int, new: int) -> list[bytes]:
    return [part(hashes, span) for span in merkle.consistency_path(old, new)]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_the_roots_are_those_of_the_known_vectors(size: int) -> None:
    assert root(HASHES[:size]).hex() == verifier.root(HASHES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [(0, 1, []), (0, 8, [A, B, C]), (5, 8, [D, E, ROOTS[4]]), (2, 3, [ROOTS[2]]), (1, 5, [ROOTS[1], B, D])],
)
def test_inclusion_proofs_are_those_of_the_known_vectors(index: int, size: int, path: list[str]) -> None:
    assert [hashed.hex() for hashed in inclusion(HASHES, index, size)] == path


@pytest.mark.parametrize(
    ("old", "new", "path"), [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[4]]), (2, 5, [B, D])]
)
def test_consistency_proofs_are_those_of_the_known_vectors(old: int, new: int, path: list[str]) -> None:
    assert [hashed.hex() for hashed in consistency(HASHES, old, new)] == path


def hashes_of(size: int) -> list[bytes]:
    return [hashlib.sha256(str(n).encode()).digest() for n in range(size)]


sizes = st.integers(1, 600)


@given(sizes, st.data())
def test_every_inclusion_proof_verifies_and_no_altered_one(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = hashes_of(size)
    path, whole = inclusion(hashes, index, size), root(hashes)
    assert verifier.includes(hashes[index], index, size, path, whole)
    other = data.draw(st.integers(0, size + 5).filter(lambda n: n != index))
    assert not verifier.includes(hashes[index], other, size, path, whole)
    assert not verifier.includes(hashed(hashes[index]), index, size, path, whole)
    assert not verifier.includes(hashes[index], index, size, path, hashed(whole))
    assert not verifier.includes(hashes[index], index, size, [*path, whole], whole)
    for altered in altered_paths(path):
        assert not verifier.includes(hashes[index], index, size, altered, whole)


@given(sizes, st.data())
def test_every_consistency_proof_verifies_and_no_altered_one(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    hashes = hashes_of(new)
    path, before, after = consistency(hashes, old, new), root(hashes[:old]), root(hashes)
    assert verifier.continues(old, new, path, before, after)
    assert not verifier.continues(old, new, path, hashed(before), after)
    assert not verifier.continues(old, new, path, before, hashed(after))
    assert not verifier.continues(old, new, [*path, after], before, after)
    assert not verifier.continues(new + 1, new, path, before, after)
    for altered in altered_paths(path):
        assert not verifier.continues(old, new, altered, before, after)


def hashed(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def altered_paths(path: list[bytes]) -> list[list[bytes]]:
    """The path with each part changed, with each left out, and with each two neighbours in the other order."""
    changed = [[*path[:n], hashed(path[n]), *path[n + 1 :]] for n in range(len(path))]
    shorter = [path[:n] + path[n + 1 :] for n in range(len(path))]
    swapped = [[*path[:n], path[n + 1], path[n], *path[n + 2 :]] for n in range(len(path) - 1)]
    return changed + shorter + swapped


def test_the_empty_tree_is_the_beginning_of_every_tree() -> None:
    assert verifier.continues(0, 8, [], merkle.EMPTY, root(HASHES))
    assert not verifier.continues(0, 8, [], root(HASHES), root(HASHES))


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion_path(index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_a_tree_that_is_no_beginning_has_no_proof(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="continues"):
        merkle.consistency_path(old, new)
