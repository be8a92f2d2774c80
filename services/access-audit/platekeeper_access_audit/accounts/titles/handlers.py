"""The register as it stands, and the administrator's changes to it; each leaves before and after in its record."""

from dataclasses import replace
from typing import Any

from platekeeper_access_audit.accounts import domain as accounts
from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import profile_of
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.policy import TitlesPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.titles import domain, storage
from platekeeper_access_audit.accounts.titles.domain import Register, RegisteredTitle
from platekeeper_access_audit.accounts.training import catalogue
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.policies import Agency


async def register(tx: Tx, here: AccountsRoom, agency: Agency) -> Register:
    """The titles in force (B5). Raises Invalid `profile_unknown`."""
    policy = profile_of(here, agency).section(TitlesPolicy)
    return domain.in_force(policy, await storage.changed(tx, agency.id))


async def listed(tx: Tx, here: AccountsRoom, asked: str | None, *, by: Caller, place: Place) -> list[RegisteredTitle]:
    """The register, by title."""
    agency = await people.find_agency(tx, accounts.agency_for(by, asked, Action.TITLE_VIEW))
    tx.emit(here.recorder.administration(by, Action.TITLE_VIEW, "titles", agency.id, place))
    standing = await register(tx, here, agency)
    return [standing[title] for title in sorted(standing)]


async def edit(tx: Tx, here: AccountsRoom, new: RegisteredTitle, *, by: Caller, place: Place) -> RegisteredTitle:
    """Authorise a title, or change what it allows and needs; it binds accounts at their next sign-on.

    Raises Refused `not_administrator`, Invalid `role_unknown` or `course_unknown`.
    """
    accounts.demand_roles(new.roles)
    await tx.lock()
    agency = await people.find_agency(tx, by.agency_id)
    by = by.acting_for((await incumbents.demand(tx, here, by, Action.TITLE_EDIT, "B5")).office)
    await catalogue.demand_courses(tx, here, agency, new.courses)
    return await _put(tx, here, agency, new, by=by, place=place)


async def withdraw(tx: Tx, here: AccountsRoom, title: str, *, by: Caller, place: Place) -> None:
    """Take a title out of the register. Raises Refused `not_administrator`, NotFound, Conflict `title_in_use`."""
    await tx.lock()
    agency = await people.find_agency(tx, by.agency_id)
    by = by.acting_for((await incumbents.demand(tx, here, by, Action.TITLE_EDIT, "B5")).office)
    found = domain.demand_registered(await register(tx, here, agency), title)
    holders = [one for one in await people.accounts(tx, agency.id) if one.title == title and one.disabled_at is None]
    domain.demand_unused(len(holders))
    await _put(tx, here, agency, replace(found, withdrawn=True), by=by, place=place)


async def _put(
    tx: Tx, here: AccountsRoom, agency: Agency, new: RegisteredTitle, *, by: Caller, place: Place
) -> RegisteredTitle:
    before = (await register(tx, here, agency)).get(new.title)
    changed = replace(new, since=here.clock(), changed_by=by.subject)
    await storage.put(tx, agency.id, changed)
    written = {"title": new.title, "before": _told(before), "after": _told(changed)}
    object_id = f"{agency.id}/{new.title}"
    tx.emit(await here.recorder.change(by, Action.TITLE_EDIT, "title", object_id, place, written))
    return changed


def _told(title: RegisteredTitle | None) -> dict[str, Any] | None:
    if title is None or title.withdrawn:
        return None
    return {"kind": title.kind, "roles": list(title.roles), "courses": list(title.courses)}
