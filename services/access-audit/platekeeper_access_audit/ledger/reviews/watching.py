"""The worker's watch over new records: alerts, the review queue, numbers that did not come, detectors."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from platekeeper_access_audit.ledger import following
from platekeeper_access_audit.ledger.domain import SEARCHES, Entry
from platekeeper_access_audit.ledger.plate_index import handlers as plates
from platekeeper_access_audit.ledger.policy import AuditsPolicy, hours_of_shifts
from platekeeper_access_audit.ledger.reviews import (
    acts,
    alert_storage,
    detectors,
    domain,
    owed_storage,
    register,
    storage,
)
from platekeeper_access_audit.ledger.reviews.detectors import Finding, Person
from platekeeper_access_audit.ledger.reviews.domain import Alert, Item, Step
from platekeeper_access_audit.ledger.reviews.owed_storage import Owed
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_common import ids
from platekeeper_common.actions import Action
from platekeeper_common.db import Tx
from platekeeper_common.errors import Refused
from platekeeper_common.events.access import AccessRecorded
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.policies import Policies
from platekeeper_common.policy import Profile
from platekeeper_common.shared_policy import UsePolicy

LOCK = "reviews"
QUEUE, DETECTORS = "review queue", "detectors"
BATCH = 500
EVERY = timedelta(minutes=1)
"""How often it looks for numbers that did not come; how long detectors rest after having looked at something."""
ARRIVES_WITHIN = timedelta(minutes=1)
"""A record may come before the word that its agency exists; later nobody will say so."""


async def run(here: LedgerRoom) -> None:
    """Look twice a second for what needs the administrator at once, each minute for the rest, until cancelled."""
    queued_at = detected_at = datetime.min.replace(tzinfo=UTC)

    async def look() -> None:
        nonlocal queued_at, detected_at
        while await take(here):
            pass
        now = here.clock()
        if now - queued_at >= EVERY:
            await queue_owed(here)
            queued_at = now
        if now - detected_at >= EVERY:
            while await detect(here):
                detected_at = now

    await following.keep_looking(QUEUE, look)


async def take(here: LedgerRoom) -> int:
    """Take the next records, up to BATCH: alerts, purposes in words, numbers owed; how many it took. Safe to repeat."""
    async with here.db.tx() as tx:
        start = await following.place(tx, QUEUE)
        entries = await following.records(tx, start, BATCH)
    known = await _known(here, entries)
    if not known:
        return 0
    async with here.db.tx() as tx:
        await tx.lock(LOCK)
        if await following.place(tx, QUEUE) != start:
            return 0
        for entry, profile in known:
            if profile is not None:
                await _take(tx, here, entry.record, profile)
        await following.move(tx, QUEUE, start + len(known))
    return len(known)


async def raise_alert(tx: Tx, here: LedgerRoom, alert: Alert) -> bool:
    """Tell the administrator once of what it is about, with a record of it; whether it is new."""
    if not await alert_storage.add(tx, alert):
        return False
    tx.emit(here.recorder.by_itself(alert.agency_id, Action.AUDIT_WATCH, "alert", alert.id))
    return True


async def queue_owed(here: LedgerRoom) -> None:
    """Queue the matters of every agency whose number is still owed after its time (A8)."""
    for agency_id in here.foundation.policies.open_agencies():
        profile = here.foundation.policies.of(agency_id)
        limit, now = profile.section(AuditsPolicy).number_owed_within, here.clock()
        async with here.db.tx() as tx:
            if not await owed_storage.since(tx, agency_id, now - limit):
                continue
            await tx.lock(LOCK)
            due = await owed_storage.since(tx, agency_id, now - limit)
            for owed in due:
                sentence = domain.owed_in_words(owed.name, limit // timedelta(hours=1))
                about = _About(owed.subject, owed.username, owed.name, owed.matter_session, (owed.record_id,))
                await _open(tx, here, _item(agency_id, "number_pending", about, sentence, now, profile))
            await owed_storage.forget(tx, agency_id, [owed.matter_session for owed in due])


async def detect(here: LedgerRoom) -> int:
    """Look at the acts of everybody who has new records, as far as plates are indexed; how many records it took."""
    async with here.db.tx() as tx:
        start = await following.place(tx, DETECTORS)
        entries = await following.records(tx, start, BATCH, before=await following.place(tx, plates.READER))
    known = await _known(here, entries)
    people: dict[tuple[AgencyId, str], _Fresh] = {}
    for entry, profile in known:
        record = entry.record
        if profile is not None and record.kind == "plate_data" and record.username:
            fresh = people.setdefault((record.agency_id, record.username), _Fresh(record, profile))
            await fresh.add(here, entry)
    for fresh in people.values():
        await _detect(here, fresh, before=start + len(known))
    if known:
        async with here.db.tx() as tx:
            await following.move(tx, DETECTORS, start + len(known))
    return len(known)


@dataclass(frozen=True, slots=True)
class _About:
    subject: str
    username: str
    name: str
    matter_session: str | None
    record_ids: tuple[str, ...]


@dataclass(slots=True)
class _Fresh:
    """A person who has new records, the plates that these asked for as tokens, and whose vehicles they are."""

    last: AccessRecorded
    profile: Profile
    same: dict[acts.Digest, str] = field(default_factory=dict)
    vehicles: dict[str, str] = field(default_factory=dict)

    async def add(self, here: LedgerRoom, entry: Entry) -> None:
        """One more record of the person. Raises Unavailable."""
        self.last = entry.record
        keys, agency_id = here.foundation.keys, entry.record.agency_id
        asked = await plates.plates_of(keys, entry)
        if asked is not None and entry.record.action in SEARCHES:
            for plate in asked.plates:
                digests = sorted((await plates.digests_of(keys, agency_id, plate)).items())
                self.same |= {digest: entry.record.id for digest in digests if digest not in self.same}
        meant = asked.plates if asked else await plates.plates_meant(keys, entry)
        if (owner := await register.owner_of(here, agency_id, meant)) is not None:
            self.vehicles[entry.record.id] = owner


async def _known(here: LedgerRoom, entries: Sequence[Entry]) -> list[tuple[Entry, Profile | None]]:
    """The entries with their agencies' policies, up to the first of an agency of which word may still come."""
    known = []
    for entry in entries:
        profile = _profile(here.foundation.policies, entry.record.agency_id)
        waits = here.clock() - entry.appended_at < ARRIVES_WITHIN
        if profile is None and waits and not _is_known(here.foundation.policies, entry.record.agency_id):
            break
        known.append((entry, profile))
    return known


def _profile(policies: Policies, agency_id: AgencyId) -> Profile | None:
    """None: of no agency, or one that is closed; nobody is there to review."""
    try:
        return policies.of(agency_id)
    except Refused:
        return None


def _is_known(policies: Policies, agency_id: AgencyId) -> bool:
    try:
        return agency_id == PLATFORM or policies.agency(agency_id) is not None
    except Refused:
        return False


async def _take(tx: Tx, here: LedgerRoom, record: AccessRecorded, profile: Profile) -> None:
    agency_id = record.agency_id
    if domain.alarms(record):
        await raise_alert(tx, here, _alert(record, here.clock()))
    if domain.gives_number(record):
        await owed_storage.give(tx, agency_id, str(record.object_id), record.at)
    if domain.owes_number(record):
        owed = Owed(
            matter_session=str(record.matter_session),
            agency_id=agency_id,
            subject=record.subject,
            username=record.username,
            name=record.name,
            record_id=record.id,
            since=record.at,
        )
        await owed_storage.owe(tx, owed)
    if domain.is_other(record):
        about = _About(record.subject, record.username, record.name, record.matter_session, (record.id,))
        fresh = _item(agency_id, "other_le", about, domain.other_in_words(record), here.clock(), profile)
        same = [
            item
            for item in await storage.items_about(tx, agency_id, record.subject, "other_le", since=record.at)
            if record.matter_session is not None and item.matter_session == record.matter_session
        ]
        await _open_or_extend(tx, here, fresh, same)


async def _detect(here: LedgerRoom, fresh: _Fresh, *, before: int) -> None:
    record, policy = fresh.last, fresh.profile.section(AuditsPolicy)
    agency = here.foundation.policies.agency(record.agency_id)
    own_names = frozenset({agency.name.lower(), fresh.profile.head.title.lower(), agency.ori.lower()})
    shifts = hours_of_shifts(fresh.profile.section(UsePolicy))
    who = Person(username=record.username, zone=ZoneInfo(agency.time_zone), shifts=shifts, own_names=own_names)
    since = record.at - detectors.looks_back(policy)
    async with here.db.tx() as tx:
        seen = await acts.of_person(
            tx, agency.id, record.username, since=since, before=before, same=fresh.same, vehicles=fresh.vehicles
        )
        await tx.lock(LOCK)
        earlier = await storage.items_about(tx, agency.id, record.subject, "finding", since=since)
        for name in policy.detectors:
            own = [item for item in earlier if item.detector == name]
            settled = {one for item in own if item.state == "settled" for one in item.record_ids}
            unsettled = [act for act in seen if act.record_id not in settled]
            for finding in detectors.BY_NAME[name](unsettled, record.at, who, policy):
                item = _of_finding(finding, record, here.clock(), fresh.profile)
                overlapping = [one for one in own if set(one.record_ids) & set(finding.record_ids)]
                await _open_or_extend(tx, here, item, overlapping)


async def _open_or_extend(tx: Tx, here: LedgerRoom, item: Item, same: Sequence[Item]) -> None:
    """Open the item, or add its records to the one of `same` that is not settled; nothing when all are in one."""
    for there in same:
        fresh = tuple(one for one in item.record_ids if one not in there.record_ids)
        if not fresh:
            return
        if there.state != "settled" and len(there.record_ids) < domain.MOST_RECORDS:
            longer = replace(there, sentence=item.sentence, record_ids=there.record_ids + fresh)
            await storage.change_item(tx, longer, _step(here, here.clock(), "extended", item))
            return
    await _open(tx, here, item)


async def _open(tx: Tx, here: LedgerRoom, item: Item) -> None:
    await storage.add_item(tx, item, _step(here, item.opened_at, "opened", item))
    tx.emit(here.recorder.by_itself(item.agency_id, Action.AUDIT_WATCH, "review", item.id))


def _step(here: LedgerRoom, at: datetime, what: Literal["opened", "extended"], item: Item) -> Step:
    """What the worker did to an item, and the sentence that it says of it."""
    itself = here.recorder.itself
    return Step(at=at, what=what, subject=itself, username=itself, note=item.sentence)


def _item(
    agency_id: AgencyId, kind: domain.Kind, about: _About, sentence: str, now: datetime, profile: Profile
) -> Item:
    return Item(
        id=ids.new(),
        agency_id=agency_id,
        kind=kind,
        matter_session=about.matter_session,
        subject=about.subject,
        username=about.username,
        name=about.name,
        sentence=sentence,
        record_ids=about.record_ids,
        opened_at=now,
        due_at=now + profile.section(AuditsPolicy).review_within,
        policy_version=profile.version,
    )


def _of_finding(finding: Finding, record: AccessRecorded, now: datetime, profile: Profile) -> Item:
    about = _About(record.subject, record.username, record.name, None, finding.record_ids)
    return replace(_item(record.agency_id, "finding", about, finding.sentence, now, profile), detector=finding.detector)


def _alert(record: AccessRecorded, now: datetime) -> Alert:
    return Alert(
        id=ids.new(),
        agency_id=record.agency_id,
        kind="refusal",
        about=record.id,
        sentence=domain.refusal_in_words(record),
        subject=record.subject,
        username=record.username,
        code=record.code,
        clause=record.clause,
        happened_at=record.at,
        raised_at=now,
    )
