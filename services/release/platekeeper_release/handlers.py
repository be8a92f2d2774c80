"""What can be done with recipients and requests, one transaction each, with its access record."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.exc import IntegrityError

from platekeeper_common import authorization, caller, ids, uses
from platekeeper_common.access import Place, Result, Use
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Conflict, NotFound, PlatekeeperError, Refused
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.shared_policy import UsePolicy
from platekeeper_release import domain, filing, neighbours, recipient_storage, storage
from platekeeper_release.filing import (
    Decision,
    Listed,
    NewRecipient,
    Office,
    PartnerPerson,
    Recipient,
    Request,
    RequestFile,
    Ruling,
    Stated,
    TrainingStated,
)
from platekeeper_release.package import MEDIA_TYPE
from platekeeper_release.policy import ReleasePolicy
from platekeeper_release.room import ReleaseRoom


async def enter_recipient(tx: Tx, here: ReleaseRoom, by: Caller, new: NewRecipient, place: Place) -> Recipient:
    """Enter an agency in the register of recipients. Raises Invalid `ori_required` (I1), Refused (J4)."""
    domain.demand_listable(new)
    entered = Recipient(
        **asdict(new), id=ids.new(), agency_id=by.agency_id, entered_by=by.username, entered_at=here.clock()
    )
    await recipient_storage.add(tx, entered)
    tx.emit(here.recorder.administration(by, Action.RECIPIENT_EDIT, "recipient", entered.id, place))
    return entered


async def withdraw_recipient(tx: Tx, here: ReleaseRoom, by: Caller, recipient_id: str, place: Place) -> Recipient:
    """Nothing is released to it any more. Raises NotFound, Conflict `recipient_withdrawn`."""
    await tx.lock()
    gone = domain.withdrawn(await recipient_storage.find(tx, by.agency_id, recipient_id), here.clock())
    await recipient_storage.withdraw(tx, gone)
    tx.emit(here.recorder.administration(by, Action.RECIPIENT_EDIT, "recipient", gone.id, place))
    return gone


async def recipients(tx: Tx, here: ReleaseRoom, by: Caller, place: Place) -> list[Recipient]:
    """The agency's register by name."""
    tx.emit(here.recorder.administration(by, Action.RECIPIENT_VIEW, "recipients", by.agency_id, place))
    return await recipient_storage.of_agency(tx, by.agency_id)


async def enter_person(
    tx: Tx, here: ReleaseRoom, by: Caller, recipient_id: str, training: TrainingStated, place: Place
) -> PartnerPerson:
    """Keep what a recipient asserts of the training of one of its people (C2).

    Raises NotFound, Conflict `recipient_withdrawn`, Invalid `training_lapsed`, Refused (J4).
    """
    now = here.clock()
    recipient = await recipient_storage.find(tx, by.agency_id, recipient_id)
    domain.withdrawn(recipient, now)
    domain.demand_assertable(training, now)
    entered = PartnerPerson(
        id=ids.new(),
        agency_id=by.agency_id,
        recipient_id=recipient.id,
        training=training,
        entered_by=by.subject,
        entered_at=now,
    )
    await recipient_storage.add_person(tx, entered)
    tx.emit(here.recorder.administration(by, Action.RECIPIENT_EDIT, "partner_person", entered.id, place))
    return entered


async def people(tx: Tx, here: ReleaseRoom, by: Caller, recipient_id: str, place: Place) -> list[PartnerPerson]:
    """What the recipient has asserted of its people. Raises NotFound."""
    recipient = await recipient_storage.find(tx, by.agency_id, recipient_id)
    tx.emit(here.recorder.administration(by, Action.RECIPIENT_VIEW, "recipient", recipient.id, place))
    return await recipient_storage.people(tx, by.agency_id, recipient.id)


async def receive(tx: Tx, here: ReleaseRoom, by: Caller, stated: Stated, use: Use, place: Place) -> RequestFile:
    """File a written request under the next number of the year.

    Raises Refused `route_not_open` (I5, I6), `immigration_refused` (J4), `not_ca_public_agency` (J2) or
    `recipient_not_eligible` (I1), Invalid for what the use lacks (A1, A8) or `request_incomplete` (I2), NotFound.
    """
    profile = here.foundation.policies.of(by.agency_id)
    policy = profile.section(ReleasePolicy)
    domain.demand_route(policy, "request")
    uses.demand(here, by, Action.RELEASE_RECEIVE, use)
    domain.demand_whole(stated)
    domain.demand_lawful(stated, use)
    await tx.lock()
    recipient = await recipient_storage.find(tx, by.agency_id, stated.recipient_id or "")
    domain.demand_eligible(recipient, policy)
    now = here.clock()
    year = domain.year_of(here.foundation.policies.agency(by.agency_id), now)
    serial = await storage.next_serial(tx, by.agency_id, year)
    request = Request(
        id=ids.new(),
        agency_id=by.agency_id,
        number=domain.number(year, serial),
        route="request",
        recipient=recipient,
        agency_written=stated.agency_written or "",
        person=stated.person or filing.Person(name="", title=None, contact=None),
        intended_purpose=stated.intended_purpose or "",
        opens=stated.scope.elements(),
        document_sha256=stated.document_sha256,
        document_reference=stated.document_reference,
        use=use,
        received_by=by.subject,
        received_by_name=by.name,
        received_at=now,
        policy_version=profile.version,
    )
    file = RequestFile(request=request, request_sha256=await storage.add_request(tx, request, year, serial))
    await _record(tx, here, by, Action.RELEASE_RECEIVE, file, place)
    return file


async def office(here: ReleaseRoom, by: Caller, token: str) -> Office:
    """The post that decides on the caller's agency's requests, and who holds it today, as accounts say.

    Raises Refused `route_not_open` where no request is received, Busy `neighbour_away`.
    """
    policy = _policy(here, by)
    domain.demand_route(policy, "request")
    return await neighbours.office(here.foundation, token, str(policy.approver))


async def decide(
    tx: Tx, here: ReleaseRoom, by: Caller, request_id: str, ruling: Ruling, office: Office, place: Place
) -> RequestFile:
    """Approve or deny a request, once. Raises as `domain.demand_decider` and `domain.demand_ruling`; NotFound."""
    await tx.lock()
    file = await storage.file(tx, by.agency_id, request_id)
    domain.demand_decider(file, office, by)
    now = here.clock()
    scope = domain.demand_ruling(ruling, file.request, now)
    decision = Decision(
        request_id=file.request.id,
        request_sha256=file.request_sha256,
        outcome=ruling.outcome,
        opens=scope.elements() if scope else None,
        expires_at=ruling.expires_at if scope else None,
        reason=ruling.reason,
        post=office.post,
        post_title=office.title,
        decided_by=by.subject,
        decided_by_name=by.name,
        decided_at=now,
        policy_version=here.foundation.policies.of(by.agency_id).version,
    )
    try:
        await storage.add_decision(tx, decision)
    except IntegrityError as error:
        raise Conflict("the request was decided before", code="already_decided", clause="I3") from error
    decided = await storage.file(tx, by.agency_id, request_id)
    by = by.acting_for(caller.Office(office.post, authority=office.deciders[by.subject]))
    await _record(tx, here, by, Action.RELEASE_DECIDE, decided, place, outcome=ruling.outcome)
    return decided


async def show(tx: Tx, here: ReleaseRoom, by: Caller, request_id: str, place: Place) -> RequestFile:
    """A request with its decision and its manifest, for the use that it states (I4). Raises NotFound, Refused (A8)."""
    file = await storage.file(tx, by.agency_id, request_id)
    by = by.acting_for(domain.demand_reader(file.request.use, by, _uses(here, by), _policy(here, by)))
    await _record(tx, here, by, Action.RELEASE_VIEW, file, place)
    return file


async def listed(tx: Tx, here: ReleaseRoom, by: Caller, before: Any, limit: int, place: Place) -> list[Listed]:
    """Up to `limit` requests of the agency, newest number first, each with whether the caller may read it (A8)."""
    tx.emit(here.recorder.administration(by, Action.RELEASE_VIEW, "release_requests", by.agency_id, place))
    files = await storage.files(tx, by.agency_id, before, limit)
    return [Listed(file, _may_read(here, by, file)) for file in files]


async def hand_out(tx: Tx, here: ReleaseRoom, by: Caller, request_id: str, place: Place) -> tuple[RequestFile, bytes]:
    """The package that was sent, as it was sent.

    Raises NotFound `package_absent`, Gone when it was destroyed, Refused (A2, A8) when its use is not the caller's, or
    (J2, I1) when the recipient may have nothing any more.
    """
    file = await storage.file(tx, by.agency_id, request_id)
    authorization.decide(by, Action.RELEASE_HAND_OUT, use=file.request.use, policy=_uses(here, by))
    sent = file.fulfilment
    if sent is None:
        raise NotFound("the request has not been fulfilled", code="package_absent")
    recipient = await recipient_storage.find(tx, by.agency_id, file.request.recipient.id)
    domain.demand_eligible(recipient, _policy(here, by))
    reference = ImageReference(sent.package_path, sent.package_sha256, MEDIA_TYPE)
    try:
        data = await here.foundation.objects.get(reference)
    except ValueError as error:
        raise PlatekeeperError("the package kept is not the one sent", code="package_altered") from error
    await _record(tx, here, by, Action.RELEASE_HAND_OUT, file, place)
    return file, data


async def _record(
    tx: Tx, here: ReleaseRoom, by: Caller, action: Action, file: RequestFile, place: Place, **more: Any
) -> None:
    request = file.request
    asked = file.elements() | more
    tx.emit(await here.recorder.plate_data(by, action, request.use, asked, Result(count=1, ids=[request.id]), place))


def _may_read(here: ReleaseRoom, by: Caller, file: RequestFile) -> bool:
    try:
        domain.demand_reader(file.request.use, by, _uses(here, by), _policy(here, by))
    except Refused:
        return False
    return True


def _uses(here: ReleaseRoom, by: Caller) -> UsePolicy:
    return here.foundation.policies.of(by.agency_id).section(UsePolicy)


def _policy(here: ReleaseRoom, by: Caller) -> ReleasePolicy:
    return here.foundation.policies.of(by.agency_id).section(ReleasePolicy)
