"""The daily look: does the agency's public address serve the policy that is in force? Values in, values out (B11)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from platekeeper_access_audit.publication.domain import Version, sha256
from platekeeper_common.ids import AgencyId

EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""After a look that found it missing."""

Problem = Literal["no_answer", "not_found", "another_version", "no_address", "not_published"]


@dataclass(frozen=True, slots=True)
class Posting:
    """Where an agency posts its policy."""

    agency_id: AgencyId
    url: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """A look at an address, for a version; `problem` None: it is there."""

    agency_id: AgencyId
    url: str
    number: int
    checked_at: datetime
    problem: str | None


def due(last: Check | None, url: str, number: int, now: datetime) -> bool:
    """Whether to look: at once after publishing or a change of address, else once a day, and sooner after a failure."""
    if last is None or last.url != url or last.number != number:
        return True
    return now - last.checked_at >= (EVERY if last.problem is None else AGAIN)


def judge(status: int | None, body: bytes, version: Version) -> Problem | None:
    """What is wrong with an answer; None when it is the policy.

    It is when the body is one of the published files to the byte, or a page that tells the SHA-256 of the version in
    force: our own page, a copy of it, or the department's page around it. `status` None: nobody answered.
    """
    if status is None:
        return "no_answer"
    if status != 200:
        return "not_found"
    return None if _is_one_of(body, version.hashes().values()) or version.sha256.encode() in body else "another_version"


def _is_one_of(body: bytes, hashes: Collection[str]) -> bool:
    return sha256(body) in hashes
