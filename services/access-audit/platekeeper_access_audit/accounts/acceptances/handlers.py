"""A new version of the agency's policy is accepted at the next sign-on, whatever its kind (B4)."""

from platekeeper_access_audit.accounts.acceptances import storage
from platekeeper_access_audit.accounts.room import AccountsRoom
from platekeeper_common.access import Place
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.errors import Refused


async def demand(tx: Tx, here: AccountsRoom, who: Caller, given: str | None, place: Place) -> None:
    """Return when the person has accepted the policy in force, or accepts it now; that leaves an access record.

    `given`: the SHA-256 of the version that the person accepts. An agency that has published nothing asks for nothing.
    Raises Refused `policy_not_accepted`, naming the version, where it is read, and its SHA-256.
    """
    policy = here.published.get(who.agency_id)
    if policy is None or await storage.accepted(tx, who.subject, policy.sha256):
        return
    at = f"/policy/{who.agency_id}/versions/{policy.version}"
    if given != policy.sha256:
        detail = f"your agency has published version {policy.version} of its policy: read {at} and accept it"
        told = {"version": policy.version, "sha256": policy.sha256, "at": at}
        raise Refused(detail, code="policy_not_accepted", clause="B4", accept_policy=policy.sha256, policy=told)
    await storage.add(tx, who.subject, policy, here.clock())
    object_id = f"{who.agency_id}/{policy.version}"
    tx.emit(here.recorder.administration(who, Action.POLICY_ACCEPT, "policy", object_id, place))
