"""Translates what devices send: the parts of a frame, and reads as a JSON array or a line each (NDJSON).

Bodies stay in memory: nothing that was photographed is written anywhere before it is encrypted.
"""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from platekeeper_common.errors import Invalid, TooLarge
from platekeeper_ingest import plain_reads
from platekeeper_ingest.documents import EdgeRead, FrameMetadata
from platekeeper_ingest.domain import SentFrame, SentRead, Unreadable

MAX_READS = 1_000
"""Reads in one call."""
MAX_METADATA = 16_384
"""Bytes of a frame's metadata."""
NDJSON = "application/x-ndjson"
_PARTS = frozenset({"image", "metadata"})
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises over bytes that are no JSON, or nested deeper than it follows."""


class _InMemory(MultiPartParser):
    """Keeps parts in memory, whatever their size; the body's limit bounds them."""

    spool_max_size = 0


class _ReadId(msgspec.Struct):
    read_id: str


async def read_frame(request: Request) -> SentFrame:
    """The frame in a multipart body of exactly the parts `image` (a file) and `metadata` (JSON).

    Raises Invalid or RequestValidationError saying what is wrong with the body, TooLarge when it is over the limit.
    """
    if _media_type(request) != "multipart/form-data":
        raise Invalid("send multipart/form-data with the parts image and metadata", code="media_type_unknown")
    parser = _InMemory(request.headers, request.stream(), max_files=2, max_fields=2, max_part_size=MAX_METADATA)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Invalid(f"the parts cannot be told apart: {error.message}") from error
    except UnicodeError as error:
        raise Invalid("the parts are not written in the charset that they name") from error
    except HTTPException as error:
        raise _refused(error) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the upload broke off") from error
    try:
        names = [name for name, _ in form.multi_items()]
        if len(names) != len(_PARTS) or set(names) != _PARTS:
            raise Invalid("send exactly one part image and one part metadata")
        image, metadata = form["image"], form["metadata"]
        if not isinstance(image, UploadFile):
            raise Invalid("the part image must be a file (with a filename)")
        written = await metadata.read(MAX_METADATA) if isinstance(metadata, UploadFile) else metadata
        return _metadata(written).frame(await image.read())
    finally:
        await form.close()


async def read_reads(request: Request) -> Callable[[], Sequence[SentRead | Unreadable]]:
    """What decodes the body of JSON or NDJSON that has arrived, to be called where it holds nobody up.

    It answers each read on its own: one that is wrong spoils no other. It raises Invalid when the body as a whole is
    none, or holds no read or more than 1,000. Raises Invalid for another kind of body, TooLarge over the limit.
    """
    media_type = _media_type(request)
    if media_type not in ("application/json", NDJSON):
        raise Invalid(f"send application/json (an array) or {NDJSON}", code="media_type_unknown")
    try:
        body = await request.body()
    except HTTPException as error:
        raise _refused(error) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the upload broke off") from error
    return partial(_reads, body, lines=media_type == NDJSON)


def _reads(body: bytes, *, lines: bool) -> list[SentRead | Unreadable]:
    items = [line for line in body.split(b"\n") if line.strip()] if lines else _array(body)
    if not items:
        raise Invalid("send at least one read", code="no_read_sent")
    if len(items) > MAX_READS:
        raise Invalid(f"{len(items)} reads in one call; up to {MAX_READS} are taken", code="too_many_reads")
    return [_read(bytes(item)) for item in items]


def _array(body: bytes) -> Sequence[msgspec.Raw]:
    try:
        return msgspec.json.decode(body, type=list[msgspec.Raw])
    except _UNDECODABLE as error:
        raise Invalid("the body is no JSON array of reads") from error


def _read(item: bytes) -> SentRead | Unreadable:
    if (plain := plain_reads.read(item)) is not None:
        return plain
    try:
        return EdgeRead.model_validate_json(item).read()
    except ValidationError as error:
        return Unreadable(_read_id(item), Invalid(_summary(error)))


def _read_id(item: bytes) -> str | None:
    """What the device called a read that is wrong otherwise, when that can be told."""
    try:
        return msgspec.json.decode(item, type=_ReadId).read_id[:128]
    except _UNDECODABLE:
        return None


def _metadata(written: str | bytes) -> FrameMetadata:
    try:
        return FrameMetadata.model_validate_json(written)
    except ValidationError as error:
        details = [{**detail, "loc": ("metadata", *detail["loc"])} for detail in error.errors(include_input=False)]
        raise RequestValidationError(details) from error


def _summary(error: ValidationError) -> str:
    """Which fields are wrong and why; never what was sent."""
    wrong = error.errors(include_input=False)[:5]
    return "; ".join(f"{'.'.join(map(str, detail['loc'])) or 'read'}: {detail['msg']}" for detail in wrong)


def _refused(error: HTTPException) -> Exception:
    return TooLarge(error.detail) if error.status_code == TooLarge.status else error


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
