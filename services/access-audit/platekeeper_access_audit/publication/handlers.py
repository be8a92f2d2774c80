"""What publication does: keep drafts, publish versions, and show them and the figures to anybody."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from platekeeper_access_audit.publication import domain, rendering, storage
from platekeeper_access_audit.publication.board import Facts
from platekeeper_access_audit.publication.domain import Code, Draft, Section, Version
from platekeeper_access_audit.publication.posting import Check, Posting
from platekeeper_access_audit.publication.room import PublicationRoom
from platekeeper_common import ids
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, NotFound, Refused
from platekeeper_common.events.public import PolicyPublished
from platekeeper_common.ids import AgencyId
from platekeeper_common.policies import Agency
from platekeeper_common.policy import Profile

DRAFTS_AT_MOST = 50
"""Told at once, newest first."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft as it would be published now; `number` None: it is not published."""

    draft: Draft
    sections: Sequence[Section]
    number: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What anybody may see of an agency; `version` None: it has published nothing."""

    agency: Agency
    profile: Profile
    facts: Facts
    version: Version | None


async def add_draft(tx: Tx, here: PublicationRoom, texts: dict[Code, str], *, by: Caller, place: Place) -> Drafted:
    """Keep what an administrator wrote; it may have gaps."""
    draft = Draft(id=ids.new(), agency_id=by.agency_id, texts=texts, drafted_by=by.subject, drafted_at=here.clock())
    await storage.add_draft(tx, draft)
    tx.emit(here.recorder.administration(by, Action.POLICY_DRAFT, "policy_draft", draft.id, place))
    return Drafted(draft, _sections(here, draft), None)


async def listed(tx: Tx, here: PublicationRoom, *, by: Caller, place: Place) -> tuple[list[Draft], list[Version]]:
    """The agency's last drafts, and every version."""
    tx.emit(here.recorder.administration(by, Action.POLICY_VIEW, "policy", by.agency_id, place))
    return await storage.drafts(tx, by.agency_id, DRAFTS_AT_MOST), await storage.versions(tx, by.agency_id)


async def view(tx: Tx, here: PublicationRoom, draft_id: str, *, by: Caller, place: Place) -> Drafted:
    """A draft around the facts of today. Raises NotFound `draft_unknown`."""
    draft = await storage.draft(tx, by.agency_id, draft_id)
    tx.emit(here.recorder.administration(by, Action.POLICY_VIEW, "policy_draft", draft_id, place))
    return Drafted(draft, _sections(here, draft), await storage.published(tx, draft_id))


async def publish(tx: Tx, here: PublicationRoom, draft_id: str, *, by: Caller, place: Place) -> Version:
    """The draft becomes the next version, around the facts of this moment; a vacant post does not keep it back (B9).

    Raises NotFound `draft_unknown`, Conflict `policy_incomplete` (B4) or `policy_published`.
    """
    await tx.lock()
    draft = await storage.draft(tx, by.agency_id, draft_id)
    if (known := await storage.published(tx, draft_id)) is not None:
        raise Conflict(f"the draft is version {known}; make another draft", code="policy_published", clause="B4")
    whole = _sections(here, draft)
    domain.demand_whole(whole)
    last = await storage.version(tx, by.agency_id)
    version = await asyncio.to_thread(_made, here, draft, whole, last, by)
    await storage.add_version(tx, version)
    object_id = f"{version.agency_id}/{version.number}"
    tx.emit(here.recorder.administration(by, Action.POLICY_PUBLISH, "policy", object_id, place))
    tx.emit(
        PolicyPublished(
            agency_id=version.agency_id,
            version=version.number,
            sha256=version.sha256,
            published_at=version.published_at,
        )
    )
    return version


async def set_url(tx: Tx, here: PublicationRoom, url: str, *, by: Caller, place: Place) -> Posting:
    """Where the agency posts its policy: looked at soon, then once a day. Raises Invalid `url_invalid` (B11)."""
    new = Posting(by.agency_id, domain.demand_secure(url), here.clock())
    await storage.set_url(tx, new)
    tx.emit(here.recorder.administration(by, Action.POLICY_PUBLISH, "public_url", by.agency_id, place))
    return new


async def posted(tx: Tx, here: PublicationRoom, *, by: Caller, place: Place) -> tuple[Posting | None, Check | None]:
    """Where the agency posts its policy, and what the last look found there."""
    tx.emit(here.recorder.administration(by, Action.POLICY_VIEW, "public_url", by.agency_id, place))
    return await storage.url_of(tx, by.agency_id), await storage.last_check(tx, by.agency_id)


def agencies(here: PublicationRoom) -> list[Agency]:
    """The agencies that are not closed, by name."""
    policies = here.foundation.policies
    return sorted(map(policies.agency, policies.open_agencies()), key=lambda agency: (agency.name, agency.id))


async def shown(tx: Tx, here: PublicationRoom, agency_id: str, number: int | None = None) -> Shown:
    """The agency and its policy in force, or one of its versions. Raises NotFound `agency_unknown`."""
    own = AgencyId(agency_id)
    try:
        agency, profile = here.foundation.policies.agency(own), here.foundation.policies.of(own)
    except Refused as error:
        raise NotFound("no such agency here", code="agency_unknown") from error
    return Shown(agency, profile, here.board.of(own), await storage.version(tx, own, number))


def in_force(on_view: Shown) -> list[Section]:
    """What the generated part of the document would say today."""
    return domain.sections({}, on_view.facts, on_view.profile)


def _sections(here: PublicationRoom, draft: Draft) -> list[Section]:
    profile = here.foundation.policies.of(draft.agency_id)
    return domain.sections(draft.texts, here.board.of(draft.agency_id), profile)


def _made(here: PublicationRoom, draft: Draft, whole: Sequence[Section], last: Version | None, by: Caller) -> Version:
    policies, now = here.foundation.policies, here.clock()
    agency, profile = policies.agency(draft.agency_id), policies.of(draft.agency_id)
    number = last.number + 1 if last else 1
    previous = last.sha256 if last else None
    document = domain.document(agency, profile, whole, number=number, at=now, previous=previous)
    sha256 = domain.sha256(document)
    return Version(
        agency_id=agency.id,
        number=number,
        draft_id=draft.id,
        sha256=sha256,
        document=document,
        html=rendering.policy_html(document, sha256),
        pdf=rendering.policy_pdf(document, sha256, now),
        policy_version=profile.version,
        published_by=by.subject,
        published_at=now,
    )
