"""The HTTP bodies of imports."""

from datetime import datetime

from platekeeper_common.documents import Shown
from platekeeper_hotlist.import_rules import Mode, Outcome, State


class ImportDocument(Shown):
    """A file that was given for a list, and what has become of its rows so far.

    `removal_withheld`: a `replace` took nothing off: rows could not be understood, or there were none. `code` and
    `detail` say why an import stopped; what it had settled stays, and giving the file again completes it.
    """

    id: str
    list_id: str
    mode: Mode
    state: State
    started_by: str
    started_at: datetime
    heard_at: datetime
    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    removed: int
    removal_withheld: bool
    code: str | None
    detail: str | None


class ImportsDocument(Shown):
    """The last imports for a list, newest first."""

    imports: list[ImportDocument]


class SpanDocument(Shown):
    """Rows from `first_row` to `last_row` of which the same became; row numbers are lines of the file."""

    first_row: int
    last_row: int
    outcome: Outcome
    code: str | None
    detail: str | None


class ReportDocument(Shown):
    """A page of the report, in the order of the file; `next_after` continues it."""

    rows: list[SpanDocument]
    next_after: int | None
