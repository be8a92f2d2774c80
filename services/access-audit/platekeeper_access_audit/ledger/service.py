"""The ledger as a service."""

from pathlib import Path

import msgspec

from platekeeper_access_audit.ledger import alarms, handlers, sequencer, storage
from platekeeper_access_audit.ledger.consumers import keep_records
from platekeeper_access_audit.ledger.expiry import handlers as expiry
from platekeeper_access_audit.ledger.plate_index import handlers as plates
from platekeeper_access_audit.ledger.policy import SECTIONS, LedgerPolicy
from platekeeper_access_audit.ledger.proof_routes import router as proofs
from platekeeper_access_audit.ledger.room import NAME, LedgerRoom, LedgerSettings, open_room
from platekeeper_access_audit.ledger.routes import router
from platekeeper_access_audit.ledger.tampering import handlers as tampering
from platekeeper_access_audit.ledger.tampering.routes import router as altering
from platekeeper_access_audit.ledger.tracing.routes import router as tracing
from platekeeper_access_audit.ledger.witnesses import handlers as witnesses
from platekeeper_common.events.access import AccessRecorded, CheckpointSigned
from platekeeper_common.events.public import Figures, Monitoring, Searches, StatedInPublic, Statement
from platekeeper_common.ids import AgencyId
from platekeeper_common.metrics import Say, gauge
from platekeeper_common.periods import Month
from platekeeper_common.service import Consumes, Grant, Job, Service

RECORDS = gauge("platekeeper_ledger_records", "Access records in the ledger.")
REFUSALS = gauge("platekeeper_ledger_refusals", "Those of refusals.")
GAPS = gauge("platekeeper_ledger_producers_with_gaps", "Services of whose numbered records some have not arrived.")


async def counts(here: LedgerRoom) -> dict[str, int]:
    """Figures for the start page."""
    return await handlers.counts(here.db) | await alarms.counts(here)


async def figures(here: LedgerRoom, say: Say) -> None:
    """What operators see of the ledger."""
    known = await handlers.counts(here.db)
    say(RECORDS, known["records"])
    say(REFUSALS, known["refusals"])
    say(GAPS, known["producers_with_gaps"])
    await alarms.figures(here, say)


async def says(here: LedgerRoom, agency_id: AgencyId) -> list[Statement]:
    """How use is monitored, by the settings in force (B7)."""
    rules = here.foundation.policies.of(agency_id).section(LedgerPolicy)
    plan = Monitoring(
        audit_cadence=rules.audit_cadence, access_years=rules.access_years, breach_policy=rules.breach_policy
    )
    return [plan]


async def tallies(here: LedgerRoom, agency_id: AgencyId, month: Month) -> Figures:
    """Searches by purpose and refusals of the month: two counts over the index of its moments, once."""
    async with here.db.tx() as tx:
        made = await storage.searches_in(tx, agency_id, month)
        refused = await storage.refusals_in(tx, agency_id, month)
    known = {purpose: made.pop(purpose) for purpose in Searches.__struct_fields__ if purpose in made}
    searches = msgspec.convert({**known, "another": sum(made.values())}, Searches)
    return Figures(month=str(month), searches=searches, refusals=refused)


async def sign_checkpoints(here: LedgerRoom) -> None:
    """The sequencer's work."""
    await sequencer.run(here)


async def expire_months(here: LedgerRoom) -> None:
    """Query elements die with their month, by policy."""
    await expiry.run(here)


async def ask_witnesses(here: LedgerRoom) -> None:
    """Witnesses elsewhere cosign what was signed."""
    await witnesses.run(here)


async def watch_attempts(here: LedgerRoom) -> None:
    """Statements that the database refused become access records."""
    await tampering.run(here)


async def index_plates(here: LedgerRoom) -> None:
    """Digests of the plates that were asked for, so that one question finds who asked."""
    await plates.run(here)


LEDGER = Service(
    name=NAME,
    summary="The access records of all services, append-only, in a signed Merkle tree.",
    paths=("/v1/access-records", "/v1/checkpoints", "/v1/proofs"),
    open=open_room,
    migrations=Path(__file__).parent / "migrations",
    # Who answers requests may retry a dead letter, and so append; only the sequencer adds to the tree and signs.
    grants=(
        Grant("access_record", "SELECT, INSERT"),
        Grant("producer", "SELECT, INSERT, UPDATE"),
        Grant("subtree", "SELECT"),
        Grant("checkpoint", "SELECT"),
        Grant("subtree", "INSERT", roles=("worker",)),
        Grant("checkpoint", "INSERT", roles=("worker",)),
        Grant("refused_statement", "SELECT, UPDATE", roles=("worker",)),
        Grant("refused_statement_number", "SELECT", roles=("worker",)),
        Grant("cosignature", "SELECT"),
        Grant("cosignature", "INSERT", roles=("worker",)),
        Grant("expired_month", "SELECT, INSERT, UPDATE", roles=("worker",)),
        Grant("reader", "SELECT, INSERT, UPDATE", roles=("worker",)),
        Grant("plate_index", "SELECT"),
        Grant("plate_index", "INSERT, DELETE", roles=("worker",)),
    ),
    routes=(proofs, tracing, router, altering),
    consumes=(Consumes("ledger", (AccessRecorded.topic,), keep_records, gather=0.2),),
    emits=(AccessRecorded, CheckpointSigned, StatedInPublic),
    jobs=(
        Job("sign checkpoints", sign_checkpoints),
        Job("index plates", index_plates),
        Job("expire months", expire_months),
        Job("watch attempts", watch_attempts),
        Job("ask witnesses", ask_witnesses),
    ),
    policy=SECTIONS,
    settings=LedgerSettings,
    counts=counts,
    figures=figures,
    says=says,
    tallies=tallies,
)
