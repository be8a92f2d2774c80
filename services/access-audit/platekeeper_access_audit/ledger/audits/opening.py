"""The worker's part in audits: opens them when a period has ended, draws the sample, and minds what is overdue."""

import base64
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from platekeeper_access_audit.ledger import following, tree
from platekeeper_access_audit.ledger.audits import domain, monitoring, sampling, storage
from platekeeper_access_audit.ledger.audits.domain import Audit, Period, Why
from platekeeper_access_audit.ledger.audits.sampling import Draw
from platekeeper_access_audit.ledger.breaches import handlers as breaches
from platekeeper_access_audit.ledger.policy import AuditsPolicy, LedgerPolicy
from platekeeper_access_audit.ledger.reviews import storage as reviews
from platekeeper_access_audit.ledger.reviews.domain import Alert
from platekeeper_access_audit.ledger.reviews.watching import raise_alert
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.tree import Signed
from platekeeper_common import ids
from platekeeper_common.actions import Action
from platekeeper_common.ids import AgencyId

EVERY = timedelta(minutes=1)
MOST_BACK = 40
"""Ended periods that are audited when none has been yet."""
_log = structlog.get_logger()


async def run(here: LedgerRoom) -> None:
    """Look each minute what has become due, until cancelled."""
    looked_at = datetime.min.replace(tzinfo=UTC)

    async def look_each_minute() -> None:
        nonlocal looked_at
        now = here.clock()
        if now - looked_at >= EVERY and await look(here):
            looked_at = now

    await following.keep_looking("audits", look_each_minute)


async def look(here: LedgerRoom) -> bool:
    """Open every audit that is due, make the report of every month that is over, alarm about what is late.

    False when an audit waits for the next checkpoint.
    """
    done = True
    for agency_id in here.foundation.policies.open_agencies():
        async with here.db.alone("audits"):
            done = await open_due(here, agency_id) and done
            await monitoring.make_due(here, agency_id)
    await alarm_overdue(here)
    await breaches.alarm_overdue(here)
    return done


async def open_due(here: LedgerRoom, agency_id: AgencyId) -> bool:
    """Open the audits of the agency's ended periods, back to the first record or the last audit. Safe to run twice.

    False when one waits for a checkpoint that was signed after its records had arrived.
    """
    cadence = here.foundation.policies.of(agency_id).section(LedgerPolicy).audit_cadence
    zone = ZoneInfo(here.foundation.policies.agency(agency_id).time_zone)
    async with here.db.tx() as tx:
        first = await storage.first_record_at(tx, agency_id)
        signed = await tree.latest(tx)
        missing: list[Period] = []
        for back in range(MOST_BACK):
            period = domain.ended(here.clock() - domain.ARRIVED_WITHIN, cadence, zone, back=back)
            if first is None or period.ends <= first or await storage.of_period(tx, agency_id, period.name) is not None:
                break
            missing.append(period)
    for period in reversed(missing):
        if signed is None or signed.signed_at < period.ends + domain.ARRIVED_WITHIN:
            return False
        await _open(here, agency_id, period, signed)
    return True


async def alarm_overdue(here: LedgerRoom) -> None:
    """Tell administrators of audits that should have been signed off; once for each."""
    now = here.clock()
    async with here.db.tx() as tx:
        for late in await storage.overdue(tx, now):
            alert = Alert(
                id=ids.new(),
                agency_id=late.agency_id,
                kind="audit_overdue",
                about=late.id,
                sentence=f"The audit of {late.period} was due on {late.due_at:%Y-%m-%d} and is not signed off.",
                clause="G4",
                happened_at=late.due_at,
                raised_at=now,
            )
            await raise_alert(tx, here, alert)


async def _open(here: LedgerRoom, agency_id: AgencyId, period: Period, signed: Signed) -> None:
    profile, now = here.foundation.policies.of(agency_id), here.clock()
    policy = profile.section(AuditsPolicy)
    seed = sampling.seed(agency_id, period.name, signed.size, signed.root)
    async with here.db.tx() as tx:
        items = await reviews.between(tx, agency_id, period.starts, now)
    found = {record_id for item in items if item.kind == "finding" for record_id in item.record_ids}
    everything = Draw(seed, policy.random_sample)
    # As many more as the first draw may take away from it.
    risky, why = Draw(seed, policy.risk_sample + policy.random_sample), dict[str, Why]()
    population = 0
    async for one in storage.candidates(here.db, agency_id, period.starts, period.ends, signed.size):
        population += 1
        everything.offer(one.record_id)
        if (kind := domain.risk(one, found)) is not None:
            risky.offer(one.record_id)
            why[one.record_id] = kind
    drawn: dict[str, Why] = dict.fromkeys(everything.drawn, "random")
    further = [record_id for record_id in risky.drawn if record_id not in drawn][: policy.risk_sample]
    opened = Audit(
        id=ids.new(),
        agency_id=agency_id,
        period=period.name,
        starts_at=period.starts,
        ends_at=period.ends,
        opened_at=now,
        due_at=period.ends + policy.audit_due_within,
        cadence=profile.section(LedgerPolicy).audit_cadence,
        tree_size=signed.size,
        root=base64.b64encode(signed.root).decode(),
        seed=seed,
        population=population,
        risky=len(why),
        findings=tuple(sorted(record_id for record_id, kind in why.items() if kind == "finding")),
        policy_version=profile.version,
    )
    async with here.db.tx() as tx:
        await storage.add(tx, opened, drawn | {record_id: why[record_id] for record_id in further})
        tx.emit(here.recorder.by_itself(agency_id, Action.AUDIT_WATCH, "audit", opened.id))
    _log.info("audit opened", agency=agency_id, period=period.name, records=len(drawn) + len(further))
