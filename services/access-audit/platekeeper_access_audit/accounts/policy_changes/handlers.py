"""Proposing, confirming and withdrawing changes of a policy; its versions, each signed; what processes follow (B2)."""

import hashlib
from dataclasses import replace

from platekeeper_access_audit.accounts import agencies, storage
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.policy_changes import domain as rules
from platekeeper_access_audit.accounts.policy_changes import storage as kept
from platekeeper_access_audit.accounts.policy_changes.domain import Change, Version
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common import adoptions, ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import NotFound
from platekeeper_common.events.access import AccessRecorded, PolicyAdopted
from platekeeper_common.notes import NoteSigner
from platekeeper_common.policies import Agency
from platekeeper_common.policy import PolicyError, Profile


async def propose(tx: Tx, here: AccountsRoom, document: str, reason: str, *, by: Caller, place: Place) -> Change:
    """A change of the own agency's policy, in force at once where no second person is asked for.

    `document`: the whole profile, TOML. Raises Refused `not_administrator` or `policy_forbidden` with its clause,
    Invalid `policy_invalid`, Conflict `policy_unchanged` or `platform_setting`.
    """
    await tx.lock()
    by = by.acting_for((await incumbents.demand(tx, here, by, Action.POLICY_CHANGE_PROPOSE, rules.CLAUSE)).office)
    agency = await storage.find_agency(tx, by.agency_id)
    try:
        profile = here.foundation.policies.checked(agency.profile, document)
    except PolicyError as error:
        raise rules.unusable(error) from error
    now_in_force = agencies.profile_of(here, agency)
    found = rules.differences(now_in_force.document, profile.document)
    rules.demand_changed(found)
    rules.demand_allowed(found, agencies.installed(here, agency).document)
    change = Change(
        id=ids.new(),
        agency_id=agency.id,
        base_version=now_in_force.version,
        version=profile.version,
        document=rules.canonical(profile.document),
        differences=found,
        reason=reason,
        proposed_by=by.subject,
        proposed_by_name=by.name,
        proposed_at=here.clock(),
        status="proposed",
    )
    await kept.add_change(tx, change)
    tx.emit(await _recorded(here, by, Action.POLICY_CHANGE_PROPOSE, change, place))
    if change.needs_second_person:
        return change
    return await _put_in_force(tx, here, agency, change, profile, by=by)


async def confirm(tx: Tx, here: AccountsRoom, change_id: str, *, by: Caller, place: Place) -> Change:
    """A second person's word puts a change in force (B2).

    Raises Conflict `same_person`, `second_person_beholden`, `change_settled` or `policy_moved`, Refused
    `not_second_person`, NotFound.
    """
    await tx.lock()
    change = await kept.find_change(tx, by.agency_id, change_id)
    agency = await storage.find_agency(tx, by.agency_id)
    rules.demand_confirmable(change, by.subject, agencies.profile_of(here, agency).version)
    second = await incumbents.demand_second_person(
        tx, here, by, Action.POLICY_CHANGE_CONFIRM, beside=change.proposed_by
    )
    by = by.acting_for(second.office)
    profile = here.foundation.policies.completed(agency.profile, rules.parsed(change.document))
    tx.emit(await _recorded(here, by, Action.POLICY_CHANGE_CONFIRM, change, place))
    return await _put_in_force(tx, here, agency, change, profile, by=by)


async def withdraw(tx: Tx, here: AccountsRoom, change_id: str, *, by: Caller, place: Place) -> Change:
    """A proposal that is not to come into force. Raises Conflict `change_settled`, Refused `not_administrator`."""
    await tx.lock()
    change = await kept.find_change(tx, by.agency_id, change_id)
    by = by.acting_for((await incumbents.demand(tx, here, by, Action.POLICY_CHANGE_PROPOSE, rules.CLAUSE)).office)
    rules.demand_open(change)
    await kept.settle(tx, change.id, "withdrawn", by.subject, by.name, here.clock())
    tx.emit(await _recorded(here, by, Action.POLICY_CHANGE_PROPOSE, change, place))
    return await kept.find_change(tx, by.agency_id, change_id)


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Change]:
    """Every change of the own agency's policy, latest first."""
    tx.emit(here.recorder.administration(by, Action.POLICY_CHANGE_VIEW, "policy_changes", by.agency_id, place))
    return await kept.changes(tx, by.agency_id)


async def history(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Version]:
    """Every version of the own agency's policy, latest first; the one in force is among them."""
    await tx.lock()
    await _keep_installed(tx, here, await storage.find_agency(tx, by.agency_id))
    tx.emit(here.recorder.administration(by, Action.POLICY_CHANGE_VIEW, "policy_versions", by.agency_id, place))
    return await kept.versions(tx, by.agency_id)


async def version(tx: Tx, here: AccountsRoom, number: int, *, by: Caller, place: Place) -> Version:
    """One of them, with its settings. Raises NotFound `policy_version_unknown`."""
    found = await history(tx, here, by=by, place=place)
    for one in found:
        if one.number == number:
            return one
    raise NotFound("the agency's policy has no such version", code="policy_version_unknown")


async def remember(here: AccountsRoom) -> None:
    """At the start of the process: follow what agencies adopted before anything is asked of their policies.

    It is said again too, signed with the key of today: whatever else lies on the bus is not the last word any more.
    """
    signer = await _signer(here)
    async with here.db.tx() as tx:
        for agency in await storage.agencies(tx):
            last = await kept.latest(tx, agency.id)
            if last is not None and await _adopted_before(tx, agency):
                said = _event(replace(last, note=signer.sign(rules.text(last)), verifier_key=signer.key), agency)
                await here.foundation.policies.adopt(said)
                tx.emit(said)


async def keep_installed(here: AccountsRoom) -> None:
    """Sign and keep, for each agency, the version that a release of the platform has brought."""
    async with here.db.tx() as tx:
        await tx.lock()
        for agency in await storage.agencies(tx):
            if agency.mode != "closed" and agencies.usable(here, agency) is not None:
                await _keep_installed(tx, here, agency)


async def _keep_installed(tx: Tx, here: AccountsRoom, agency: Agency) -> None:
    profile = agencies.profile_of(here, agency)
    document = rules.canonical(profile.document)
    last = await kept.latest(tx, agency.id)
    if last is not None and last.document == document:
        return
    new = await _next(tx, here, agency, profile, origin="installed")
    if await _adopted_before(tx, agency):
        await _say(tx, here, _event(new, agency))


async def _put_in_force(
    tx: Tx, here: AccountsRoom, agency: Agency, change: Change, profile: Profile, *, by: Caller
) -> Change:
    await _keep_installed(tx, here, agency)
    await kept.settle(tx, change.id, "adopted", by.subject, by.name, here.clock())
    new = await _next(tx, here, agency, profile, origin="adopted", change=change, by=by)
    await _say(tx, here, _event(new, agency))
    await agencies.say_policy_version(tx, agency, profile)
    return await kept.find_change(tx, agency.id, change.id)


async def _next(
    tx: Tx,
    here: AccountsRoom,
    agency: Agency,
    profile: Profile,
    *,
    origin: rules.Origin,
    change: Change | None = None,
    by: Caller | None = None,
) -> Version:
    last = await kept.latest(tx, agency.id)
    document = rules.canonical(profile.document)
    signer = await _signer(here)
    new = Version(
        agency_id=agency.id,
        number=last.number + 1 if last else 1,
        origin=origin,
        version=profile.version,
        sha256=hashlib.sha256(document.encode()).hexdigest(),
        document=document,
        adopted_at=here.clock(),
        change_id=change.id if change else None,
        proposed_by=change.proposed_by if change else None,
        confirmed_by=by.subject if change and by and change.needs_second_person else None,
        previous_sha256=last.sha256 if last else None,
        note="",
        verifier_key=signer.key,
    )
    new = replace(new, note=signer.sign(rules.text(new)))
    await kept.add_version(tx, new)
    return new


async def _signer(here: AccountsRoom) -> NoteSigner:
    """Who signs versions now; every process has been told to believe the key."""
    keys = here.foundation.keys
    signer = NoteSigner(adoptions.SIGNER, await keys.key(adoptions.SIGNING))
    await adoptions.believe(keys, signer.key)
    return signer


async def _adopted_before(tx: Tx, agency: Agency) -> bool:
    return any(one.origin == "adopted" for one in await kept.versions(tx, agency.id))


async def _say(tx: Tx, here: AccountsRoom, said: PolicyAdopted) -> None:
    """Tell every process, and let this one follow once it is committed."""

    async def follow() -> None:
        await here.foundation.policies.adopt(said)

    tx.emit(said)
    tx.after_commit(follow)


def _event(new: Version, agency: Agency) -> PolicyAdopted:
    return PolicyAdopted(
        agency_id=agency.id,
        number=new.number,
        profile=agency.profile,
        version=new.version,
        document=new.document,
        sha256=new.sha256,
        adopted_at=new.adopted_at,
        note=new.note,
        verifier_key=new.verifier_key,
    )


async def _recorded(here: AccountsRoom, by: Caller, act: Action, change: Change, place: Place) -> AccessRecorded:
    told = [
        {"setting": one.setting, "before": one.before, "after": one.after, "weight": one.weight}
        for one in change.differences
    ]
    written = {"base": change.base_version, "version": change.version, "differences": told, "why": change.reason}
    return await here.recorder.change(by, act, "policy_change", change.id, place, written)
