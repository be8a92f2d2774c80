"""The rules of policy changes: what differs, what is forbidden, who confirms, and what is signed (B2)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import rfc8785

from platekeeper_access_audit.accounts.policy_changes.settings import SETTINGS, Difference, forbidden, weigh
from platekeeper_common.adoptions import FORM
from platekeeper_common.errors import Conflict, Invalid, Refused
from platekeeper_common.ids import AgencyId
from platekeeper_common.policy import HEAD, PolicyError

CLAUSE = "B2"
Status = Literal["proposed", "adopted", "withdrawn"]
Origin = Literal["installed", "adopted"]
TWO_PERSONS = ("shortens_retention", "widens_access", "unweighed")
Document = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change as it was proposed, and what became of it."""

    id: str
    agency_id: AgencyId
    base_version: str
    """The version that it was proposed against."""
    version: str
    document: str
    """Canonical JSON of the whole profile (RFC 8785)."""
    differences: tuple[Difference, ...]
    reason: str
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime
    status: Status
    settled_by: str | None = None
    settled_by_name: str | None = None
    settled_at: datetime | None = None

    @property
    def needs_second_person(self) -> bool:
        """Whether another person's word is asked for."""
        return any(one.weight in TWO_PERSONS for one in self.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of an agency's policy, as it was put in force and signed."""

    agency_id: AgencyId
    number: int
    origin: Origin
    """`installed`: from the file of the platform's release; `adopted`: by a change."""
    version: str
    sha256: str
    document: str
    adopted_at: datetime
    change_id: str | None
    proposed_by: str | None
    confirmed_by: str | None
    previous_sha256: str | None
    note: str
    verifier_key: str


def canonical(document: Document) -> str:
    """The settings as one text: the same for the same values (RFC 8785)."""
    return rfc8785.dumps({name: dict(keys) for name, keys in document.items()}).decode()


def parsed(document: str) -> dict[str, Any]:
    """The settings in a canonical text."""
    settings: dict[str, Any] = json.loads(document)
    return settings


def differences(before: Document, after: Document) -> tuple[Difference, ...]:
    """Every setting that changes, weighed."""
    old, new = _flat(before), _flat(after)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return tuple(
        Difference(name, old.get(name), new.get(name), weigh(name, old.get(name), new.get(name))) for name in names
    )


def demand_changed(found: Sequence[Difference]) -> None:
    """Raise Conflict `policy_unchanged`."""
    if not found:
        raise Conflict("the proposal says what is in force already", code="policy_unchanged", clause=CLAUSE)


def demand_allowed(found: Sequence[Difference], installed: Document) -> None:
    """Raise Refused `policy_forbidden` with the clause that fixes the first setting which leaves the manual's bounds.

    Raise Conflict `platform_setting` for what the operators set in the file, for every process of the platform.
    """
    manual = _flat(installed)
    for one in found:
        if one.setting.startswith(f"{HEAD}."):
            detail = f"{one.setting} says whose manual this is; it comes with the platform"
            raise Refused(detail, code="policy_forbidden", clause=CLAUSE, setting=one.setting)
        if not forbidden(one.setting, manual.get(one.setting), one.after):
            continue
        setting = SETTINGS[one.setting]
        if setting.bound == "operators":
            detail = f"{one.setting} holds for the bus of all agencies: operators set it in the profile's file"
            raise Conflict(detail, code="platform_setting", clause=setting.clause, setting=one.setting)
        raise Refused(
            f"{one.setting} would leave what the department's manual says: {manual.get(one.setting)!r}",
            code="policy_forbidden",
            clause=setting.clause,
            setting=one.setting,
        )


def demand_confirmable(change: Change, by: str, base_version: str) -> None:
    """Raise Conflict `change_settled`, `same_person` or `policy_moved` unless the caller may confirm it now."""
    demand_open(change)
    if change.proposed_by == by:
        detail = "two persons shorten retention or widen access: somebody else confirms what you proposed"
        raise Conflict(detail, code="same_person", clause=CLAUSE)
    if change.base_version != base_version:
        detail = "the policy in force is another than the one that the change was proposed against; propose it anew"
        raise Conflict(detail, code="policy_moved", clause=CLAUSE)


def demand_open(change: Change) -> None:
    """Raise Conflict `change_settled`."""
    if change.status != "proposed":
        raise Conflict(f"the change was {change.status} before", code="change_settled", clause=CLAUSE)


def unusable(error: PolicyError) -> Invalid:
    """The refusal of a text that is no profile: every fault by section and key; what the law forbids by its clause."""
    problems = [f"{problem.key}: {problem.what}" if problem.key else problem.what for problem in error.problems]
    clause = next((name for name in ("J4", "A5") for text in problems if f" {name})" in text), None)
    return Invalid("; ".join(problems[:5]), code="policy_invalid", clause=clause or CLAUSE, problems=problems[:50])


def text(new: Version) -> str:
    """What is signed for a version: a line each, ending with a line feed."""
    lines = {
        "agency": new.agency_id,
        "number": new.number,
        "origin": new.origin,
        "version": new.version,
        "sha256": new.sha256,
        "previous": new.previous_sha256 or "none",
        "adopted-at": new.adopted_at.isoformat(),
        "proposed-by": new.proposed_by or "none",
        "confirmed-by": new.confirmed_by or "none",
    }
    return f"{FORM}\n" + "".join(f"{name} {value}\n" for name, value in lines.items())


def _flat(document: Document) -> dict[str, Any]:
    return {f"{section}.{key}": value for section, keys in document.items() for key, value in keys.items()}
