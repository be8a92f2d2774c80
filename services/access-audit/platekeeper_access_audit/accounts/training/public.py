"""What accounts state in public of titles and training (clauses B5, B6; Civil Code 1798.90.51 (b)(2)(B))."""

from collections.abc import Collection

from platekeeper_access_audit.accounts import storage as people
from platekeeper_access_audit.accounts.agencies import policy_of
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_access_audit.accounts.titles import handlers as titles
from platekeeper_access_audit.accounts.titles.domain import Register
from platekeeper_access_audit.accounts.training import catalogue
from platekeeper_access_audit.accounts.training.domain import Catalogue
from platekeeper_common.events.public import AuthorisedTitle, Course, Courses, Statement, Titles
from platekeeper_common.ids import AgencyId
from platekeeper_common.rules import RULES


async def statements(here: AccountsRoom, agency_id: AgencyId) -> list[Statement]:
    """The register of titles, and the courses that they need in the versions that count."""
    async with here.db.tx() as tx:
        agency = await people.find_agency(tx, agency_id)
        register, known = await titles.register(tx, here, agency), await catalogue.of(tx, here, agency)
    return [_titles(register), Courses(owner=policy_of(here, agency).certifier, courses=_courses(register, known))]


def _titles(register: Register) -> Titles:
    stated = (register[title] for title in sorted(register))
    return Titles(titles=tuple(AuthorisedTitle(title=one.title, kind=one.kind, may=_acts(one.roles)) for one in stated))


def _acts(roles: Collection[str]) -> tuple[str, ...]:
    """What these roles open of plate data."""
    return tuple(sorted(action for action, rule in RULES.items() if rule.plate_data and rule.roles & set(roles)))


def _courses(register: Register, known: Catalogue) -> tuple[Course, ...]:
    """Those that some title needs and that no later version has replaced."""
    return tuple(
        Course(
            title=version.course,
            version=version.version,
            valid_for=str(version.validity),
            titles=tuple(title for title in sorted(register) if version.course in register[title].courses),
        )
        for _, version in sorted(known.items())
        if version.accepted_until is None and any(version.course in one.courses for one in register.values())
    )
