"""Rules of release: who may be given data, what a written request holds, who decides, and what may be fulfilled.

Values in, values out. Sources: clauses I1 to I7, J2, J4, B9.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from platekeeper_common import caller, delegation, patterns, plates
from platekeeper_common.access import Use
from platekeeper_common.actions import Action
from platekeeper_common.areas import Area
from platekeeper_common.caller import Caller
from platekeeper_common.delegation import PLATES_AT_MOST, Scope
from platekeeper_common.errors import Conflict, Invalid, Refused
from platekeeper_common.immigration import refuse_immigration
from platekeeper_common.policies import Agency
from platekeeper_common.rules import ADMINISTRATIVE, AUDITOR
from platekeeper_common.shared_policy import UsePolicy
from platekeeper_common.wording import refuse_prohibited
from platekeeper_release.filing import (
    NewRecipient,
    Office,
    Recipient,
    Request,
    RequestFile,
    Ruling,
    Stated,
    TrainingStated,
)
from platekeeper_release.policy import ReleasePolicy, Route

STATE = "CA"
ROUTE_CLAUSES: dict[Route, str] = {"request": "I2", "agreement": "I5", "verified_agency": "I6"}
"""The clause that opens each route."""


def demand_listable(new: NewRecipient) -> None:
    """Raise Invalid `ori_required` for law enforcement or a prosecutor without an ORI (I1).

    Raise Refused `immigration_refused` where its name or its legal basis speaks of immigration enforcement (J4).
    """
    refuse_immigration(new.name, new.legal_basis)
    if new.kind != "other" and new.ori is None:
        raise Invalid("law enforcement and prosecutors are known by their ORI", code="ori_required", clause="I1")


def demand_route(policy: ReleasePolicy, route: Route) -> None:
    """Raise Refused `route_not_open` with the clause of the first route that the department's manual opens."""
    if route not in policy.routes:
        opened = ", ".join(policy.routes)
        detail = f"the department's manual releases by another route: {opened}"
        raise Refused(detail, code="route_not_open", clause=ROUTE_CLAUSES[policy.routes[0]])


def demand_eligible(recipient: Recipient, policy: ReleasePolicy) -> None:
    """Raise Refused `not_ca_public_agency` (J2, whatever else is true), `immigration_refused` (J4, by its name
    and its legal basis) or `recipient_not_eligible` (I1).
    """
    if not (recipient.public_agency and recipient.state == STATE and recipient.level != "federal"):
        raise Refused(
            "plate data goes to public agencies of California alone, never to federal, out-of-state or private ones",
            code="not_ca_public_agency",
            clause="J2",
        )
    refuse_immigration(recipient.name, recipient.legal_basis)
    if recipient.kind == "other":
        detail = f"neither law enforcement nor a prosecutor: {policy.non_le_owner} answers it (I7)"
        raise Refused(detail, code="recipient_not_eligible", clause="I1", refer_to=policy.non_le_owner)
    if recipient.withdrawn_at is not None:
        detail = "the agency has been withdrawn from the register of recipients"
        raise Refused(detail, code="recipient_not_eligible", clause="I1")


def demand_whole(stated: Stated) -> None:
    """Raise Invalid `request_incomplete` naming which of the three items is missing (I2)."""
    said = {
        "agency": stated.recipient_id and stated.agency_written,
        "person": stated.person and stated.person.name,
        "intended_purpose": stated.intended_purpose,
    }
    if missing := [item for item, value in said.items() if not (value and value.strip())]:
        detail = f"a written request names agency, person and intended purpose; missing: {', '.join(missing)}"
        raise Invalid(detail, code="request_incomplete", clause="I2", missing=missing)


def demand_lawful(stated: Stated, use: Use) -> None:
    """Raise Refused `immigration_refused` (J4) or `purpose_prohibited` (A4) for what a text of the request says."""
    person = stated.person
    said_of = (person.name, person.title, person.contact) if person else ()
    written = (stated.intended_purpose, stated.agency_written, stated.document_reference)
    refuse_prohibited(None, (*written, *said_of, use.reason, use.matter_number, use.requested_by))


def scope(
    named: Sequence[str] | None, pattern: str | None, begins: datetime, ends: datetime, area: Area | None
) -> Scope:
    """The scope that somebody states, normalised.

    A pattern without a wildcard is a plate. Raises Invalid: `scope_invalid` for plates and a pattern, for neither of
    them without an area, or too many plates; `scope_unbounded` (A7) for a pattern with fewer than three known
    characters side by side without an area; `plate_invalid`, `pattern_invalid`; `window_invalid` unless it begins
    before it ends.
    """
    if named is not None and pattern is not None:
        raise Invalid("a scope names plates or a pattern, not both", code="scope_invalid")
    if not named and pattern is None and area is None:
        raise Invalid("a scope names plates, a pattern or an area", code="scope_invalid")
    if named and len(named) > PLATES_AT_MOST:
        raise Invalid(f"a scope names at most {PLATES_AT_MOST} plates", code="scope_invalid")
    if not begins < ends:
        raise Invalid("the window must begin before it ends: from < to", code="window_invalid")
    wild = None if pattern is None else patterns.parse(pattern)
    if wild is not None and not patterns.is_pattern(wild.text):
        named, wild = [wild.text], None
    if wild is not None and area is None and wild.longest_run < patterns.NEIGHBOURS_AT_LEAST:
        detail = f"a pattern needs {patterns.NEIGHBOURS_AT_LEAST} known characters side by side, or an area"
        raise Invalid(detail, code="scope_unbounded", clause="A7")
    return Scope(
        plates=tuple(sorted({plates.normalise(plate, "a plate of the scope") for plate in named or ()})),
        pattern=wild,
        captured_from=begins,
        captured_to=ends,
        area=area,
    )


def year_of(agency: Agency, at: datetime) -> int:
    """The year at the agency's own clock: requests are counted by it."""
    return at.astimezone(ZoneInfo(agency.time_zone)).year


def number(year: int, serial: int) -> str:
    """How a request is called on paper."""
    return f"R-{year}-{serial:04}"


def demand_decider(file: RequestFile, office: Office, by: Caller) -> None:
    """Raise unless the caller decides on this request now.

    Conflict `already_decided` (I3) or `post_vacant` (B9), Refused `not_approver` or `requester_decides` (I3).
    """
    if file.decision is not None:
        raise Conflict(f"the request was {file.decision.outcome} before", code="already_decided", clause="I3")
    if office.vacant:
        detail = (
            f"nobody is {office.title}; nothing is approved until the post is filled (PUT /v1/posts/{office.post}), "
            f"and in everything else acts meanwhile: {office.acting or 'nobody'}"
        )
        raise Conflict(detail, code="post_vacant", clause="B9", post=office.post)
    if by.subject not in office.deciders:
        detail = f"only the {office.title} in office, or whom the holder has delegated it to, decides on requests"
        raise Refused(detail, code="not_approver", clause="I3")
    if file.request.received_by == by.subject:
        raise Refused("nobody decides on a request that they entered", code="requester_decides", clause="I3")


def demand_reader(use: Use, by: Caller, uses: UsePolicy, policy: ReleasePolicy) -> caller.Office | None:
    """The office for which the caller reads a request of this use; None: it needs none.

    Raises Refused `purpose_not_allowed` (A8) for an administrative matter, unless the caller has its role, audits, or
    decides on requests.
    """
    if use.matter_type != ADMINISTRATIVE or by.roles & {uses.administrative_role, AUDITOR}:
        return None
    if policy.approver is not None:
        for office in by.offices:
            if office.covers(policy.approver, Action.RELEASE_DECIDE):
                return office
    raise Refused(
        f"requests for administrative matters are shown to the role {uses.administrative_role}, to an auditor, and to "
        f"who decides on them for the post {policy.approver}",
        code="purpose_not_allowed",
        clause="A8",
    )


def demand_ruling(ruling: Ruling, request: Request, now: datetime) -> Scope | None:
    """The approved scope, None when denied.

    Raises Invalid (I3): `reason_required` for a denial without one, `expiry_required` unless an approval ends after
    now, `scope_not_narrower` for a scope that was not asked for. Raises Refused `immigration_refused` (J4) or
    `purpose_prohibited` (A4) for what an approval gives as its reason; a denial may name what it denies.
    """
    if ruling.outcome == "denied":
        if not (ruling.reason and ruling.reason.strip()):
            raise Invalid("a denial says why", code="reason_required", clause="I3")
        return None
    refuse_prohibited(None, (ruling.reason,))
    if ruling.expires_at is None or ruling.expires_at <= now:
        raise Invalid("an approval ends, after now: expires_at", code="expiry_required", clause="I3")
    approved = ruling.scope or request.scope
    if not approved.within(request.scope):
        raise Invalid("what is approved lies within what was asked for", code="scope_not_narrower", clause="I3")
    return approved


def demand_fulfillable(file: RequestFile, now: datetime) -> Scope:
    """The approved scope. Raises Conflict `not_approved` or `approval_expired` (I3)."""
    if file.decision is None or file.decision.opens is None:
        raise Conflict("the request has not been approved", code="not_approved", clause="I3")
    if not file.decision.open(now):
        raise Conflict("the approval has expired; ask for another", code="approval_expired", clause="I3")
    return delegation.scope_of(file.decision.opens)


def withdrawn(recipient: Recipient, now: datetime) -> Recipient:
    """The recipient, withdrawn now. Raises Conflict `recipient_withdrawn`."""
    if recipient.withdrawn_at is not None:
        raise Conflict("the recipient has been withdrawn before", code="recipient_withdrawn")
    return replace(recipient, withdrawn_at=now)


def demand_assertable(training: TrainingStated, now: datetime) -> None:
    """Raise Invalid `training_lapsed` for an assertion that counts for nothing already (C2).

    Raise Refused `immigration_refused` for a person, a course or an office that serves immigration enforcement (J4).
    """
    refuse_immigration(training.name, training.title, training.course, training.asserted_by)
    if training.valid_until <= now:
        raise Invalid("the training that is asserted has ended already", code="training_lapsed", clause="C2")
