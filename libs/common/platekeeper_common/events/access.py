"""Facts about who may and who did: agencies, revocations, access records, checkpoints of them."""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from platekeeper_common.events.envelope import Event, Topic


class AgencyChanged(Event, frozen=True, kw_only=True):
    """Accounts' whole word on one agency."""

    type: ClassVar[str] = "agency.changed.v1"
    topic: ClassVar[Topic] = Topic("agency.changed", compacted=True)
    name: str
    ori: str
    """Originating agency identifier, nine characters."""
    time_zone: str
    profile: str
    """Name of its policy profile, a file of `policies/`."""
    policy_version: str
    mode: Literal["test", "live", "closed"]
    synthetic: bool = False
    """A demonstration: its people and plates are invented."""


class PolicyAdopted(Event, frozen=True, kw_only=True):
    """The agency's policy from now on, signed: every process follows it instead of the installed file (B2)."""

    type: ClassVar[str] = "policy.adopted.v1"
    topic: ClassVar[Topic] = Topic("policy.adopted", compacted=True)
    number: int
    """Of the agency's versions, from 1 without gaps."""
    profile: str
    """Name of the profile that the agency was registered with."""
    version: str
    document: str
    """The profile's settings as canonical JSON (RFC 8785)."""
    sha256: str
    """Hex, of the document."""
    adopted_at: datetime
    note: str
    """What was adopted, when, by whom and after what, as a C2SP signed note (Ed25519)."""
    verifier_key: str
    """`name+hash+key`, as C2SP signed-note writes it."""


class AccessRevoked(Event, frozen=True, kw_only=True):
    """Tokens issued before `before` are worth nothing: a subject's, or a whole agency's when `subject` is None.

    With `sessions`, of the subject's tokens those of these sessions alone.
    """

    type: ClassVar[str] = "access.revoked.v1"
    topic: ClassVar[Topic] = Topic("access.revoked", compacted=True)
    before: datetime
    subject: str | None = None
    sessions: tuple[str, ...] = ()
    """All of the subject's that were ended within the life of a token."""

    @property
    def key(self) -> str:
        """The last revocation of each subject stays, and the last word on each subject's sessions."""
        return f"{self.agency_id}/{self.subject or '*'}{'/sessions' if self.sessions else ''}"


class Sealed(Struct, frozen=True):
    """Query elements encrypted with AES-256-GCM under the key of agency and month (clause G3)."""

    key_id: str
    nonce: str
    """Base64, 12 bytes."""
    ciphertext: str
    """Base64, the 16-byte tag at the end."""


class AccessRecorded(Event, frozen=True, kw_only=True):
    """Someone did, or was refused, something: the access record of Civil Code 1798.90.52 (clause G3).

    Acts on plate data carry `username`, `organisation`, `purpose` and `query`; acts of administration name their
    `object_type` and `object_id` instead.
    """

    type: ClassVar[str] = "access.recorded.v1"
    topic: ClassVar[Topic] = Topic("access.recorded", partitions=6, kept_for="ledger")
    id: str
    producer: str
    number: int
    """Gapless per producer, from 1."""
    at: datetime
    """Aware UTC, to hundredths of a second."""
    kind: Literal["plate_data", "administration"]
    action: str
    outcome: Literal["allowed", "refused", "failed"]
    subject: str
    """Account or device; `source:<address>` for the unauthenticated."""
    username: str
    name: str
    organisation: str
    policy_version: str
    salt: str
    """Base64, 16 random bytes: an expired record cannot be guessed from its leaf hash."""
    title: str | None = None
    device: str | None = None
    address: str | None = None
    session: str | None = None
    purpose: str | None = None
    matter_type: str | None = None
    matter_number: str | None = None
    requested_by: str | None = None
    query: Sealed | None = None
    result_count: int | None = None
    result_ids: tuple[str, ...] = ()
    object_type: str | None = None
    object_id: str | None = None
    count: int = 1
    """How many alike acts this record stands for; above one only for unauthenticated refusals."""
    code: str | None = None
    """The stable code of a refusal."""
    clause: str | None = None
    """The clause that refused."""
    actor: str | None = None
    """The service that acted for the subject, `service:release`; None: the subject acted alone."""
    authority: str | None = None
    """By which approved request it acted, `release:<id>`; or, where `post` is named, by what the subject acted for it
    without holding it: `delegation:<id>`, or `vacancy:<post>`, as who is that (B3, B9)."""
    matter_session: str | None = None
    """Under which choice of purpose and matter (A4)."""
    number_pending: bool | None = None
    """True: the matter's number is owed within a day (A8)."""
    unit: str | None = None
    """Of a patrol (A4)."""
    shift: str | None = None
    context: str | None = None
    """`patrol`, `investigation` or `canvass`: suspicion is never asked for (A5, A6)."""
    terminal: str | None = None
    """The registered workstation."""
    post: str | None = None
    """For which post the subject acted (B1 to B3); None: the act belongs to no post, or a role allowed it."""

    @property
    def key(self) -> str:
        """One producer's records stay in order."""
        return self.producer


class CheckpointSigned(Event, frozen=True, kw_only=True):
    """The ledger signed its Merkle tree: every process knows from it how fresh the proof of access records is (B8)."""

    type: ClassVar[str] = "checkpoint.signed.v1"
    topic: ClassVar[Topic] = Topic("checkpoint.signed", compacted=True)
    origin: str
    """Names the log (C2SP tlog-checkpoint)."""
    size: int
    """Access records in the tree."""
    root: str
    """Base64, 32 bytes."""
    signed_at: datetime
    note: str
    """The checkpoint as a C2SP signed note."""
    verifier_key: str
    """`name+hash+key`, as C2SP signed-note writes it."""
    exports: str = ""
    """The ledger's signed note that names the key by which it signs what it says of exports."""
    waiting_since: datetime | None = None
    """When the oldest access record was published that waits for the ledger for too long; None: none does."""

    @property
    def key(self) -> str:
        """The last checkpoint of each log stays."""
        return self.origin
