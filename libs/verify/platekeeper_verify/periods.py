"""What a ledger said, signed, of all records that an agency has of a period.

It is signed by a key of its own, for which the ledger's key vouches in another note.
"""

from dataclasses import dataclass
from datetime import datetime

from platekeeper_verify.notes import HASH_BYTES, Key, NotSigned, decoded, open_note

FORM = "platekeeper period v1"
VOUCHED = "platekeeper export key v1"
_NAMES = ("origin", "agency", "from", "to", "size", "root", "records", "positions")


@dataclass(frozen=True, slots=True)
class Period:
    """In the tree of `size` leaves `agency` has this many `records` with `start` <= at < `end`.

    `positions`: SHA-256 in hexadecimal of where they stand, ascending, each in decimal with a line feed.
    """

    agency: str
    start: datetime
    end: datetime
    size: int
    root: bytes
    records: int
    positions: str

    def __str__(self) -> str:
        """For a sentence."""
        return f"all {self.records} records of {self.agency} from {self.start.isoformat()} to {self.end.isoformat()}"


def open_period(statement: str, vouched: str, key: Key) -> Period:
    """What the ledger of the verifier key said. Raises NotSigned, or ValueError for what is no such statement."""
    form, *named = open_note(vouched.encode(), key).splitlines()
    if form != VOUCHED or len(named) != 1:
        raise NotSigned("the ledger's key vouches for no key of exports")
    form, *lines = open_note(statement.encode(), Key.parse(named[0])).splitlines()
    told = dict(line.partition(" ")[::2] for line in lines)
    if form != FORM or tuple(told) != _NAMES or len(lines) != len(_NAMES):
        raise ValueError("what was signed is no statement of a period")
    if told["origin"] != key.name:
        raise NotSigned(f"the statement is of {told['origin']}, the key of {key.name}")
    root = decoded(told["root"])
    if len(root) != HASH_BYTES:
        raise ValueError("the root must be 32 bytes in base64")
    start, end = (datetime.fromisoformat(told[name]) for name in ("from", "to"))
    return Period(told["agency"], start, end, int(told["size"]), root, int(told["records"]), told["positions"])
