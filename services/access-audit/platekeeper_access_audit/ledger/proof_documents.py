"""The HTTP documents of checkpoints, proofs and leaves. Hashes are hexadecimal, but for those in a note."""

import base64
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from platekeeper_access_audit.ledger.completeness import Whole
from platekeeper_access_audit.ledger.domain import MOST, Selection
from platekeeper_access_audit.ledger.proofs import Beside, Consistency, Inclusion, Witnessed
from platekeeper_access_audit.ledger.tree import Leaf
from platekeeper_common.errors import Invalid
from platekeeper_common.ids import AgencyId
from platekeeper_common.moments import Instant

Size = Annotated[int, Field(ge=1, le=MOST)]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CosignatureDocument(_Document):
    """A witness saw the checkpoint, at the time that it says."""

    witness: str
    at: AwareDatetime


class CheckpointDocument(_Document):
    """A checkpoint: the `number`-th that was signed."""

    number: int
    origin: str
    size: int
    root: str = Field(description="Base64, as in the note")
    signed_at: AwareDatetime
    note: str = Field(description="C2SP signed note of a C2SP tlog-checkpoint; its UTF-8 bytes count")
    verifier_key: str = Field(description="C2SP signed-note verifier key; compare it with the one you were given")
    cosigned: str = Field(description="The note with the lines of the witnesses (C2SP tlog-cosignature)")
    cosignatures: list[CosignatureDocument]

    @classmethod
    def of(cls, shown: Witnessed, origin: str, key: str) -> Self:
        """The document of a checkpoint of the log `origin`."""
        signed = shown.signed
        return cls(
            number=signed.number,
            origin=origin,
            size=signed.size,
            root=base64.b64encode(signed.root).decode(),
            signed_at=signed.signed_at,
            note=signed.note,
            verifier_key=key,
            cosigned=shown.note,
            cosignatures=[CosignatureDocument(witness=one.witness, at=one.at) for one in shown.cosignatures],
        )


class CheckpointsChoice(_Document):
    """Which page of checkpoints."""

    cursor: int | None = Field(None, ge=1, le=MOST)
    limit: int = Field(100, ge=1, le=1500)


class CheckpointsDocument(_Document):
    """Checkpoints, newest first; `next_cursor` is None on the last page."""

    checkpoints: list[CheckpointDocument]
    next_cursor: int | None

    @classmethod
    def of(cls, found: Sequence[Witnessed], limit: int, origin: str, key: str) -> Self:
        """The document of a page of at most `limit`."""
        documents = [CheckpointDocument.of(one, origin, key) for one in found]
        return cls(checkpoints=documents, next_cursor=found[-1].signed.number if len(found) == limit else None)


class InclusionChoice(_Document):
    """Which record, by its id or by its index, in the tree of which size (None: the last signed)."""

    record_id: str | None = Field(None, max_length=200)
    index: int | None = Field(None, ge=0, le=MOST)
    size: Size | None = None

    @model_validator(mode="after")
    def _one_record(self) -> Self:
        if (self.record_id is None) == (self.index is None):
            raise ValueError("either record_id or index, not both")
        return self


class InclusionDocument(_Document):
    """The RFC 9162 inclusion proof of a leaf in the tree of `size` leaves."""

    index: int
    size: int
    leaf_hash: str
    path: list[str] = Field(description="From the leaf upwards")
    root: str

    @classmethod
    def of(cls, proof: Inclusion) -> Self:
        """The document of a proof."""
        path = [part.hex() for part in proof.path]
        root = proof.root.hex()
        return cls(index=proof.index, size=proof.size, leaf_hash=proof.leaf_hash.hex(), path=path, root=root)


class LeavesChoice(_Document):
    """The leaves from `start` to before `end` (None: its last) of the tree of which size (None: the last signed)."""

    size: Size | None = None
    start: int = Field(0, ge=0, le=MOST)
    end: int | None = Field(None, ge=0, le=MOST)


class RangeChoice(_Document):
    """Which leaves, `start` <= index < `end`, in the tree of which size (None: the last signed)."""

    start: int = Field(ge=0, le=MOST)
    end: int = Field(ge=0, le=MOST)
    size: Size | None = None


class SubtreeDocument(_Document):
    """A complete subtree of 2**`level` leaves and its root."""

    level: int
    hash: str


class RangeDocument(_Document):
    """The subtrees before and behind a run of leaves: with the leaves between they make the root, left to right."""

    start: int
    end: int
    size: int
    left: list[SubtreeDocument]
    right: list[SubtreeDocument]
    root: str

    @classmethod
    def of(cls, proof: Beside) -> Self:
        """The document of a proof."""
        left, right = (
            [SubtreeDocument(level=node.level, hash=hashed.hex()) for node, hashed in side]
            for side in (proof.left, proof.right)
        )
        whole = {"start": proof.start, "end": proof.end, "size": proof.size, "root": proof.root.hex()}
        return cls(left=left, right=right, **whole)


class PeriodChoice(_Document):
    """`from` <= at < `to`, in the tree of which size (None: the last signed)."""

    from_: Instant = Field(alias="from")
    to: Instant
    size: Size | None = None

    def of(self, agency_id: AgencyId) -> Selection:
        """The selection within one agency. Raises Invalid `period_empty`."""
        if self.from_ >= self.to:
            raise Invalid("`from` must be before `to`", code="period_empty")
        return Selection(agency_id=agency_id, start=self.from_, end=self.to)


class PeriodDocument(_Document):
    """What proves that records of a period are all that your agency has of it."""

    size: int
    records: int
    statement: str = Field(description="Signed note: how many there are, and the SHA-256 of where they stand")
    vouched: str = Field(description="Signed note of the ledger that names the key of `statement`")

    @classmethod
    def of(cls, whole: Whole, statement: str, vouched: str) -> Self:
        """The document of what was signed."""
        return cls(size=whole.size, records=len(whole.positions), statement=statement, vouched=vouched)


class ConsistencyChoice(_Document):
    """Between the trees of which two sizes (`to` None: the last signed)."""

    from_: Size = Field(alias="from")
    to: Size | None = None


class ConsistencyDocument(_Document):
    """The RFC 9162 consistency proof between the trees of two sizes."""

    from_: int = Field(alias="from")
    to: int
    path: list[str]
    from_root: str
    to_root: str

    @classmethod
    def of(cls, proof: Consistency) -> Self:
        """The document of a proof."""
        sizes = {"from": proof.old, "to": proof.new}
        roots = {"from_root": proof.old_root.hex(), "to_root": proof.new_root.hex()}
        return cls(**sizes, **roots, path=[part.hex() for part in proof.path])


class ExportedLeaf(_Document):
    """A line of the export of leaves: SHA-256(0x00 || salt || canonical) is `leaf_hash`.

    Of other agencies' records salt and canonical bytes are None: they hold the tree together and tell nothing.
    """

    index: int
    leaf_hash: str
    salt: str | None
    canonical: str | None

    @classmethod
    def of(cls, leaf: Leaf) -> Self:
        """The document of a leaf."""
        content = None if leaf.canonical is None else leaf.canonical.decode()
        return cls(index=leaf.index, leaf_hash=leaf.leaf_hash.hex(), salt=leaf.salt, canonical=content)
