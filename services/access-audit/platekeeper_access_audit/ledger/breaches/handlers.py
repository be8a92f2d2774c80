"""What the administrator does about a breach, and what its scope was by the access records. Each leaves a record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from platekeeper_access_audit.ledger.breaches import domain, storage
from platekeeper_access_audit.ledger.breaches.domain import Actor, Breach, Step, Within
from platekeeper_access_audit.ledger.policy import BreachesPolicy, LedgerPolicy
from platekeeper_access_audit.ledger.reviews.domain import Alert
from platekeeper_access_audit.ledger.reviews.watching import raise_alert
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Invalid, NotFound

LOCK = "breaches"
MOST_IDS = 10_000
"""Ids of results that a report names of one person."""


@dataclass(frozen=True, slots=True)
class InFull:
    """A breach with its steps, at this moment."""

    breach: Breach
    steps: Sequence[Step]
    now: datetime


async def record(
    tx: Tx, here: LedgerRoom, by: Caller, *, summary: str, scope: str, detected_at: datetime, place: Place
) -> InFull:
    """Record a breach; its clock runs from the detection. Raises Invalid `detected_in_future`."""
    now, profile = here.clock(), here.foundation.policies.of(by.agency_id)
    if detected_at > now:
        raise Invalid("a breach cannot be detected in the future", code="detected_in_future", clause="G5")
    new = Breach(
        id=ids.new(),
        agency_id=by.agency_id,
        summary=summary,
        scope=scope,
        policy=profile.section(LedgerPolicy).breach_policy,
        policy_version=profile.version,
        detected_at=detected_at,
        recorded_at=now,
        recorded_by=by.subject,
        notify_by=detected_at + profile.section(BreachesPolicy).notify_within,
    )
    step = Step(at=now, recorded_at=now, what="recorded", subject=by.subject, username=by.username, note=summary)
    await storage.add(tx, new, step)
    tx.emit(here.recorder.administration(by, Action.BREACH_EDIT, "breach", new.id, place))
    return InFull(new, [step], now)


async def browse(tx: Tx, here: LedgerRoom, by: Caller, *, place: Place) -> tuple[Sequence[Breach], datetime]:
    """The breaches of the caller's agency, the last detected first, at this moment."""
    found = await storage.of_agency(tx, by.agency_id)
    tx.emit(here.recorder.administration(by, Action.BREACH_VIEW, "breaches", "all", place, result_count=len(found)))
    return found, here.clock()


async def show(tx: Tx, here: LedgerRoom, by: Caller, breach_id: str, *, place: Place) -> InFull:
    """One breach in full. Raises NotFound `breach_unknown`."""
    found = await _own(tx, by, breach_id)
    tx.emit(here.recorder.administration(by, Action.BREACH_VIEW, "breach", breach_id, place))
    return InFull(found, await storage.steps(tx, breach_id), here.clock())


async def act(
    tx: Tx, here: LedgerRoom, by: Caller, breach_id: str, *, what: domain.Deed,
    at: datetime | None, to: str | None, note: str, place: Place,
) -> InFull:  # fmt: skip
    """Say what was done about it, `at` a moment, now when none is given; a notice says who was told.

    Raises NotFound, Invalid `moment_invalid` for one before the detection or after now, `recipient_missing`; Conflict
    `breach_closed`.
    """
    await tx.lock(LOCK)
    found, now = await _own(tx, by, breach_id), here.clock()
    domain.demand_open(found)
    moment = at or now
    if not found.detected_at <= moment <= now:
        raise Invalid("the moment must lie between the detection and now", code="moment_invalid", clause="G5")
    if what == "notice" and to is None:
        raise Invalid("a notice says who was told", code="recipient_missing", clause="G5")
    changed = found
    if what == "contained":
        changed = replace(found, contained_at=moment)
    elif what == "notice":
        changed = replace(found, notified_at=min(moment, found.notified_at or moment))
    step = Step(at=moment, recorded_at=now, what=what, subject=by.subject, username=by.username, to=to, note=note)
    await storage.change(tx, changed, step)
    tx.emit(here.recorder.administration(by, Action.BREACH_EDIT, "breach", breach_id, place))
    return InFull(changed, await storage.steps(tx, breach_id), now)


async def close(tx: Tx, here: LedgerRoom, by: Caller, breach_id: str, *, note: str, place: Place) -> InFull:
    """Close it for good. Raises NotFound, Conflict `breach_closed` or `breach_unfinished`."""
    await tx.lock(LOCK)
    found, now = await _own(tx, by, breach_id), here.clock()
    domain.demand_may_close(found)
    changed = replace(found, closed_at=now)
    step = Step(at=now, recorded_at=now, what="closed", subject=by.subject, username=by.username, note=note)
    await storage.change(tx, changed, step)
    tx.emit(here.recorder.administration(by, Action.BREACH_EDIT, "breach", breach_id, place))
    return InFull(changed, await storage.steps(tx, breach_id), now)


async def scope(tx: Tx, here: LedgerRoom, by: Caller, breach_id: str, within: Within, *, place: Place) -> list[Actor]:
    """Who did what between two moments, and what was handed out to whom. Raises NotFound, Invalid `period_empty`."""
    await _own(tx, by, breach_id)
    if within.starts >= within.ends:
        raise Invalid("`from` must be before `to`", code="period_empty")
    actors: dict[str, _Tally] = {}
    async for row in storage.records(tx, by.agency_id, within):
        actors.setdefault(row.subject, _Tally(row, row)).add(row)
    report = [tally.actor(subject) for subject, tally in sorted(actors.items())]
    about = f"{breach_id}?{within.described()}"
    tx.emit(
        here.recorder.administration(by, Action.BREACH_VIEW, "breach_scope", about, place, result_count=len(report))
    )
    return report


async def alarm_overdue(here: LedgerRoom) -> None:
    """Tell administrators of breaches about which nobody was told in time; once for each."""
    now = here.clock()
    async with here.db.tx() as tx:
        for late in await storage.overdue(tx, now):
            alert = Alert(
                id=ids.new(),
                agency_id=late.agency_id,
                kind="notification_overdue",
                about=late.id,
                sentence=f"Nobody has been told of the breach detected on {late.detected_at:%Y-%m-%d %H:%M} UTC;"
                f" that was due by {late.notify_by:%Y-%m-%d %H:%M} UTC.",
                clause="G5",
                happened_at=late.notify_by,
                raised_at=now,
            )
            await raise_alert(tx, here, alert)


@dataclass(slots=True)
class _Tally:
    first: Any
    last: Any
    devices: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    actions: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    results: int = 0
    ids: dict[str, None] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        self.first = min(self.first, row, key=lambda one: one.at)
        self.last = max(self.last, row, key=lambda one: one.at)
        self.devices |= {row.device} - {None}
        self.addresses |= {row.address} - {None}
        self.actions[row.action] += 1
        self.refused += row.outcome == "refused"
        self.results += row.result_count or 0
        for one in row.result_ids:
            if len(self.ids) < MOST_IDS:
                self.ids[one] = None

    def actor(self, subject: str) -> Actor:
        return Actor(
            subject=subject,
            username=self.last.username,
            name=self.last.name,
            organisation=self.last.organisation,
            devices=tuple(sorted(self.devices)),
            addresses=tuple(sorted(self.addresses)),
            actions=dict(sorted(self.actions.items())),
            refused=self.refused,
            first_at=self.first.at,
            last_at=self.last.at,
            results=self.results,
            result_ids=tuple(self.ids),
        )


async def _own(tx: Tx, by: Caller, breach_id: str) -> Breach:
    found = await storage.get(tx, by.agency_id, breach_id)
    if found is None:
        raise NotFound("no such breach", code="breach_unknown")
    return found
