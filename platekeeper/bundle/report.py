"""The bundle's words for people: a report on paper, and how an outsider checks it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platekeeper.bundle.gather import Gathered
from platekeeper_common.paper import Paper

MOST_ROWS = 200
_HOW = """
Get the verifier from where the platform's source is published (the package platekeeper-verify; it needs Python and the
package cryptography), not from the agency whose log this is.

Get the verifier key, and those of witnesses, from somebody who wrote them down before: an earlier audit, a partner
agency that witnesses the log. The key in this bundle proves only that the bundle is one piece.

Run the command below. It talks to nobody. It prints a line for each thing that is wrong, and ends with status 0 when
nothing is.
"""
_PROVED = """
Who, when, from where, what, why and with how many results: each record is a leaf of a Merkle tree (RFC 9162) whose root
was signed, and stands in it unaltered.

That no record of this agency of the period was left out, moved or put in later: the ledger says, signed, how many there
are and where they stand.

The query elements (what was asked for) are proved as ciphertext. Opened, as they stand in the records, they are the
platform's word; after the period for which the policy keeps them nobody can open them.
"""
_TREE = """
leaf hash = SHA-256(0x00 || salt || canonical), node hash = SHA-256(0x01 || left || right). The subtrees `left` of the
manifest, the leaves, and the subtrees `right` make, left to right, the tree that the checkpoint signs.
"""


def _paragraphs(text: str) -> list[str]:
    return [" ".join(one.split()) for one in text.strip().split("\n\n")]


HOW, PROVED = _paragraphs(_HOW), _paragraphs(_PROVED)


@dataclass
class Tally:
    """What the records come to."""

    records: int = 0
    by: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, record: dict[str, Any]) -> None:
        """Count a record."""
        self.records += record["count"]
        kinds = {
            "Acts": f"{record['action']} ({record['outcome']})",
            "People": f"{record['name'] or record['subject']} ({record['username'] or 'nobody known'})",
            "Purposes": record["purpose"],
            "Refusals": record["code"],
        }
        for kind, value in kinds.items():
            if value is not None:
                self.by.setdefault(kind, Counter())[value] += record["count"]


def tallied(records: Iterable[dict[str, Any]]) -> Tally:
    """The tally of the records."""
    tally = Tally()
    for record in records:
        tally.add(record)
    return tally


def command(name: str, witnesses: Iterable[str] = ()) -> str:
    """How the bundle in the file `name` is checked."""
    demanded = "".join(f" --witness '{one}'" for one in witnesses)
    return f"platekeeper audit verify --bundle {name} --key 'NAME+HASH+KEY'{demanded}"


def paper(found: Gathered, tally: Tally, *, name: str, organisation: str, moment: datetime) -> bytes:
    """The report as PDF."""
    period = f"{found.period.start:%Y-%m-%d %H:%M} to {found.period.end:%Y-%m-%d %H:%M} UTC"
    title = "Records of access to licence plate data"
    made = Paper(title, moment=moment, author=organisation, subtitle=period, mark=found.records.mark)
    made.paragraph(f"{organisation}. Made {moment:%Y-%m-%d %H:%M} UTC by the platform for an outside auditor.")
    made.paragraph(f"Exported by {found.records.mark}.")
    held = f"{len(found.records.places)} records, leaves {found.beside['start']} to {found.beside['end']} (exclusive)"
    made.paragraph(f"{held} of the {found.beside['size']} that the last checkpoint signs.")
    if found.unsigned:
        made.paragraph(f"{found.unsigned} records of the last minute are not signed yet and not in this bundle.")
    for kind, counts in tally.by.items():
        made.heading(f"{kind} counted")
        made.table([kind, "Number"], counts.most_common(MOST_ROWS), widths=(5, 1))
        if len(counts) > MOST_ROWS:
            made.paragraph(f"{len(counts) - MOST_ROWS} more are in records.csv.")
    made.page_break()
    made.heading("How to check this bundle")
    made.lines(HOW)
    made.fixed(command(name))
    made.heading("What is proved, and what is not")
    made.lines(PROVED)
    made.heading("The checkpoint")
    made.fixed(found.latest["cosigned"])
    made.heading("The verifier key, to be compared")
    made.fixed(found.latest["verifier_key"])
    return made.pdf()


def readme(found: Gathered, name: str) -> str:
    """README.txt."""
    files = (
        ("report.pdf", "counts, and this text on paper"),
        (
            "records.csv",
            "the records as a table (UTF-8); ' leads a cell that a spreadsheet would compute",
        ),
        ("records.json", "the same with query elements and leaves; an array, a record a line, by position"),
        ("leaves.ndjson", "the run of leaves that holds them; of other agencies' records only the hash"),
        ("checkpoints/", "signed notes (C2SP tlog-checkpoint), with the lines of witnesses; names are moments in UTC"),
        (
            "manifest.json",
            "period and what the ledger says of it, run of leaves, the subtrees beside it, the verifier key",
        ),
        ("SHA256SUMS", "of all other files"),
    )
    lines = [
        "Records of access to licence plate data",
        "=======================================",
        "",
        f"{len(found.records.places)} records from {found.period.start.isoformat()} to {found.period.end.isoformat()}",
        "",
        *(f"{file:<15}{what}" for file, what in files),
        "",
        "How to check",
        "------------",
        *(f"{number}. {text}" for number, text in enumerate(HOW, 1)),
        "",
        f"    {command(name)}",
        "",
        "What is proved, and what is not",
        "-------------------------------",
        *(f"- {text}" for text in PROVED),
        "",
        *_TREE.strip().split("\n"),
        "",
    ]
    return "\n".join(lines)
