"""Agencies: opened in test, live once nothing invented is left, closed. Each change is said in `agency.changed`."""

from dataclasses import replace

from platekeeper_access_audit.accounts import attempts, domain, storage
from platekeeper_access_audit.accounts.domain import Mode
from platekeeper_access_audit.accounts.policy import AccountsPolicy, PostsPolicy, SessionsPolicy, strictest
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.authorization import reaches_all
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Busy, Conflict, Invalid
from platekeeper_common.events.access import AccessRevoked, AgencyChanged
from platekeeper_common.ids import PLATFORM, AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.policy import Profile


async def open_agency(tx: Tx, here: AccountsRoom, new: Agency, *, by: Caller, place: Place) -> Agency:
    """Open an agency in test. Raises Conflict `agency_exists` or `live_agency_present`, Invalid."""
    profile = profile_of(here, new)
    domain.demand_time_zone(new.time_zone)
    await tx.lock()
    known = await storage.agencies(tx)
    if new.id == PLATFORM or any(agency.id == new.id for agency in known):
        raise Conflict(f"the name {new.id} is taken", code="agency_exists")
    if new.synthetic:
        domain.demand_synthetic_allowed(known)
    await storage.add_agency(tx, new, profile.version, here.clock())
    tx.emit(_changed(new, profile.version))
    tx.emit(here.recorder.administration(by, Action.AGENCY_OPEN, "agency", new.id, place))
    return new


async def listed(tx: Tx, here: AccountsRoom, *, by: Caller, place: Place) -> list[Agency]:
    """All agencies for the platform's administrator, the own one for others."""
    known = await storage.agencies(tx)
    tx.emit(here.recorder.administration(by, Action.AGENCY_VIEW, "agencies", by.agency_id, place))
    return [agency for agency in known if reaches_all(by, Action.AGENCY_VIEW) or agency.id == by.agency_id]


async def go_live(tx: Tx, here: AccountsRoom, agency_id: AgencyId, *, by: Caller, place: Place) -> Agency:
    """From test to live. Raises Conflict `demonstration_present` while invented people can log in anywhere."""
    await tx.lock()
    agency = await storage.find_agency(tx, agency_id)
    left = any(other.synthetic and other.mode != "closed" for other in await storage.agencies(tx))
    domain.demand_can_go_live(agency, demonstration=left or await storage.any_account(tx, synthetic=True))
    tx.emit(here.recorder.administration(by, Action.AGENCY_GO_LIVE, "agency", agency_id, place))
    return await _set_mode(tx, here, agency, "live")


async def close(tx: Tx, here: AccountsRoom, agency_id: AgencyId, *, by: Caller, place: Place) -> Agency:
    """Nobody of it logs in any more and its tokens are worth nothing; a demonstration's accounts are deleted.

    Raises Conflict `agency_closed`.
    """
    await tx.lock()
    agency = await storage.find_agency(tx, agency_id)
    domain.demand_open(agency)
    if agency.synthetic:
        await storage.delete_accounts(tx, agency_id)
    else:
        await storage.disable_accounts(tx, agency_id, here.clock())
    tx.emit(AccessRevoked(agency_id=agency_id, before=here.clock()))
    tx.emit(here.recorder.administration(by, Action.AGENCY_CLOSE, "agency", agency_id, place))
    return await _set_mode(tx, here, agency, "closed")


async def say_new_policy_versions(here: AccountsRoom) -> None:
    """Say again what an agency is whose policy profile has changed since it was last said."""
    async with here.db.tx() as tx:
        await tx.lock()
        said = await storage.policy_versions(tx)
        for agency in await storage.agencies(tx):
            profile = usable(here, agency)
            if profile is not None and profile.version != said[agency.id]:
                await say_policy_version(tx, agency, profile)


async def say_policy_version(tx: Tx, agency: Agency, profile: Profile) -> None:
    """Say which version of its policy the agency follows from now on."""
    await storage.set_policy_version(tx, agency.id, profile.version)
    tx.emit(_changed(agency, profile.version))


async def counts(here: AccountsRoom) -> dict[str, int]:
    """Figures for the start page."""
    now, rule = here.clock(), strictest_sessions(here)
    async with here.db.tx() as tx:
        standing = [agency for agency in await storage.agencies(tx) if agency.mode != "closed"]
        vacant = 0
        for agency in standing:
            if usable(here, agency) is None:
                continue
            held = {term.post for term in await storage.terms(tx, agency.id) if term.holds(now)}
            vacant += len(posts_of(here, agency).keys() - held)
        failures = await attempts.failures(tx, now - 2 * rule.lock_within)
        return {
            "agencies": len(standing),
            "accounts": await storage.number_of_accounts(tx),
            "locked_accounts": sum(domain.locked(times, rule, now) for times in failures),
            "vacant_posts": vacant,
        }


def profile_of(here: AccountsRoom, agency: Agency) -> Profile:
    """The agency's policy, also before other processes know of the agency.

    Raises Invalid `profile_unknown`, Busy `policy_unusable`.
    """
    profile = here.foundation.policies.followed(agency)
    if profile is None:
        raise Invalid(f"no policy profile {agency.profile} is installed here", code="profile_unknown")
    return profile


def usable(here: AccountsRoom, agency: Agency) -> Profile | None:
    """The agency's policy; None where none is installed, or what it adopted cannot be used here."""
    try:
        return here.foundation.policies.followed(agency)
    except Busy:
        return None


def installed(here: AccountsRoom, agency: Agency) -> Profile:
    """The profile in the file: what the department's manual says. Raises Invalid `profile_unknown`."""
    profile = here.foundation.policies.named(agency.profile)
    if profile is None:
        raise Invalid(f"no policy profile {agency.profile} is installed here", code="profile_unknown")
    return profile


def policy_of(here: AccountsRoom, agency: Agency) -> AccountsPolicy:
    """Accounts' section of the agency's policy."""
    return profile_of(here, agency).section(AccountsPolicy)


def posts_of(here: AccountsRoom, agency: Agency) -> dict[str, str]:
    """The agency's posts by code, with their titles."""
    profile = profile_of(here, agency)
    return domain.posts(profile.section(AccountsPolicy), profile.section(PostsPolicy))


def strictest_sessions(here: AccountsRoom) -> SessionsPolicy:
    """The rules of sessions for those of no agency, or of one that nobody knows yet."""
    return strictest(profile.section(SessionsPolicy) for profile in here.foundation.policies.installed())


async def _set_mode(tx: Tx, here: AccountsRoom, agency: Agency, mode: Mode) -> Agency:
    changed = replace(agency, mode=mode)
    await storage.set_mode(tx, agency.id, mode, here.clock())
    tx.emit(_changed(changed, (await storage.policy_versions(tx))[agency.id]))
    return changed


def _changed(agency: Agency, policy_version: str) -> AgencyChanged:
    return AgencyChanged(
        agency_id=agency.id,
        name=agency.name,
        ori=agency.ori,
        time_zone=agency.time_zone,
        profile=agency.profile,
        policy_version=policy_version,
        mode=agency.mode,
        synthetic=agency.synthetic,
    )
