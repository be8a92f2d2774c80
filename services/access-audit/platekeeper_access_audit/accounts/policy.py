"""Accounts' sections of a policy profile: people and their posts, titles, training, approvals and sessions."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from platekeeper_common.lines import readable
from platekeeper_common.periods import CalendarPeriod, Duration
from platekeeper_common.policy import Code, PolicySection, Several, Title, none_when
from platekeeper_common.rules import ROLES

Version = Annotated[
    str, StringConstraints(min_length=1, max_length=40, pattern=r"^\S(.*\S)?$"), AfterValidator(readable)
]
Employment = Literal["member", "contractor"]
"""Whether a title is a member's or an independent contractor's (Civil Code 1798.90.51(b)(2)(B))."""
PostCode = Literal[
    "administrator",
    "collection_steward",
    "training_owner",
    "agency_head",
    "custodian_of_records",
    "records_supervisor",
    "agency_attorney",
]
"""Every post that a department can have; which it has, its policy says."""
Blocked = Literal["release_approval", "purge"]
"""What nobody does for a vacant post (B9). Publishing is not among them: it is never blocked."""


class AccountsPolicy(PolicySection):
    """Which posts carry the programme (clauses B1, B2, C3, E1)."""

    administrator: Title
    """B1, B2: manages equipment, retention and access."""
    collection_steward: Title
    """E1: answers for proper collection and retention."""
    training_owner: Annotated[Title | None, none_when("none")]
    """C3: sees to it that members are trained; None where the manual names nobody."""

    @property
    def certifier(self) -> str:
        """The one post that issues training certificates: the training owner, or else the administrator (C3)."""
        return self.training_owner or self.administrator


class AuthorisedTitle(PolicySection):
    """A job title that may use the system (B5)."""

    title: Title
    kind: Employment
    roles: Several[Code]
    """The roles that its holders may be given, and no other."""
    courses: Several[Title]
    """What its holders must have completed, all of it (B6)."""

    @field_validator("roles")
    @classmethod
    def _known(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(roles) - set(ROLES):
            raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
        return roles


class TitlesPolicy(PolicySection):
    """[titles]: the job titles of members and independent contractors that are authorised (B5).

    The register in force is this one with what the administrator has changed since.
    """

    authorised: Several[AuthorisedTitle]

    @field_validator("authorised")
    @classmethod
    def _no_title_twice(cls, authorised: tuple[AuthorisedTitle, ...]) -> tuple[AuthorisedTitle, ...]:
        if len({one.title for one in authorised}) < len(authorised):
            raise ValueError("holds a title twice")
        return authorised


class Course(PolicySection):
    """A course in the version that is taught (B6)."""

    course: Title
    version: Version
    validity: CalendarPeriod
    """How long a completion counts."""
    proof: Title
    """The document whose hash a certificate carries."""


class TrainingPolicy(PolicySection):
    """[training]: what users must have learnt, and who is told when it lapses (B6, C1 to C3)."""

    courses: Several[Course]
    expiry_notices: Several[Duration]
    """So long before a certificate ends its person, the training owner and the administrator are told (C3)."""

    @field_validator("courses")
    @classmethod
    def _no_course_twice(cls, courses: tuple[Course, ...]) -> tuple[Course, ...]:
        if len({one.course for one in courses}) < len(courses):
            raise ValueError("holds a course twice")
        return courses


class ApprovalsPolicy(PolicySection):
    """[approvals]: how long an approval of access holds (A8)."""

    access_review: CalendarPeriod
    """After so long each person's access is approved anew."""
    review_warning: Duration
    """So long before that it is listed as due."""
    review_grace: Duration
    """So long after that plate data is shut at the next sign-on."""


class SessionsPolicy(PolicySection):
    """How people sign on, and how long it lasts (clauses A3, G2)."""

    second_factor: Literal["once_live", "always"]
    """From when plate data and new devices need one: once the agency is live, or in test already."""
    idle_lock: Duration
    """A session in which nobody has acted for so long is locked."""
    reauthenticate_after: Duration
    """Then a person signs on again, however busy."""
    dormant_after: Duration
    """An account with which nobody has signed on for so long is disabled."""
    lock_after_failures: Annotated[int, Field(ge=1, le=100)]
    """Failed logins that lock a username; the strictest of the installed profiles counts, whoever has the name."""
    implausible_speed: Annotated[int, Field(ge=1)]
    """Kilometres an hour: who would have travelled faster between two terminals is hardly the same person (A3)."""
    implausible_beyond: Annotated[int, Field(ge=0)]
    """Kilometres: terminals that lie no farther apart are used together."""
    lock_within: Duration
    """Within which they fall, and for how long after the last the username stays locked; counted likewise."""


def strictest(several: Iterable[SessionsPolicy]) -> SessionsPolicy:
    """What no profile is stricter than, figure by figure: for those who belong to no agency, or are not known yet."""
    policies = list(several)
    return SessionsPolicy(
        second_factor="always" if any(one.second_factor == "always" for one in policies) else "once_live",
        idle_lock=min(one.idle_lock for one in policies),
        reauthenticate_after=min(one.reauthenticate_after for one in policies),
        dormant_after=min(one.dormant_after for one in policies),
        lock_after_failures=min(one.lock_after_failures for one in policies),
        implausible_speed=min(one.implausible_speed for one in policies),
        implausible_beyond=min(one.implausible_beyond for one in policies),
        lock_within=max(one.lock_within for one in policies),
    )


class PostsPolicy(PolicySection):
    """[posts]: the further posts, what waits while one is vacant, and who may be a second person (B2, B9, B10)."""

    agency_head: Title
    """Whom the administrator answers to."""
    custodian_of_records: Annotated[Title | None, none_when("none")]
    """B10: works with the administrator on retention and destruction."""
    records_supervisor: Annotated[Title | None, none_when("none")]
    """I7: answers those who are no law enforcement."""
    agency_attorney: Title
    """Consents to destruction (Government Code 34090.6) and to legal process (J2)."""
    vacancy_blocks: Several[Blocked]
    """B9: what waits until the post is filled, whoever acts."""
    second_person: Several[PostCode]
    """B2: whose word, beside the administrator's own, shortens retention or widens access."""
    second_person_after: Duration
    """A3, B2: so long an account that somebody opened, reset or put into office is no second person beside them."""


Deputy = Annotated[PostCode | None, none_when("none")]


class ActingPolicy(PolicySection):
    """[acting]: by post, whose holder acts for it while it is vacant (B9); None: nobody, or there is no such post."""

    administrator: Deputy
    collection_steward: Deputy
    training_owner: Deputy
    agency_head: Deputy
    custodian_of_records: Deputy
    records_supervisor: Deputy
    agency_attorney: Deputy

    @model_validator(mode="after")
    def _nobody_acts_for_himself(self) -> "ActingPolicy":
        if own := [post for post, other in self.model_dump().items() if post == other]:
            raise ValueError(f"names the vacant post itself: {', '.join(own)}")
        return self

    def of(self, post: str) -> str | None:
        """The post whose holder acts for this one while it is vacant."""
        deputy: str | None = getattr(self, post)
        return deputy


class OrdersPolicy(PolicySection):
    """[orders]: who signs the destruction of what is due, and for how long (clauses B10, F3)."""

    purge_signed_by: Several[PostCode]
    """B10: the posts whose holders sign an order, each a person of their own."""
    purge_order_stands: CalendarPeriod
    """How long an order is good for, from its last signature."""


SECTIONS: Mapping[str, type[PolicySection]] = {
    "accounts": AccountsPolicy,
    "sessions": SessionsPolicy,
    "posts": PostsPolicy,
    "acting": ActingPolicy,
    "orders": OrdersPolicy,
    "titles": TitlesPolicy,
    "training": TrainingPolicy,
    "approvals": ApprovalsPolicy,
}
