"""The ledger's door for proofs: checkpoints, inclusion, consistency, and the leaves to check them against."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from platekeeper_access_audit.ledger import proofs
from platekeeper_access_audit.ledger.handlers import own_agency
from platekeeper_access_audit.ledger.proof_documents import (
    CheckpointDocument,
    CheckpointsChoice,
    CheckpointsDocument,
    ConsistencyChoice,
    ConsistencyDocument,
    ExportedLeaf,
    InclusionChoice,
    InclusionDocument,
    LeavesChoice,
    PeriodChoice,
    PeriodDocument,
    RangeChoice,
    RangeDocument,
)
from platekeeper_access_audit.ledger.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

NDJSON = "application/x-ndjson"

router = APIRouter(prefix="/v1", tags=["proofs"])
Witness = Annotated[Caller, may(Action.CHECKPOINT_VIEW)]
Prover = Annotated[Caller, may(Action.RECORDS_PROVE)]


@router.get("/checkpoints/latest")
async def latest(who: Witness, tx: Tx, here: Here, place: CurrentPlace) -> CheckpointDocument:
    """The last signed checkpoint of the ledger's Merkle tree."""
    signed = await proofs.latest(tx, here, who, place=place)
    return CheckpointDocument.of(signed, here.origin, here.verifier_key)


@router.get("/checkpoints")
async def checkpoints(
    choice: Annotated[CheckpointsChoice, Query()], who: Witness, tx: Tx, here: Here, place: CurrentPlace
) -> CheckpointsDocument:
    """Signed checkpoints, newest first."""
    found = await proofs.checkpoints(tx, here, who, before=choice.cursor, limit=choice.limit, place=place)
    return CheckpointsDocument.of(found, choice.limit, here.origin, here.verifier_key)


@router.get("/proofs/inclusion")
async def inclusion(
    choice: Annotated[InclusionChoice, Query()], who: Prover, tx: Tx, here: Here, place: CurrentPlace
) -> InclusionDocument:
    """The proof that a record is in the tree, by the record's id or by its index."""
    proof = await proofs.inclusion(
        tx, here, who, record_id=choice.record_id, index=choice.index, size=choice.size, place=place
    )
    return InclusionDocument.of(proof)


@router.get("/proofs/consistency")
async def consistency(
    choice: Annotated[ConsistencyChoice, Query()], who: Prover, tx: Tx, here: Here, place: CurrentPlace
) -> ConsistencyDocument:
    """The proof that a later tree begins with an earlier one: nothing was changed or removed between them."""
    return ConsistencyDocument.of(await proofs.consistency(tx, here, who, old=choice.from_, new=choice.to, place=place))


@router.get("/proofs/range")
async def beside(
    choice: Annotated[RangeChoice, Query()], who: Prover, tx: Tx, here: Here, place: CurrentPlace
) -> RangeDocument:
    """The proof that a run of leaves stands in a tree, without the leaves of others."""
    proof = await proofs.beside(tx, here, who, start=choice.start, end=choice.end, size=choice.size, place=place)
    return RangeDocument.of(proof)


@router.get("/proofs/period")
async def period(
    choice: Annotated[PeriodChoice, Query()], who: Prover, tx: Tx, here: Here, place: CurrentPlace
) -> PeriodDocument:
    """The proof that records of a period are all that your agency has of it in a signed tree."""
    whole = await proofs.period(tx, here, who, choice.of(own_agency(who)), size=choice.size, place=place)
    return PeriodDocument.of(whole, here.exporting.sign(whole.text), here.vouched)


@router.get("/access-records/leaves", response_class=StreamingResponse, responses={200: {"content": {NDJSON: {}}}})
async def leaves(
    choice: Annotated[LeavesChoice, Query()], who: Prover, tx: Tx, here: Here, place: CurrentPlace
) -> StreamingResponse:
    """Every leaf of a signed tree, or a run of them, one JSON document a line; your agency's with their content."""
    span = await proofs.begin_leaves(tx, here, who, start=choice.start, end=choice.end, size=choice.size, place=place)

    async def lines() -> AsyncIterator[str]:
        async for leaf in proofs.leaves(here.db, own_agency(who), span):
            yield ExportedLeaf.of(leaf).model_dump_json() + "\n"

    return StreamingResponse(lines(), media_type=NDJSON)
