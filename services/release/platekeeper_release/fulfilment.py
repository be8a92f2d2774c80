"""Fulfilling an approved request: exactly its scope, once, and the same package whoever asks again (I3, I4, J2).

Reads and pictures come through retention's own doors with a delegated token, each with its access record. Nothing is
kept before the package is whole; the package is kept before it is filed, under the request's own name, so that an
attempt that died in between is continued with the very package that it made.
"""

from datetime import UTC

from platekeeper_common import delegation
from platekeeper_common.access import Place, Result
from platekeeper_common.actions import Action
from platekeeper_common.authorization import decide
from platekeeper_common.caller import Caller
from platekeeper_common.db import Tx
from platekeeper_common.delegation import Delegation, Scope
from platekeeper_common.errors import PlatekeeperError
from platekeeper_common.events.ingest import ImageReference
from platekeeper_common.shared_policy import UsePolicy
from platekeeper_release import domain, neighbours, package, recipient_storage, storage
from platekeeper_release.filing import Fulfilment, RequestFile
from platekeeper_release.package import MEDIA_TYPE, Package
from platekeeper_release.policy import ReleasePolicy
from platekeeper_release.room import ReleaseRoom


async def prepare(here: ReleaseRoom, by: Caller, token: str, request_id: str) -> Fulfilment:
    """What is sent, kept durably but not filed yet; what was filed when the request has been fulfilled before.

    Raises Conflict `not_approved`, `approval_expired` or `release_too_large`, Refused (A2, A8, J2, I1), NotFound, Busy
    `neighbour_away`, and what accounts or retention refuse. Nothing is kept then.
    """
    async with here.db.tx() as tx:
        file = await storage.file(tx, by.agency_id, request_id)
        _demand_use(here, by, file)
        if file.fulfilment is not None:
            return file.fulfilment
        scope = await _demand_fulfillable(tx, here, by, file)
    acting = Delegation(delegation.RELEASE, file.request.id, scope)
    delegated = await neighbours.delegated(here.foundation, token, acting)
    limits = here.settings
    gathered = await neighbours.gather(
        here.foundation,
        delegated,
        scope,
        file.request.use,
        reads_at_most=limits.reads_at_most,
        bytes_at_most=limits.package_bytes_at_most,
    )
    agency = here.foundation.policies.agency(by.agency_id)
    made = package.pack(file, gathered, agency, by, here.clock(), here.signer)
    return await _keep(here, by, file, made)


async def fulfil(
    tx: Tx, here: ReleaseRoom, by: Caller, request_id: str, prepared: Fulfilment, place: Place
) -> RequestFile:
    """File what `prepare` kept; the first that is filed stays. Raises as `prepare`."""
    await tx.lock()
    file = await storage.file(tx, by.agency_id, request_id)
    _demand_use(here, by, file)
    if file.fulfilment is None:
        await _demand_fulfillable(tx, here, by, file)
        await storage.add_fulfilment(tx, prepared)
        file = await storage.file(tx, by.agency_id, request_id)
    result = Result(count=1, ids=[file.request.id])
    tx.emit(await here.recorder.plate_data(by, Action.RELEASE_FULFIL, file.request.use, file.elements(), result, place))
    return file


def _demand_use(here: ReleaseRoom, by: Caller, file: RequestFile) -> None:
    """Of what was fulfilled before, too: the answer tells all of it."""
    use_policy = here.foundation.policies.of(by.agency_id).section(UsePolicy)
    decide(by, Action.RELEASE_FULFIL, use=file.request.use, policy=use_policy)


async def _demand_fulfillable(tx: Tx, here: ReleaseRoom, by: Caller, file: RequestFile) -> Scope:
    scope = domain.demand_fulfillable(file, here.clock())
    policy = here.foundation.policies.of(by.agency_id).section(ReleasePolicy)
    domain.demand_route(policy, file.request.route)
    recipient = await recipient_storage.find(tx, by.agency_id, file.request.recipient.id)
    domain.demand_eligible(recipient, policy)
    return scope


async def _keep(here: ReleaseRoom, by: Caller, file: RequestFile, made: Package) -> Fulfilment:
    reference = await here.foundation.objects.put(
        made.data,
        agency_id=by.agency_id,
        received_on=file.request.received_at.astimezone(UTC).date(),
        kind="release",
        name=file.request.id,
        media_type=MEDIA_TYPE,
    )
    if reference.sha256 != made.sha256:
        made = await _earlier(here, file, reference)
    return Fulfilment(
        request_id=file.request.id,
        manifest=made.manifest,
        note=made.note,
        package_path=reference.path,
        package_sha256=made.sha256,
        package_bytes=len(made.data),
        fulfilled_by=by.subject,
        fulfilled_by_name=by.name,
        fulfilled_at=here.clock(),
    )


async def _earlier(here: ReleaseRoom, file: RequestFile, reference: ImageReference) -> Package:
    """The package of an attempt that died before it was filed."""
    try:
        return package.opened(await here.foundation.objects.get(reference), file, here.signer)
    except ValueError as error:
        raise PlatekeeperError("the package kept is none of this request's", code="package_altered") from error
