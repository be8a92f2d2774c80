"""Access records: what is written before anything is answered (Civil Code 1798.90.52; clause G3).

A record of plate data carries purpose and query elements; the elements are encrypted here, under the key of agency and
month, before the record leaves the service. No audit, no data.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec
import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from platekeeper_common import ids, texts
from platekeeper_common.actions import Action
from platekeeper_common.caller import Caller
from platekeeper_common.clock import Clock, hundredths
from platekeeper_common.errors import Busy, PlatekeeperError, Refused
from platekeeper_common.events.access import AccessRecorded, Sealed
from platekeeper_common.ids import AgencyId
from platekeeper_common.keys import NONCE_BYTES, KeyStore
from platekeeper_common.policies import Policies
from platekeeper_common.rules import RULES

NOT_STATED = "not_stated"
"""The purpose in the record of a refusal whose request named none that the agency's policy knows."""
SALT_BYTES = 16
RECORD_HEADER = "Access-Record-Id"
"""Of an answer with plate data: the id of the access record that was committed before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Why plate data is asked for: purpose code and matter (clauses A1, A4, A8)."""

    purpose: str
    matter_type: str
    matter_number: str | None = None
    reason: str | None = None
    """Free text, for the purpose `other_le` alone."""
    requested_by: str | None = None
    """For whom a dispatcher asks (A3)."""
    number_pending: bool = False
    """The matter's number is owed within a day (A8)."""
    unit: str | None = None
    """Of a patrol (A4)."""
    shift: str | None = None
    matter_session: str | None = None
    """The choice that it was copied from; None: stated with the request itself."""
    context: str | None = None
    """`patrol`, `investigation` or `canvass` (A5, A6)."""

    def recorded(self) -> dict[str, Any]:
        """What a record says of it in the open; the reason is among the query elements."""
        return {
            "purpose": self.purpose,
            "matter_type": self.matter_type or None,
            "matter_number": self.matter_number,
            "requested_by": self.requested_by,
            "number_pending": self.number_pending or None,
            "unit": self.unit,
            "shift": self.shift,
            "matter_session": self.matter_session,
            "context": self.context,
        }


UNSTATED = Use(purpose=NOT_STATED, matter_type="")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request came from."""

    address: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was handed out."""

    count: int = 0
    ids: Sequence[str] = field(default_factory=tuple)


class Recorder:
    """Makes the access records of one service."""

    def __init__(self, producer: str, keys: KeyStore, policies: Policies, clock: Clock) -> None:
        """`producer` names the database whose numbers the records get when they are committed."""
        self.producer = producer
        self.itself = f"service:{producer}"
        """Who did what the service does by itself."""
        self._keys = keys
        self._policies = policies
        self._clock = clock

    async def plate_data(
        self, by: Caller, action: Action, use: Use, query: Mapping[str, Any], result: Result, place: Place
    ) -> AccessRecorded:
        """Plate data of the caller's agency was opened for `use`; `query` holds the query elements as JSON values."""
        return await self._sealed(
            by,
            action,
            place,
            kind="plate_data",
            **use.recorded(),
            query={**query, **({"reason": use.reason} if use.reason else {})},
            result_count=result.count,
            result_ids=tuple(result.ids),
        )

    def administration(
        self, by: Caller, action: Action, object_type: str, object_id: str, place: Place, **more: Any
    ) -> AccessRecorded:
        """The caller changed or looked at something that is not plate data, named by type and id."""
        return self._record(
            by, action, place, kind="administration", object_type=object_type, object_id=object_id, **more
        )

    async def change(
        self,
        by: Caller,
        action: Action,
        object_type: str,
        object_id: str,
        place: Place,
        written: Mapping[str, Any],
        *,
        use: Use | None = None,
    ) -> AccessRecorded:
        """The caller changed an object; `written` tells of it before and after (JSON values), sealed as a query is.

        `use`: what the object says of purpose and matter, in the open.
        """
        told = use.recorded() if use else {}
        named = {"object_type": object_type, "object_id": object_id}
        return await self._sealed(by, action, place, kind="administration", query=written, **named, **told)

    async def refusal(
        self,
        by: Caller,
        action: Action,
        error: PlatekeeperError,
        asked: str,
        place: Place,
        *,
        use: Use = UNSTATED,
        query: Mapping[str, Any] | None = None,
    ) -> AccessRecorded:
        """The caller was refused; `asked` is the request's method and path, a character that no text holds as U+FFFD.

        Of plate data the record also says for which use it was asked, and with which query elements (JSON values); of
        an act that takes words about why, the words, sealed.
        """
        refused: dict[str, Any] = {"outcome": "refused", "code": error.code, "clause": error.clause}
        asked = texts.mended(asked)
        if RULES[action].plate_data:
            return await self._sealed(
                by,
                action,
                place,
                kind="plate_data",
                **use.recorded(),
                query={**(query or {}), "asked": asked},
                result_count=0,
                **refused,
            )
        refused |= {"object_type": "request", "object_id": asked}
        if RULES[action].words:
            written = query or {}
            return await self._sealed(by, action, place, kind="administration", query=written, **refused)
        return self._record(by, action, place, kind="administration", **refused)

    def by_itself(
        self, agency_id: AgencyId, action: Action, object_type: str, object_id: str, **more: Any
    ) -> AccessRecorded:
        """The service did something to what is the agency's because its policy says so, and nobody asked it to.

        Of no organisation: a breach's scope and an auditor's bundle name those whose people acted.
        """
        return AccessRecorded(
            id=ids.new(),
            agency_id=agency_id,
            producer=self.producer,
            number=0,
            at=hundredths(self._clock()),
            kind="administration",
            action=action.value,
            **{
                "outcome": "allowed",
                "subject": self.itself,
                "username": self.itself,
                "name": self.itself,
                **more,
            },
            organisation="",
            policy_version=self._version(agency_id),
            salt=_salt(),
            object_type=object_type,
            object_id=object_id,
        )

    def unauthenticated(self, address: str, code: str, clause: str, *, count: int) -> AccessRecorded:
        """Somebody unknown was refused `count` times in the last minute, with this code, by this clause."""
        at = hundredths(self._clock())
        return AccessRecorded(
            id=ids.new(),
            agency_id=ids.PLATFORM,
            producer=self.producer,
            number=0,
            at=at,
            kind="administration",
            action="authenticate",
            outcome="refused",
            subject=f"source:{address}",
            username="",
            name="",
            organisation="",
            policy_version=self._version(ids.PLATFORM),
            salt=_salt(),
            address=address,
            object_type="credential",
            object_id="unknown",
            count=count,
            code=code,
            clause=clause,
        )

    def _version(self, agency_id: AgencyId) -> str:
        """The policy in force; a caller of no agency, of one that is closed, or of one whose adopted policy cannot be
        used here, is under none.
        """
        try:
            return self._policies.of(agency_id).version
        except (Busy, Refused):
            return "none"

    async def _sealed(
        self, by: Caller, action: Action, place: Place, *, query: Mapping[str, Any], **more: Any
    ) -> AccessRecorded:
        """A record with query elements under the key of agency and month. Raises Unavailable when that is away."""
        record = self._record(by, action, place, **more)
        return msgspec.structs.replace(record, query=await seal(self._keys, by.agency_id, record.at, record.id, query))

    def _record(
        self,
        by: Caller,
        action: Action,
        place: Place,
        *,
        kind: Literal["plate_data", "administration"],
        outcome: Literal["allowed", "refused", "failed"] = "allowed",
        **more: Any,
    ) -> AccessRecorded:
        return AccessRecorded(
            id=ids.new(),
            agency_id=by.agency_id,
            producer=self.producer,
            number=0,
            at=hundredths(self._clock()),
            kind=kind,
            action=action.value,
            outcome=outcome,
            subject=by.subject,
            username=by.username,
            name=by.name,
            organisation=by.organisation,
            title=by.title,
            session=by.session,
            actor=by.delegation.actor if by.delegation else None,
            authority=_authority(by),
            post=by.office.post if by.office else None,
            terminal=by.terminal.id if by.terminal else None,
            policy_version=self._version(by.agency_id),
            salt=_salt(),
            address=place.address,
            device=place.device,
            **more,
        )


def _authority(by: Caller) -> str | None:
    """By what the caller acts, where that is not the caller's own: an approved request, or for a post."""
    if by.delegation is not None:
        return by.delegation.authority
    return by.office.authority if by.office else None


async def seal(keys: KeyStore, agency_id: AgencyId, at: datetime, record_id: str, query: Mapping[str, Any]) -> Sealed:
    """The query elements (RFC 8785 JSON) under the key of agency and month, bound to their record.

    Raises Unavailable when the key store is away.
    """
    name = f"{agency_id}/access/{at:%Y-%m}"
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = AESGCM(await keys.key(name)).encrypt(nonce, rfc8785.dumps(dict(query)), record_id.encode())
    return Sealed(name, base64.b64encode(nonce).decode(), base64.b64encode(ciphertext).decode())


async def unseal(keys: KeyStore, record_id: str, sealed: Sealed) -> bytes:
    """The canonical JSON of the query elements.

    Raises Gone when the month's key has been destroyed, ValueError when they were altered or are another record's,
    Unavailable when the key store is away.
    """
    key = AESGCM(await keys.existing(sealed.key_id))
    try:
        return key.decrypt(base64.b64decode(sealed.nonce), base64.b64decode(sealed.ciphertext), record_id.encode())
    except InvalidTag as error:
        raise ValueError(f"the query elements of the access record {record_id} were altered") from error


def _salt() -> str:
    return base64.b64encode(secrets.token_bytes(SALT_BYTES)).decode()
