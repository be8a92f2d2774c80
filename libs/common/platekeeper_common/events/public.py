"""What services state in public of an agency: facts of a few kinds, in words of closed sets, and counts.

Nothing personal fits in. There is no field for a plate, a read, a username, an id or a text that a user wrote; counts
are kept under words of closed sets. The texts are those that the department itself decided: titles, courses, documents,
the names of agencies, and of the holders of its posts, which the law wants posted with their titles (Civil Code
1798.90.51 (b)(2)(E); clause B9).
"""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from platekeeper_common.events.envelope import Event, Topic

Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""One line as the department words it."""
Sentence = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""A sentence of ours with the settings of a profile in it, as long as those are many."""
Word = Annotated[str, Meta(max_length=50, pattern=r"^[a-z][a-z0-9]*([._-][a-z0-9]+)*$")]
"""A short lower-case word of our code or of the policy profile."""
Length = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4} (day|month|year)s?$")]
"""A period as profiles write it: "1 year"."""
Count = Annotated[int, Meta(ge=0)]
CalendarMonth = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
"""`2026-10`, in UTC."""


class AuthorisedTitle(Struct, frozen=True, kw_only=True):
    """A job title whose holders may use the system (B5). `may`: what, in words of our code."""

    title: Line
    kind: Literal["member", "contractor"] = "member"
    may: tuple[Word, ...] = ()


class Titles(Struct, frozen=True, kw_only=True, tag_field="section", tag="titles"):
    """The register of authorised titles (B5)."""

    titles: tuple[AuthorisedTitle, ...]


class Post(Struct, frozen=True, kw_only=True):
    """A post of the programme and who holds it (B9); `holder` None: vacant since then, or never filled."""

    code: Word
    title: Line
    holder: Line | None = None
    since: date | None = None
    vacant_since: date | None = None
    acting: Line | None = None
    """Title of the post whose holder acts meanwhile."""


class Posts(Struct, frozen=True, kw_only=True, tag_field="section", tag="posts"):
    """The register of posts."""

    posts: tuple[Post, ...]


class Course(Struct, frozen=True, kw_only=True):
    """Training that users must have completed (B6)."""

    title: Line
    version: Line
    valid_for: Length | None = None
    """None: it does not lapse."""
    titles: tuple[Line, ...] = ()
    """Who must; empty: everybody."""


class Courses(Struct, frozen=True, kw_only=True, tag_field="section", tag="courses"):
    """The catalogue of training; `owner`: the title of the post that certifies it (C3)."""

    owner: Line
    courses: tuple[Course, ...] = ()


class Detector(Struct, frozen=True, kw_only=True):
    """What is looked for in the access records (B7). `looks_for`: a sentence of ours."""

    code: Word
    looks_for: Sentence


class Monitoring(Struct, frozen=True, kw_only=True, tag_field="section", tag="monitoring"):
    """How use is monitored, by the settings in force (B7, G3, G4)."""

    audit_cadence: Literal["monthly", "quarterly", "half-yearly", "yearly"]
    access_years: Count
    """For how many years access records are kept."""
    breach_policy: Line | None = None
    reviewer: Line | None = None
    """Title of the post that reviews."""
    detectors: tuple[Detector, ...] = ()
    last_audit: date | None = None
    """When the last periodic audit was signed off."""


class Retention(Struct, frozen=True, kw_only=True, tag_field="section", tag="retention"):
    """The schedule item under which reads and images are kept and destroyed (F1 to F4)."""

    item: Word
    authority: Line
    minimum: Length
    maximum: Length | None = None
    clock: Literal["receipt"]
    purge: Literal["should", "may"]


class Sharing(Struct, frozen=True, kw_only=True, tag_field="section", tag="sharing"):
    """By which routes data may leave, who decides, and who answers everybody else (I1 to I7, J2)."""

    routes: tuple[Literal["request", "agreement", "verified_agency"], ...]
    approver: Word | None = None
    """Code of the approving post."""
    non_le_owner: Line


class Accuracy(Struct, frozen=True, kw_only=True, tag_field="section", tag="accuracy"):
    """What is done against errors before anybody acts on an alert (D2, A7, J1)."""

    clets_verification: Literal["should", "shall"]
    clets_before: Literal["enforcement_action", "directed_stop_or_detention"]
    look_alikes_at_most: Count
    """Characters of a plate that a camera may have confused and that still match, marked as such."""
    partial_expires_after_days: Count


class AgenciesWithAccess(Struct, frozen=True, kw_only=True, tag_field="section", tag="agencies"):
    """Agencies that may be given data today, by real grants, in order of their names."""

    agencies: tuple[Line, ...]


class Searches(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Searches by purpose code: those of the five manuals (A1); `another` stands for any other of a profile."""

    stolen_vehicle: Count = 0
    wanted_vehicle: Count = 0
    stolen_plate: Count = 0
    missing_person: Count = 0
    warrant: Count = 0
    homeland_security: Count = 0
    electronic_surveillance: Count = 0
    suspect_interdiction: Count = 0
    stolen_property: Count = 0
    routine_patrol: Count = 0
    crime_scene_canvass: Count = 0
    other_le: Count = 0
    another: Count = 0


class Figures(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="section", tag="figures"):
    """Exact counts of one ended month, as they travel inside; the public sees them above a minimum cell size (H2).

    A service states those that it knows; None: not its to say.
    """

    month: CalendarMonth
    reads: Count | None = None
    hits: Count | None = None
    searches: Searches | None = None
    refusals: Count | None = None
    releases: Count | None = None
    releases_refused: Count | None = None
    audits: Count | None = None
    purges: Count | None = None


Statement: TypeAlias = (
    Titles | Posts | Courses | Monitoring | Retention | Sharing | Accuracy | AgenciesWithAccess | Figures
)
_decoder: msgspec.json.Decoder[Statement] = msgspec.json.Decoder(Statement)


def section_of(statement: Statement) -> str:
    """What a later statement replaces: one of each kind, of figures one a month."""
    tag = str(statement.__struct_config__.tag)
    return f"{tag}-{statement.month}" if isinstance(statement, Figures) else tag


def written(statement: Statement) -> bytes:
    """The statement as JSON. Raises msgspec.ValidationError, naming the field alone, for what no statement may hold."""
    data = msgspec.json.encode(statement, order="deterministic")
    _decoder.decode(data)
    return data


def read(data: bytes) -> Statement:
    """The statement in `written`'s JSON."""
    return _decoder.decode(data)


class StatedInPublic(Event, frozen=True, kw_only=True):
    """A service's whole word on one section of what the public may know of an agency."""

    type: ClassVar[str] = "public.stated.v1"
    topic: ClassVar[Topic] = Topic("public.stated", compacted=True)
    service: Word
    content: Statement
    stated_at: datetime

    @property
    def key(self) -> str:
        """The last word of each service on each section stays."""
        return f"{self.agency_id}/{self.service}/{section_of(self.content)}"


class PolicyPublished(Event, frozen=True, kw_only=True):
    """The agency's policy in force: what its users accept at their next sign-on (B4)."""

    type: ClassVar[str] = "policy.published.v1"
    topic: ClassVar[Topic] = Topic("policy.published", compacted=True)
    version: Annotated[int, Meta(ge=1)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    published_at: datetime
