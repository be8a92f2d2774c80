"""The ledger as a service."""

from pathlib import Path

import msgspec

from platekeeper_access_audit.ledger import alarms, following, handlers, sequencer, storage
from platekeeper_access_audit.ledger.audits import monitoring, opening
from platekeeper_access_audit.ledger.audits import storage as audit_storage
from platekeeper_access_audit.ledger.audits.routes import router as audits
from platekeeper_access_audit.ledger.breaches import storage as breach_storage
from platekeeper_access_audit.ledger.breaches.routes import router as breaches
from platekeeper_access_audit.ledger.consumers import keep_records
from platekeeper_access_audit.ledger.expiry import handlers as expiry
from platekeeper_access_audit.ledger.plate_index import handlers as plates
from platekeeper_access_audit.ledger.policy import SECTIONS
from platekeeper_access_audit.ledger.proof_routes import router as proofs
from platekeeper_access_audit.ledger.reviews import alert_storage, watching
from platekeeper_access_audit.ledger.reviews import storage as review_storage
from platekeeper_access_audit.ledger.reviews.domain import ALERT_KINDS
from platekeeper_access_audit.ledger.reviews.routes import router as reviews
from platekeeper_access_audit.ledger.room import NAME, LedgerRoom, LedgerSettings, open_room
from platekeeper_access_audit.ledger.routes import router, strangers
from platekeeper_access_audit.ledger.tampering import handlers as tampering
from platekeeper_access_audit.ledger.tampering.routes import router as altering
from platekeeper_access_audit.ledger.tracing.routes import router as tracing
from platekeeper_access_audit.ledger.witnesses import handlers as witnesses
from platekeeper_common.events.access import AccessRecorded, CheckpointSigned
from platekeeper_common.events.public import Detector, Figures, Monitoring, Searches, StatedInPublic, Statement
from platekeeper_common.ids import AgencyId
from platekeeper_common.metrics import Say, gauge
from platekeeper_common.periods import Month
from platekeeper_common.service import Consumes, Grant, Job, Service

RECORDS = gauge("platekeeper_ledger_records", "Access records in the ledger.")
REFUSALS = gauge("platekeeper_ledger_refusals", "Those of refusals.")
GAPS = gauge("platekeeper_ledger_producers_with_gaps", "Services of whose numbered records some have not arrived.")
ALERTS = gauge("platekeeper_ledger_alerts_unseen", "Alerts that no administrator has acknowledged.", kind=ALERT_KINDS)
REVIEWS = gauge("platekeeper_ledger_reviews_overdue", "Items of review queues that are not settled in time.")
UNWATCHED = gauge(
    "platekeeper_ledger_unwatched_records",
    "Records that a job of the worker has not taken yet.",
    reader=(plates.READER, watching.QUEUE, watching.DETECTORS),
)
BREACHES = gauge("platekeeper_ledger_notifications_overdue", "Breaches of which nobody has been told in time.")
AUDITS = gauge("platekeeper_ledger_audits_overdue", "Audits that are not signed off in time.")


async def counts(here: LedgerRoom) -> dict[str, int]:
    """Figures for the start page."""
    return await handlers.counts(here.db) | await alarms.counts(here)


async def figures(here: LedgerRoom, say: Say) -> None:
    """What operators see of the ledger."""
    known = await handlers.counts(here.db)
    say(RECORDS, known["records"])
    say(REFUSALS, known["refusals"])
    say(GAPS, known["producers_with_gaps"])
    async with here.db.tx() as tx:
        size, places = await storage.next_position(tx), await following.places(tx)
        unseen = await alert_storage.unseen(tx)
        say(REVIEWS, await review_storage.overdue(tx, here.clock()))
        say(BREACHES, len(await breach_storage.overdue(tx, here.clock())))
        say(AUDITS, len(await audit_storage.overdue(tx, here.clock())))
    for reader in (plates.READER, watching.QUEUE, watching.DETECTORS):
        say(UNWATCHED, size - places.get(reader, 0), reader=reader)
    for kind in ALERT_KINDS:
        say(ALERTS, unseen.get(kind, 0), kind=kind)
    await alarms.figures(here, say)


async def says(here: LedgerRoom, agency_id: AgencyId) -> list[Statement]:
    """How use is monitored, by the settings in force (B7)."""
    async with here.db.tx() as tx:
        plan = await monitoring.plan(tx, here.foundation.policies.of(agency_id), agency_id)
    return [
        Monitoring(
            audit_cadence=plan.cadence,
            access_years=plan.access_years,
            breach_policy=plan.breach_policy,
            reviewer=plan.reviewer,
            detectors=tuple(Detector(code=code, looks_for=words) for code, words in plan.detectors),
            last_audit=plan.last_audit.date() if plan.last_audit else None,
        )
    ]


async def tallies(here: LedgerRoom, agency_id: AgencyId, month: Month) -> Figures:
    """Searches by purpose, refusals and audits of the month: counts over the index of its moments, once."""
    async with here.db.tx() as tx:
        made = await storage.searches_in(tx, agency_id, month)
        refused = await storage.refusals_in(tx, agency_id, month)
        audited = await audit_storage.signed_off_in(tx, agency_id, month.start, month.end)
    known = {purpose: made.pop(purpose) for purpose in Searches.__struct_fields__ if purpose in made}
    searches = msgspec.convert({**known, "another": sum(made.values())}, Searches)
    return Figures(month=str(month), searches=searches, refusals=refused, audits=audited)


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


async def watch_records(here: LedgerRoom) -> None:
    """Alerts, the review queue and detectors."""
    await watching.run(here)


async def open_audits(here: LedgerRoom) -> None:
    """Audits at the profile's cadence, monthly reports, and what is overdue."""
    await opening.run(here)


LEDGER = Service(
    name=NAME,
    summary="The access records of all services, append-only, in a signed Merkle tree.",
    paths=(
        "/v1/access-records",
        "/v1/alerts",
        "/v1/audits",
        "/v1/breaches",
        "/v1/checkpoints",
        "/v1/monitoring-plan",
        "/v1/monitoring-reports",
        "/v1/proofs",
        "/v1/reviews",
        "/v1/staff-plates",
        "/v1/strangers",
    ),
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
        Grant("reader", "SELECT"),
        Grant("reader", "INSERT, UPDATE", roles=("worker",)),
        Grant("review_item", "SELECT, INSERT, UPDATE"),
        Grant("review_step", "SELECT, INSERT"),
        Grant("audit", "SELECT, UPDATE"),
        Grant("audit", "INSERT", roles=("worker",)),
        Grant("audit_record", "SELECT, UPDATE"),
        Grant("audit_record", "INSERT", roles=("worker",)),
        Grant("monitoring_report", "SELECT"),
        Grant("monitoring_report", "INSERT", roles=("worker",)),
        Grant("breach", "SELECT, INSERT, UPDATE"),
        Grant("breach_step", "SELECT, INSERT"),
        Grant("alert", "SELECT, INSERT, UPDATE"),
        Grant("owed_number", "SELECT, INSERT, UPDATE, DELETE", roles=("worker",)),
        Grant("staff_plate", "SELECT"),
        Grant("staff_plate", "INSERT, DELETE", roles=("api",)),
        Grant("plate_index", "SELECT"),
        Grant("plate_index", "INSERT, DELETE", roles=("worker",)),
    ),
    routes=(proofs, tracing, router, altering, reviews, audits, breaches, strangers),
    consumes=(Consumes("ledger", (AccessRecorded.topic,), keep_records, gather=0.2),),
    emits=(AccessRecorded, CheckpointSigned, StatedInPublic),
    jobs=(
        Job("sign checkpoints", sign_checkpoints),
        Job("index plates", index_plates),
        Job("expire months", expire_months),
        Job("watch attempts", watch_attempts),
        Job("ask witnesses", ask_witnesses),
        Job("watch records", watch_records),
        Job("open audits", open_audits),
    ),
    policy=SECTIONS,
    settings=LedgerSettings,
    counts=counts,
    open_counts=("producers_with_gaps", "lag_seconds", "unwitnessed_seconds", "alarms"),
    figures=figures,
    says=says,
    tallies=tallies,
)
