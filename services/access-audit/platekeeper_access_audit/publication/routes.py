"""The doors behind which the policy document is written and published."""

from typing import Annotated

from fastapi import APIRouter

from platekeeper_access_audit.publication import handlers
from platekeeper_access_audit.publication.documents import (
    DocumentsListed,
    DraftDocument,
    DraftListed,
    DraftStated,
    PostingDocument,
    UrlStated,
    VersionDocument,
)
from platekeeper_access_audit.publication.room import Here
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.edge import CurrentPlace, Tx, may

router = APIRouter(prefix="/v1/policy-documents", tags=["policy documents"])

Drafter = Annotated[Caller, may(Action.POLICY_DRAFT)]
Publisher = Annotated[Caller, may(Action.POLICY_PUBLISH)]
Viewer = Annotated[Caller, may(Action.POLICY_VIEW)]


@router.post("", status_code=201)
async def draft(body: DraftStated, who: Drafter, tx: Tx, here: Here, place: CurrentPlace) -> DraftDocument:
    """Keep a draft of the agency's policy; the answer shows it around the facts in force, and what it lacks."""
    return DraftDocument.of(await handlers.add_draft(tx, here, body.texts(), by=who, place=place))


@router.get("")
async def listed(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> DocumentsListed:
    """The agency's last drafts, and every published version."""
    drafts, versions = await handlers.listed(tx, here, by=who, place=place)
    return DocumentsListed(
        drafts=[DraftListed.model_validate(one) for one in drafts],
        versions=[VersionDocument.of(one) for one in versions],
    )


@router.put("/public-url")
async def set_url(body: UrlStated, who: Publisher, tx: Tx, here: Here, place: CurrentPlace) -> PostingDocument:
    """Say where on its website the agency posts the policy: it is looked at soon, then once a day."""
    posted = await handlers.set_url(tx, here, body.url, by=who, place=place)
    return PostingDocument(url=posted.url, checked_at=None, version=None, problem=None)


@router.get("/public-url")
async def public_url(who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> PostingDocument:
    """Where the agency posts its policy, and what the last look found there."""
    posted, last = await handlers.posted(tx, here, by=who, place=place)
    return PostingDocument(
        url=posted.url if posted else None,
        checked_at=last.checked_at if last else None,
        version=last.number if last else None,
        problem=last.problem if last else None,
    )


@router.get("/{draft_id}")
async def show(draft_id: str, who: Viewer, tx: Tx, here: Here, place: CurrentPlace) -> DraftDocument:
    """A draft around the facts of today, and what it lacks."""
    return DraftDocument.of(await handlers.view(tx, here, draft_id, by=who, place=place))


@router.post("/{draft_id}/publish", status_code=201)
async def publish(draft_id: str, who: Publisher, tx: Tx, here: Here, place: CurrentPlace) -> VersionDocument:
    """Publish the draft as the next version; users accept it at their next sign-on.

    409 `policy_incomplete` names every section that is empty (B4). A vacant post does not keep it back (B9).
    """
    return VersionDocument.of(await handlers.publish(tx, here, draft_id, by=who, place=place))
