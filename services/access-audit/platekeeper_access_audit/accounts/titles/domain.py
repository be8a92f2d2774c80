"""The rules of the register: which titles are in force, and what an account of a title may have."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from platekeeper_access_audit.accounts.policy import Employment, TitlesPolicy
from platekeeper_common.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredTitle:
    """A job title as it stands in the register."""

    title: str
    kind: Employment
    roles: tuple[str, ...]
    """The roles that its holders may be given."""
    courses: tuple[str, ...]
    """What its holders must have completed, all of it (B6)."""
    since: datetime | None = None
    """None: as the department's policy has it."""
    changed_by: str | None = None
    """The account that changed it."""
    withdrawn: bool = False


Register = Mapping[str, RegisteredTitle]
"""The titles in force, by title."""


def in_force(policy: TitlesPolicy, changed: Sequence[RegisteredTitle]) -> Register:
    """The policy's titles with what the administrator has changed since, withdrawn ones left out."""
    stated = [
        RegisteredTitle(title=one.title, kind=one.kind, roles=one.roles, courses=one.courses)
        for one in policy.authorised
    ]
    register = {one.title: one for one in (*stated, *changed)}
    return {title: one for title, one in register.items() if not one.withdrawn}


def demand_authorised(
    register: Register, title: str, roles: Collection[str], valid_until: datetime | None, now: datetime
) -> RegisteredTitle:
    """The title in the register. Raises Conflict `title_not_authorised` with what is in the way (B5)."""
    if (found := register.get(title)) is None:
        titles = "; ".join(sorted(register))
        raise _not_authorised(f"the title must be one of the register: {titles}. The administrator adds others")
    if beyond := set(roles) - set(found.roles):
        allowed = ", ".join(found.roles)
        raise _not_authorised(f"a {title} may have {allowed}, and not {', '.join(sorted(beyond))}")
    if found.kind == "contractor" and valid_until is None:
        raise _not_authorised(f"a {title} is a contractor, whose account needs an end: say valid_until")
    if valid_until is not None and valid_until <= now:
        raise _not_authorised("valid_until must lie ahead")
    return found


def demand_registered(register: Register, title: str) -> RegisteredTitle:
    """The title in the register. Raises NotFound `title_unknown`."""
    if (found := register.get(title)) is None:
        raise NotFound("the register holds no such title", code="title_unknown", clause="B5")
    return found


def demand_unused(holders: int) -> None:
    """Raise Conflict `title_in_use` while accounts are open under the title."""
    if holders:
        detail = f"{holders} open accounts have this title; give them another at PUT /v1/accounts/{{id}}/access first"
        raise Conflict(detail, code="title_in_use", clause="B5")


def _not_authorised(detail: str) -> Conflict:
    return Conflict(detail, code="title_not_authorised", clause="B5")
