"""The HTTP bodies of policy changes and versions."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from platekeeper_access_audit.accounts.policy_changes.domain import Change, Version


class Document(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class ChangeRequest(Document):
    """A whole profile as it is to be."""

    document: Annotated[str, StringConstraints(min_length=1, max_length=60_000)]
    """TOML, every section and setting, as in `policies/`."""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"\S")]


class DifferenceDocument(Document):
    """A setting that changes."""

    setting: str
    before: Any
    after: Any
    weight: str
    """`shortens_retention`, `widens_access` or `unweighed`: a second person confirms; `other`: one person's word."""


class ChangeDocument(Document):
    """A change and what became of it."""

    id: str
    status: str
    base_version: str
    version: str
    differences: list[DifferenceDocument]
    needs_second_person: bool
    reason: str
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime
    settled_by: str | None
    settled_by_name: str | None
    settled_at: datetime | None

    @classmethod
    def of(cls, change: Change) -> "ChangeDocument":
        """As it is kept."""
        return cls(
            id=change.id,
            status=change.status,
            base_version=change.base_version,
            version=change.version,
            differences=[
                DifferenceDocument(setting=one.setting, before=one.before, after=one.after, weight=one.weight)
                for one in change.differences
            ],
            needs_second_person=change.needs_second_person,
            reason=change.reason,
            proposed_by=change.proposed_by,
            proposed_by_name=change.proposed_by_name,
            proposed_at=change.proposed_at,
            settled_by=change.settled_by,
            settled_by_name=change.settled_by_name,
            settled_at=change.settled_at,
        )


class VersionDocument(Document):
    """A version of the policy: when it came into force, by whose word, and its signature."""

    number: int
    origin: str
    version: str
    sha256: str
    """Hex, of the canonical JSON (RFC 8785) of its settings."""
    adopted_at: datetime
    change_id: str | None
    proposed_by: str | None
    confirmed_by: str | None
    previous_sha256: str | None
    note: str
    """C2SP signed note (Ed25519) of all this."""
    verifier_key: str

    @classmethod
    def of(cls, one: Version) -> "VersionDocument":
        """As it is kept."""
        return cls(
            number=one.number,
            origin=one.origin,
            version=one.version,
            sha256=one.sha256,
            adopted_at=one.adopted_at,
            change_id=one.change_id,
            proposed_by=one.proposed_by,
            confirmed_by=one.confirmed_by,
            previous_sha256=one.previous_sha256,
            note=one.note,
            verifier_key=one.verifier_key,
        )


class WholeVersion(Document):
    """A version with its settings, by section."""

    version: VersionDocument
    settings: dict[str, Any]

    @classmethod
    def whole(cls, one: Version) -> "WholeVersion":
        """As it is kept."""
        return cls(version=VersionDocument.of(one), settings=json.loads(one.document))
