"""The one authorization decision: who may do what, to whose data and for what, default deny (clauses A2, C1, C2, G2).

It reads the table of `actions.py`. Rules that need more than the token and the policy (the owner of a camera) are the
handler's.
"""

from typing import TYPE_CHECKING

from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller, Office
from platekeeper_common.errors import Refused, Unauthenticated
from platekeeper_common.ids import AgencyId
from platekeeper_common.rules import ADMINISTRATIVE, RULES, SERVICE_ACCOUNT, Rule

if TYPE_CHECKING:  # both are made of actions
    from platekeeper_common.access import Use
    from platekeeper_common.shared_policy import UsePolicy


def decide(
    caller: Caller,
    action: Action,
    *,
    owner: AgencyId | None = None,
    use: "Use | None" = None,
    policy: "UsePolicy | None" = None,
    source: str | None = None,
) -> Office | None:
    """Return when the caller may do the action to what is `owner`'s (None: the own agency's).

    The office that it is allowed for is returned (B1 to B3): the access record names it; None: it needs none.

    Once it is known for which `use` plate data is asked, it comes with the agency's `policy`; once it is known that
    what is asked came from a protected `source` (D1), that is named too: no role opens one, only its own entitlement.
    Raises Refused with code and clause otherwise, Unauthenticated `session_locked` when an idle session asks for more
    than its hits, `second_factor_owed` for plate data without one (G2): nothing is allowed that no rule allows.
    """
    rule = RULES[action]
    if (caller.kind == "device") != rule.devices:
        raise Refused("a device posts, a person asks; neither does the other's work", code="not_allowed", clause="A3")
    if caller.locked and not rule.locked:
        raise Unauthenticated(
            "the session is locked: give your password at POST /v1/session/unlock", code="session_locked", clause="G2"
        )
    office = _decide_who(caller, action, rule)
    if owner not in (None, caller.agency_id) and not reaches_all(caller, action):
        raise Refused("that is another agency's", code="other_agency", clause="A2")
    if rule.plate_data and caller.second_factor_owed:
        raise Unauthenticated(
            "plate data needs a second factor: enrol one with POST /v1/me/second-factor and sign on with it",
            code="second_factor_owed",
            clause="G2",
        )
    _decide_prepared(caller, rule)
    if use is not None and caller.kind != "delegated":
        _decide_use(caller, action, use, policy)
    if source is not None and source not in caller.entitlements:
        raise Refused(f"you are not authorised for data of {source}", code="source_not_authorised", clause="D1")
    return office


def _decide_use(caller: Caller, action: Action, use: "Use", policy: "UsePolicy | None") -> None:
    """Purpose and matter by role and action; who acts for a person does so for the use that was approved."""
    allowed = {purpose for role in caller.roles for purpose in policy.purposes_of.get(role, ())} if policy else set()
    if policy is None or use.purpose not in allowed:
        raise Refused(
            f"none of your roles may use plate data for {use.purpose}; yours: {', '.join(sorted(allowed)) or 'none'}",
            code="purpose_not_allowed",
            clause="A2",
        )
    if use.purpose in policy.never_for.get(action, ()):
        raise Refused(
            f"nobody does {action} for {use.purpose}; name the purpose that it serves",
            code="purpose_not_allowed",
            clause="A2",
        )
    if use.matter_type == ADMINISTRATIVE and policy.administrative_role not in caller.roles:
        raise Refused(
            f"administrative matters are for the role {policy.administrative_role} alone",
            code="purpose_not_allowed",
            clause="A8",
        )


def opens_plate_data(caller: Caller) -> bool:
    """Whether plate data opens to the caller at all: trained and approved at sign-on, no second factor owed, no service
    account (A3, A8, C2, G2).

    For routes that show more to such a caller than to others; whom a route is for, and what for, `decide` says.
    """
    prepared = caller.trained and caller.approved and not caller.second_factor_owed
    return prepared and SERVICE_ACCOUNT not in caller.roles


def reaches_all(caller: Caller, action: Action) -> bool:
    """Whether the caller may do the action to what is any agency's, and not to the own agency's alone."""
    return bool(RULES[action].across & caller.roles)


def _decide_who(caller: Caller, action: Action, rule: Rule) -> Office | None:
    if caller.kind == "delegated":
        if not rule.delegable:
            raise Refused(
                "a delegated token opens reads of its approved request and nothing else",
                code="delegation_not_allowed",
                clause="A2",
            )
        return None
    if rule.plate_data and SERVICE_ACCOUNT in caller.roles:
        raise Refused(
            "a service account opens no plate data: one account is one person, so sign on with your own",
            code="shared_account",
            clause="A3",
        )
    if rule.post is not None and not rule.roles & caller.roles:
        for office in caller.offices:
            if any(office.covers(post, action) for post in (rule.post, rule.above) if post is not None):
                return office
        raise not_in_office(rule.post, action, rule.clause)
    if rule.post is None and rule.roles and not rule.roles & caller.roles:
        raise Refused(f"none of your roles allows {action}", code="not_allowed", clause="A2")
    return None


def not_in_office(post: str, action: Action, clause: str | None) -> Refused:
    """The refusal of somebody who does not act for the post."""
    words = post.replace("_", " ")
    detail = f"{action} is for the {words} in office, or for whom the {words} has delegated it to; see /v1/delegations"
    return Refused(detail, code=f"not_{post}", clause=clause)


def _decide_prepared(caller: Caller, rule: Rule) -> None:
    """Whether training and approval, as they were at sign-on, open what the rule opens (A8, C1, C2)."""
    if rule.plate_data and not caller.trained:
        raise Refused(
            "no plate data without department-approved training that was valid when you signed on",
            code="training_missing",
            clause="C2",
        )
    if rule.equipment and not caller.trained:
        raise Refused(
            "nobody operates equipment without department-approved training that was valid at sign-on: "
            "the training owner certifies it, then sign on anew",
            code="training_missing",
            clause="C1",
        )
    if rule.plate_data and not caller.approved:
        raise Refused(
            "your access was not approved or its review is overdue: the administrator approves it at "
            "POST /v1/access-approvals, then sign on anew",
            code="access_not_approved",
            clause="A8",
        )
