"""What a refused request asked for: the record of a refusal says it too, as far as it can be told (clause G3)."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import rfc8785
from starlette.requests import Request

from platekeeper_common.access import NOT_STATED, Use
from platekeeper_common.bodies import Sent
from platekeeper_common.matter import Matter
from platekeeper_common.shared_policy import UsePolicy

MOST_BYTES = 4_096
"""Of query elements as canonical JSON; what is longer is left out: a refusal must not fill the ledger."""
MOST_NAMES = 1_000
"""Elements that are looked at, one by one, for what of them fits."""
UNTOLD = "untold"
"""Names what a record says of the elements that it does not hold, and why."""
MOST_CHARACTERS = 120
"""Of a matter number, and of the name of the person for whom somebody asks."""


def elements(request: Request) -> dict[str, Any]:
    """The fields of the query string and of the JSON body, by name; `untold` says which of them are left out, and why.

    Those that cannot be told are too long, or nothing that canonical JSON (RFC 8785) can say; the shortest are told
    first.
    """
    sent: Sent = request.state.sent
    body = sent.value if isinstance(sent.value, dict) else {}
    asked = dict(request.query_params) | body
    told = _that_fit(asked)
    why = [sent.untold] if sent.untold else []
    if sent.value is not None and sent.value is not body:
        why.append("the body is no JSON object")
    if left := len(asked) - len(told):
        why.append(f"elements left out, too long or no canonical JSON: {left}")
    return told | ({UNTOLD: "; ".join(why)} if why else {})


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


def _that_fit(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Of the elements, those that the record has room for."""
    sizes = {name: size for name, value in islice(asked.items(), MOST_NAMES) if (size := _size(name, value))}
    sizes.pop(UNTOLD, None)
    told, room = {}, MOST_BYTES
    for name in sorted(sizes, key=lambda name: sizes[name]):
        room -= sizes[name]
        if room < 0:
            break
        told[name] = asked[name]
    return told


def _size(name: str, value: Any) -> int:
    """Bytes of the element as canonical JSON; 0 when that cannot say it."""
    try:
        return len(rfc8785.dumps({name: value}))
    except (ValueError, RecursionError):
        return 0
