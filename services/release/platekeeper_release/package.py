"""The package that goes out: one ZIP with reads, pictures, a manifest of them, and the signature over the manifest.

The manifest is RFC 8785 JSON and a line feed. What is signed is a note (C2SP signed-note) of three lines: the name of
the key, the request's number, and the SHA-256 of `manifest.json` in hexadecimal.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785

from platekeeper_common.caller import Caller
from platekeeper_common.notes import NoteSigner
from platekeeper_common.policies import Agency
from platekeeper_release.filing import RequestFile

MEDIA_TYPE = "application/zip"
FORMAT = "platekeeper-release/1"
READS = "reads.jsonl"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
RELEASED = (
    "id",
    "version",
    "plate",
    "country",
    "state",
    "region_confidence",
    "confidence",
    "candidates",
    "camera_id",
    "captured_at",
    "received_at",
    "position",
    "heading",
    "lane",
    "source",
    "model",
)
"""What goes out of a read: what was seen, where, when and how surely; nothing of how our agency keeps it."""
SAID = ("verdict", "was", "plate", "state", "made_at")
"""What goes out of a correction (J1), so that nobody takes a misread for the plate; nothing of who made it."""
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class Read:
    """A read as retention showed it, and the id of the access record of that."""

    facts: Mapping[str, Any]
    record_id: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The image or the crop of a read, and the id of the access record of showing it."""

    read_id: str
    kind: str
    data: bytes
    media_type: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a scope holds. `searches`: the access record of every page, empty ones too; `gone`: pictures that were
    destroyed before, by read and kind.
    """

    reads: Sequence[Read]
    pictures: Sequence[Picture]
    searches: Sequence[str]
    gone: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Package:
    """A package and what is known of it."""

    data: bytes
    manifest: bytes
    note: str

    @property
    def sha256(self) -> str:
        """Of the whole ZIP, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def pack(
    file: RequestFile, gathered: Gathered, agency: Agency, by: Caller, at: datetime, signer: NoteSigner
) -> Package:
    """The signed package of an approved request."""
    contents = {READS: _lines(gathered.reads)} | {_name(picture): picture.data for picture in gathered.pictures}
    records = {_name(picture): picture.record_id for picture in gathered.pictures}
    described = _described(file, agency, by, at) | {
        "reads": len(gathered.reads),
        "files": [_listed(name, data, records.get(name)) for name, data in contents.items()],
        "pictures_destroyed": [{"read": read, "picture": kind} for read, kind in gathered.gone],
        "access_records": [*gathered.searches, *(picture.record_id for picture in gathered.pictures)],
    }
    manifest = rfc8785.dumps(described) + b"\n"
    note = signer.sign(statement(signer.name, file.request.number, manifest))
    contents |= {MANIFEST: manifest, SIGNATURE: note.encode()}
    return Package(_zip(contents, at), manifest, note)


def opened(data: bytes, file: RequestFile, signer: NoteSigner) -> Package:
    """The package that an earlier attempt made. Raises ValueError unless it is a signed one of this request."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            manifest, note = archive.read(MANIFEST), archive.read(SIGNATURE).decode()
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError("not a package of ours") from error
    if signer.opened(note) != statement(signer.name, file.request.number, manifest):
        raise ValueError("the manifest is not the one that was signed")
    told = json.loads(manifest)
    if (told["request"]["id"], told["decision"]["sha256"]) != (file.request.id, file.decision_sha256):
        raise ValueError("the package is another request's")
    return Package(data, manifest, note)


def statement(origin: str, number: str, manifest: bytes) -> str:
    """The text that is signed."""
    return f"{origin}\n{number}\n{hashlib.sha256(manifest).hexdigest()}\n"


def _described(file: RequestFile, agency: Agency, by: Caller, at: datetime) -> dict[str, Any]:
    request, decision = file.request, file.decision
    if decision is None:
        raise ValueError("nothing is packed without a decision")
    return {
        "format": FORMAT,
        "request": {"id": request.id, "number": request.number, "sha256": file.request_sha256, "route": request.route},
        "decision": {
            "sha256": file.decision_sha256,
            "post": decision.post_title,
            "decided_by": decision.decided_by_name,
            "decided_at": _moment(decision.decided_at),
        },
        "from": {"agency": agency.name, "ori": agency.ori},
        "to": {
            "agency": request.recipient.name,
            "ori": request.recipient.ori,
            "person": request.person.name,
            "intended_purpose": request.intended_purpose,
        },
        "scope": decision.opens,
        "fulfilled": {"by": by.name, "username": by.username, "title": by.title, "at": _moment(at)},
        "policy_version": decision.policy_version,
    }


def _lines(reads: Sequence[Read]) -> bytes:
    return b"".join(rfc8785.dumps(_line(read)) + b"\n" for read in reads)


def _line(read: Read) -> dict[str, Any]:
    corrections = [{name: one.get(name) for name in SAID} for one in read.facts.get("corrections", ())]
    told = {name: read.facts.get(name) for name in RELEASED}
    return told | {"corrections": corrections, "access_record": read.record_id}


def _name(picture: Picture) -> str:
    return f"{picture.kind}s/{picture.read_id}.{_ENDINGS.get(picture.media_type, 'bin')}"


def _listed(name: str, data: bytes, record_id: str | None) -> dict[str, Any]:
    told = {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return told | ({"access_record": record_id} if record_id else {})


def _zip(contents: Mapping[str, bytes], at: datetime) -> bytes:
    """Stored, not compressed: pictures are compressed already."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, at.astimezone(UTC).timetuple()[:6]), data)
    return whole.getvalue()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
