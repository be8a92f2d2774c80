"""The rules of training: which course versions count, until when somebody is trained, who certifies."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from platekeeper_access_audit.accounts.offices.domain import Incumbent
from platekeeper_access_audit.accounts.policy import AccountsPolicy, TrainingPolicy
from platekeeper_common.caller import Caller
from platekeeper_common.errors import Conflict, Invalid, NotFound, Refused
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Period

Standing = Literal["current", "expiring", "lapsed", "superseded", "missing"]
"""How a person stands to a course; `superseded`: what was completed is of a version that no longer counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Department-approved training that a person has completed."""

    id: str
    agency_id: AgencyId
    account_id: str
    course: str
    version: str
    completed_on: date
    valid_until: datetime
    proof_sha256: str
    certified_by: str
    certified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseVersion:
    """A course with one content (B6)."""

    course: str
    version: str
    validity: Period
    """How long a completion counts."""
    proof: str
    """The document that proves a completion, whose hash a certificate carries."""
    content_sha256: str | None = None
    """Of what is taught, where it is on file."""
    accepted_until: datetime | None = None
    """From then on completions of this version count no more; None: no later version has replaced it."""
    edited_by: str | None = None
    """None: as the department's policy has it."""
    edited_at: datetime | None = None


Catalogue = Mapping[tuple[str, str], CourseVersion]
"""Every version of every course, by course and version."""


@dataclass(frozen=True, slots=True)
class Completion:
    """How a person stands to one course, and until when what was completed counts."""

    course: str
    standing: Standing
    until: datetime | None


def catalogue(policy: TrainingPolicy, edited: Iterable[CourseVersion]) -> Catalogue:
    """The policy's courses with what the training owner has changed since."""
    stated = [
        CourseVersion(course=one.course, version=one.version, validity=one.validity, proof=one.proof)
        for one in policy.courses
    ]
    return {(one.course, one.version): one for one in (*stated, *edited)}


def completion(
    course: str, certificates: Iterable[Certificate], known: Catalogue, now: datetime, *, soon: timedelta
) -> Completion:
    """How the person with these certificates stands to the course; `soon`: what ends within it is expiring.

    A certificate counts until it ends or its version is accepted no longer, whichever comes first (B6, C2).
    """
    ends = []
    for one in certificates:
        if one.course == course and (version := known.get((course, one.version))) is not None:
            replaced = version.accepted_until
            until = one.valid_until if replaced is None else min(one.valid_until, replaced)
            ends.append((until, one.valid_until))
    if not ends:
        return Completion(course, "missing", None)
    until, own_end = max(ends)
    if until > now:
        return Completion(course, "expiring" if until <= now + soon else "current", until)
    return Completion(course, "superseded" if own_end > now else "lapsed", until)


def trained_until(completions: Sequence[Completion]) -> datetime | None:
    """Until when all of it counts; None when one was never completed: no data, ever (C2)."""
    ends = [one.until for one in completions]
    known = [until for until in ends if until is not None]
    return min(known) if known and len(known) == len(ends) else None


def certifying_post(policy: AccountsPolicy) -> str:
    """The post that issues training certificates: the training owner's, or the administrator's where none is (C3)."""
    return "training_owner" if policy.training_owner else "administrator"


def demand_training_owner(policy: AccountsPolicy, by: Caller, owners: Iterable[Incumbent], *, clause: str) -> Incumbent:
    """In which quality the caller acts for the certifying post. Raises Refused `not_training_owner`."""
    for one in owners:
        if one.account_id == by.subject:
            return one
    detail = f"only the {policy.certifier} in office certifies training and keeps the courses"
    raise Refused(detail, code="not_training_owner", clause=clause)


def demand_not_own(by: Caller, account_id: str) -> None:
    """Raise Refused `self_certification` (C3)."""
    if by.subject == account_id:
        raise Refused("nobody certifies the own training", code="self_certification", clause="C3")


def demand_accepted(known: Catalogue, course: str, version: str, now: datetime) -> CourseVersion:
    """The version that was completed. Raises NotFound `course_unknown`, Conflict `course_version_not_accepted`."""
    demand_known(known, [course])
    found = known.get((course, version))
    if found is None or (found.accepted_until is not None and found.accepted_until <= now):
        counting = ", ".join(one.version for one in _counting(known, course, now))
        detail = f"of the course {course} these versions count today: {counting}"
        raise Conflict(detail, code="course_version_not_accepted", clause="B6")
    return found


def demand_known(known: Catalogue, courses: Collection[str]) -> None:
    """Raise NotFound `course_unknown` unless the catalogue holds all of them (B6)."""
    taught = {course for course, _ in known}
    if missing := [course for course in courses if course not in taught]:
        detail = f"the catalogue holds no course {missing[0]}; it holds {', '.join(sorted(taught))}"
        raise NotFound(detail, code="course_unknown", clause="B6")


def demand_new_version(known: Catalogue, new: CourseVersion) -> None:
    """Raise Conflict `course_version_exists`: what certificates name does not change."""
    if (new.course, new.version) in known:
        raise Conflict("this version is in the catalogue; give the new content another", code="course_version_exists")


def replaced_by(known: Catalogue, new: CourseVersion, at: datetime) -> list[CourseVersion]:
    """The versions of the same course that count after `at` so far, and shall not."""
    return [one for one in _counting(known, new.course, at) if one.version != new.version]


def valid_until(version: CourseVersion, completed_on: date, asked: datetime | None, now: datetime) -> datetime:
    """Until when a completion (UTC date) counts: as the course says, or less where a certificate says so.

    Raises Invalid unless the training is completed, and valid beyond that day for no longer than the course allows.
    """
    if completed_on > now.date():
        raise Invalid("training that is not completed yet cannot be certified", code="training_not_completed")
    day_after = datetime.combine(completed_on + timedelta(days=1), time(), UTC)
    longest = version.validity.after(day_after)
    until = longest if asked is None else asked
    if until < day_after:
        raise Invalid("valid_until must lie after completed_on", code="training_dates_wrong")
    if until > longest:
        detail = f"a completion of this course counts for {version.validity}: until {longest:%Y-%m-%d} at the latest"
        raise Invalid(detail, code="training_dates_wrong", clause="B6")
    return until


def _counting(known: Catalogue, course: str, at: datetime) -> list[CourseVersion]:
    versions = (one for (of, _), one in known.items() if of == course)
    return [one for one in versions if one.accepted_until is None or one.accepted_until > at]
