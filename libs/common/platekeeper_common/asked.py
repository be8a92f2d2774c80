"""What a refused request asked for: the record of a refusal says it too, as far as it can be told (clause G3)."""

from collections.abc import Mapping
from typing import Any

import msgspec
import rfc8785
from starlette.requests import Request

from platekeeper_common.access import NOT_STATED, Use
from platekeeper_common.matter import Matter
from platekeeper_common.shared_policy import UsePolicy

MOST_BYTES = 4_096
"""Query elements that are longer as canonical JSON are left out: a refusal must not fill the ledger."""
MOST_CHARACTERS = 120
"""Of a matter number, and of the name of the person for whom somebody asks."""


def elements(request: Request) -> dict[str, Any]:
    """The fields of the query string and of the JSON body, by name; without those that cannot be told."""
    query = dict(request.query_params)
    return next((found for found in (query | _body(request), query) if _fits(found)), {})


def use(asked: Mapping[str, Any], policy: UsePolicy | None, chosen: Matter | None = None) -> Use:
    """Purpose and matter as stated, where the agency's policy knows them: they stand unsealed in the record.

    Of a request that states none, those that the person chose.
    """
    if chosen is not None and not any(asked.get(name) for name in ("purpose", "matter_type", "matter_number")):
        return Use(
            purpose=chosen.purpose,
            matter_type=chosen.type,
            matter_number=chosen.number,
            number_pending=chosen.number_pending,
            requested_by=_line(asked.get("requested_by")) or chosen.requested_by,
            unit=chosen.unit,
            shift=chosen.shift,
            matter_session=chosen.id,
        )
    purposes, types = (policy.purposes, policy.matter_types) if policy else ((), ())
    purpose, matter_type = asked.get("purpose"), asked.get("matter_type")
    return Use(
        purpose=purpose if isinstance(purpose, str) and purpose in purposes else NOT_STATED,
        matter_type=matter_type if isinstance(matter_type, str) and matter_type in types else "",
        matter_number=_line(asked.get("matter_number")),
        requested_by=_line(asked.get("requested_by")),
    )


def _line(value: Any) -> str | None:
    line = value.strip() if isinstance(value, str) else ""
    return line if 0 < len(line) <= MOST_CHARACTERS and line.isprintable() else None


def _body(request: Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(b"".join(request.state.sent))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _fits(found: dict[str, Any]) -> bool:
    try:
        return len(rfc8785.dumps(found)) <= MOST_BYTES
    except (ValueError, RecursionError):
        return False
