"""The catalogue of courses as it stands, and the training owner's changes to it (clause B6)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from platekeeper_access_audit.accounts import domain as accounts
from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import policy_of, profile_of
from platekeeper_access_audit.accounts.offices import incumbents
from platekeeper_access_audit.accounts.policy import TrainingPolicy
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.training import domain, storage
from platekeeper_access_audit.accounts.training.domain import Catalogue, CourseVersion
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.policies import Agency


async def of(tx: Tx, here: AccountsRoom, agency: Agency) -> Catalogue:
    """Every version of every course. Raises Invalid `profile_unknown`."""
    return domain.catalogue(profile_of(here, agency).section(TrainingPolicy), await storage.edited(tx, agency.id))


async def demand_courses(tx: Tx, here: AccountsRoom, agency: Agency, courses: Collection[str]) -> None:
    """Raise NotFound `course_unknown` unless all are taught."""
    domain.demand_known(await of(tx, here, agency), courses)


async def listed(tx: Tx, here: AccountsRoom, asked: str | None, *, by: Caller, place: Place) -> list[CourseVersion]:
    """Every version of every course, by course; those that count no more too."""
    agency = await people.find_agency(tx, accounts.agency_for(by, asked, Action.COURSE_VIEW))
    tx.emit(here.recorder.administration(by, Action.COURSE_VIEW, "courses", agency.id, place))
    return sorted((await of(tx, here, agency)).values(), key=lambda one: (one.course, one.version))


async def teach(
    tx: Tx, here: AccountsRoom, new: CourseVersion, earlier_until: datetime | None, *, by: Caller, place: Place
) -> CourseVersion:
    """Put a course or a new version of one into the catalogue; earlier ones count until `earlier_until` (None: now).

    Who has completed only an earlier one is refused plate data from the first sign-on after that (C2).
    Raises Refused `not_training_owner`, Conflict `course_version_exists`.
    """
    now = here.clock()
    await tx.lock()
    agency = await people.find_agency(tx, by.agency_id)
    policy = policy_of(here, agency)
    owners = await incumbents.who_may(tx, here, agency, domain.certifying_post(policy), Action.COURSE_EDIT)
    by = by.acting_for(domain.demand_training_owner(policy, by, owners, clause="B6").office)
    known = await of(tx, here, agency)
    domain.demand_new_version(known, new)
    kept = replace(new, edited_by=by.subject, edited_at=now)
    end = max(now, earlier_until or now)
    for earlier in domain.replaced_by(known, new, end):
        ended = replace(earlier, accepted_until=end)
        if ended.edited_by is None:  # the policy's own: from now on the catalogue says when it ends
            ended = replace(ended, edited_by=by.subject, edited_at=now)
        await storage.put(tx, agency.id, ended)
    await storage.put(tx, agency.id, kept)
    object_id = f"{agency.id}/{new.course}/{new.version}"
    written = {"validity": str(new.validity), "proof": new.proof, "content_sha256": new.content_sha256}
    written |= {"earlier_versions_count_until": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    tx.emit(await here.recorder.change(by, Action.COURSE_EDIT, "course", object_id, place, written))
    return kept
