"""The policy document: a section for each element of the statute, text by the administrator around facts in force.

Values in, values out. Source: Civil Code 1798.90.51(b)(2) and .53(b)(2), (A) to (G); clauses B4 to B11.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import urlsplit

import rfc8785

from platekeeper_access_audit.publication.board import Facts
from platekeeper_common.errors import Conflict, Invalid
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.policy import Profile
from platekeeper_common.shared_policy import UsePolicy

Code = Literal["purposes", "titles_and_training", "monitoring", "sharing", "custodian", "accuracy", "retention"]
CODES: tuple[Code, ...] = get_args(Code)
"""In the order of the statute."""
TITLES: Mapping[Code, tuple[str, str]] = {
    "purposes": ("A", "Authorised purposes"),
    "titles_and_training": ("B", "Who may use the system, and their training"),
    "monitoring": ("C", "Monitoring and periodic audits"),
    "sharing": ("D", "Sale, sharing and transfer of data, and their restrictions"),
    "custodian": ("E", "Who is responsible"),
    "accuracy": ("F", "Accuracy, and correcting errors"),
    "retention": ("G", "How long data is kept, and how it is destroyed"),
}
TEXT_AT_MOST = 20_000
Texts = Mapping[Code, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """A line or a list of the document that is generated from settings and registers."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One element of the statute."""

    code: Code
    element: str
    title: str
    text: str
    facts: tuple[Fact, ...]

    @property
    def lacks(self) -> Literal["text", "facts"] | None:
        """What is missing; None when the section is whole."""
        if not any(map(str.isalnum, self.text)):
            return "text"
        return None if self.facts and all(fact.values for fact in self.facts) else "facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an administrator wrote; it never changes, a later draft is another one."""

    id: str
    agency_id: AgencyId
    texts: dict[Code, str]
    drafted_by: str
    drafted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A published version: its number, the SHA-256 of its JSON, and its three forms byte for byte."""

    agency_id: AgencyId
    number: int
    draft_id: str
    sha256: str
    document: bytes
    """RFC 8785 JSON; everything else is made from it."""
    html: bytes
    pdf: bytes
    policy_version: str
    published_by: str
    published_at: datetime

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each form."""
        return {"json": self.sha256, "html": sha256(self.html), "pdf": sha256(self.pdf)}


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sections(texts: Texts, facts: Facts, profile: Profile) -> list[Section]:
    """The document's sections: what was written, around what is in force."""
    generated = generate(facts, profile)
    return [Section(code, *TITLES[code], texts.get(code, "").strip(), tuple(generated[code])) for code in CODES]


def demand_whole(drafted: Sequence[Section]) -> None:
    """Raise Conflict `policy_incomplete` naming every section that is empty and what it lacks (B4)."""
    missing = [{"section": one.code, "element": one.element, "lacks": one.lacks} for one in drafted if one.lacks]
    if missing:
        named = ", ".join(f"({one['element']}) {one['section']}: no {one['lacks']}" for one in missing)
        detail = f"every element of the statute needs its section; empty: {named}. Draft the text, or state the facts"
        raise Conflict(detail, code="policy_incomplete", clause="B4", missing=missing)


def demand_secure(url: str) -> str:
    """The URL, when browsers can trust what it shows. Raises Invalid `url_invalid` (B11)."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password or parts.fragment:
        detail = "the public URL is https://HOST/PATH, without user and fragment"
        raise Invalid(detail, code="url_invalid", clause="B11")
    return url


def document(
    agency: Agency, profile: Profile, whole: Sequence[Section], *, number: int, at: datetime, previous: str | None
) -> bytes:
    """The version as RFC 8785 JSON."""
    head = profile.head
    return rfc8785.dumps(
        {
            "agency": {"id": agency.id, "name": agency.name, "ori": agency.ori},
            "manual": {"title": head.manual, "section": head.section},
            "version": number,
            "published_at": at.isoformat(),
            "previous_sha256": previous,
            "policy_version": profile.version,
            "sections": [
                {
                    "code": one.code,
                    "element": one.element,
                    "title": one.title,
                    "text": one.text,
                    "facts": [{"label": fact.label, "values": list(fact.values)} for fact in one.facts],
                }
                for one in whole
            ],
        }
    )


def generate(facts: Facts, profile: Profile) -> dict[Code, list[Fact]]:
    """What is in force, in words; a fact that nobody has stated yet has no values."""
    return {
        "purposes": _purposes(profile.section(UsePolicy)),
        "titles_and_training": _titles(facts),
        "monitoring": _monitoring(facts),
        "sharing": _sharing(facts),
        "custodian": [Fact("Posts, and who holds them", tuple(post_lines(facts)))],
        "accuracy": _accuracy(facts),
        "retention": _retention(facts),
    }


def post_lines(facts: Facts) -> list[str]:
    """Title and name of the holder of each post; of a vacant one since when (B9)."""
    lines = []
    for post in facts.posts.posts if facts.posts else ():
        if post.holder is not None:
            who = f"{post.holder}, since {post.since:%Y-%m-%d}" if post.since else post.holder
        else:
            who = f"vacant since {post.vacant_since:%Y-%m-%d}" if post.vacant_since else "vacant, never filled"
            who += f"; acting: {post.acting}" if post.acting else ""
        lines.append(f"{plain(post.code)} ({post.title}): {who}")
    return lines


_WORDS = {"other_le": "Other law enforcement, with the reason in words", "another": "Another purpose of the policy"}


def plain(word: str) -> str:
    """A code in words: `routine_patrol` is "Routine patrol"."""
    if word in _WORDS:
        return _WORDS[word]
    spaced = word.replace("_", " ").replace(".", " ")
    return spaced[:1].upper() + spaced[1:]


def _purposes(policy: UsePolicy) -> list[Fact]:
    return [
        Fact("Data may be used for", tuple(map(plain, policy.purposes))),
        Fact("Never", ("Personal use", "Immigration enforcement (Government Code 7284.6)")),
        Fact("Every use belongs to a matter of one of these types", tuple(map(plain, policy.matter_types))),
    ]


def _titles(facts: Facts) -> list[Fact]:
    titles = facts.titles.titles if facts.titles else ()
    told = tuple(
        f"{one.title}{' (independent contractor)' if one.kind == 'contractor' else ''}"
        + (f": {', '.join(plain(word).lower() for word in one.may)}" if one.may else "")
        for one in titles
    )
    found = [Fact("Job titles that are authorised", told)]
    if facts.courses is None:
        return [*found, Fact("Training", ())]
    needed = tuple(
        f"{one.title}, version {one.version}"
        + (f", renewed after {one.valid_for}" if one.valid_for else "")
        + (f", for {', '.join(one.titles)}" if one.titles else "")
        for one in facts.courses.courses
    )
    rule = "Nobody sees plate data without department-approved training that was valid at sign-on"
    return [*found, Fact("Training", (rule, *needed)), Fact("Training is certified by", (facts.courses.owner,))]


def _monitoring(facts: Facts) -> list[Fact]:
    if (plan := facts.monitoring) is None:
        return [Fact("Monitoring", ())]
    last = f"the last one was signed off on {plan.last_audit:%Y-%m-%d}" if plan.last_audit else "none is signed off yet"
    found = [
        Fact(
            "Records of access",
            (
                "Every access and every refusal is recorded before data is shown (Civil Code 1798.90.52)",
                "A record says date and time, person, organisation, purpose, and what was asked",
                f"Records are kept for {plan.access_years} years, append-only, under signed checkpoints",
            ),
        ),
        Fact("Periodic system audits", (f"{plain(plan.audit_cadence)}; {last}",)),
    ]
    if plan.reviewer:
        found.append(Fact("Reviewed by", (plan.reviewer,)))
    if plan.detectors:
        found.append(Fact("Looked for without being asked", tuple(one.looks_for for one in plan.detectors)))
    if plan.breach_policy:
        found.append(Fact("A breach is handled under", (plan.breach_policy,)))
    return found


_ROUTES = {
    "request": "On a written request that names agency, person and purpose and was approved beforehand",
    "agreement": "Under an active agreement with another agency, each query naming agency, person and purpose",
    "verified_agency": "To a law enforcement agency and official who were both verified beforehand",
}


def _sharing(facts: Facts) -> list[Fact]:
    if (rules := facts.sharing) is None:
        return [Fact("Data leaves the department", ())]
    posts = {post.code: post.title for post in facts.posts.posts} if facts.posts else {}
    found = [
        Fact("Data leaves the department", tuple(_ROUTES[route] for route in rules.routes)),
        Fact(
            "Never",
            (
                "Sold",
                "To federal, out-of-state or private parties (Civil Code 1798.90.55(b))",
                "For immigration enforcement",
            ),
        ),
        Fact("Requests of anybody else, the public included, are answered under", (rules.non_le_owner,)),
    ]
    if rules.approver:
        found.append(Fact("Requests are decided by", (posts.get(rules.approver, plain(rules.approver)),)))
    return found


def _accuracy(facts: Facts) -> list[Fact]:
    if (rules := facts.accuracy) is None:
        return [Fact("Before anybody acts on an alert", ())]
    word = "must" if rules.clets_verification == "shall" else "should, where practicable,"
    before = {"enforcement_action": "enforcement action", "directed_stop_or_detention": "a stop or detention"}
    return [
        Fact(
            "Before anybody acts on an alert",
            (f"Officers {word} verify it through CLETS before {before[rules.clets_before]} on the alert alone",),
        ),
        Fact(
            "Reading errors",
            (
                "Each read says how sure the reader was, and which model in which version read it",
                f"A match in which look-alikes differ, at most {rules.look_alikes_at_most}, is marked as such",
                f"Partial plates leave the lists after {rules.partial_expires_after_days} days at the latest",
            ),
        ),
    ]


def _retention(facts: Facts) -> list[Fact]:
    if (rules := facts.retention) is None:
        return [Fact("Kept for", ())]
    word = "is then destroyed" if rules.purge == "should" else "may then be destroyed"
    return [
        Fact("Kept for", (f"At least {rules.minimum}, counted from receipt at the server; the data {word}",)),
        Fact("At most", (rules.maximum or "No statute or schedule sets a longest time",)),
        Fact("Schedule", (f"{rules.authority} (item {rules.item})",)),
        Fact(
            "Kept longer",
            (
                "What is, or is reasonably believed will become, evidence",
                "What is subject to a discovery request or other lawful production",
            ),
        ),
    ]
