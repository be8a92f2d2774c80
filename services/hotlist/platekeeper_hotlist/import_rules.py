"""Rules of imports: what a row of a file lists, and what becomes of it on the list. Values in, values out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from platekeeper_common.errors import Invalid, PlatekeeperError
from platekeeper_common.ids import AgencyId, EntryId, ListId
from platekeeper_common.immigration import refuse_immigration
from platekeeper_common.moments import in_utc
from platekeeper_common.wording import refuse_prohibited
from platekeeper_hotlist import domain
from platekeeper_hotlist.csv_file import Row, Unreadable
from platekeeper_hotlist.domain import PARTIALS_AT_MOST, Entry, NewEntry
from platekeeper_hotlist.policy import HotlistPolicy

Mode = Literal["add", "replace"]
"""`replace`: what the file does not say leaves the list."""
State = Literal["running", "finished", "stopped", "interrupted"]
Outcome = Literal["added", "changed", "unchanged", "refused"]
GIVEN_UP_AFTER = timedelta(minutes=2)
"""A running import of which nothing was heard for so long broke off with its process."""
LONGEST_REASON, LONGEST_INCIDENT = 500, 120
PROHIBITED = {"immigration_refused": "J4", "purpose_prohibited": "A4"}
"""Refusals of rows that leave an access record, by which the administrator hears of them; their clauses."""
UNDERSTOOD = frozenset({*PROHIBITED, "expiry_past"})
"""Refusals of rows of which it is known that they belong on no list: they do not keep others on it."""
NCIC_CATEGORIES = {
    "A": "amber",
    "F": "felony",
    "W": "wanted_person",
    "V": "stolen_vehicle",
    "P": "stolen_plate",
    "M": "missing_person",
    "C": "supervised_release",
    "H": "protection_order",
    "K": "protective_interest",
    "L": "violent_person",
    "R": "stolen_vehicle",
    "T": "gang_or_terrorist",
    "X": "sex_offender",
}
"""By NCIC's letters; N, immigration violators, is refused (J4)."""
_NCIC_IMMIGRATION = "N"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One file that was given for a list, and what has become of its rows so far."""

    id: str
    agency_id: AgencyId
    list_id: ListId
    mode: Mode
    category: str
    reason: str
    incident: str | None
    state: State
    started_by: str
    started_at: datetime
    heard_at: datetime
    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    removed: int = 0
    removal_withheld: bool = False
    """A `replace` took nothing off: rows were refused and what they meant is not known, or there was no row at all."""
    code: str | None = None
    detail: str | None = None
    """Why it stopped."""

    def at(self, now: datetime) -> "Import":
        """As it stands now: one that runs no more without having said so was interrupted."""
        gone = self.state == "running" and now - self.heard_at > GIVEN_UP_AFTER
        return replace(self, state="interrupted") if gone else self


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a row; `code` and `detail` say why it was refused."""

    row: int
    outcome: Outcome
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a row lists, admitted."""

    row: int
    new: NewEntry
    ends_as_said: bool
    """Whether the row itself gives the end; a partial plate gets one otherwise, another each time."""


@dataclass(slots=True)
class Settled:
    """What becomes of a batch of rows."""

    reported: list[Reported] = field(default_factory=list)
    added: list[Entry] = field(default_factory=list)
    gone: list[Entry] = field(default_factory=list)
    met: list[EntryId] = field(default_factory=list)
    """Entries in force that the rows say."""


def read(row: Row | Unreadable, asked: Import, policy: HotlistPolicy, now: datetime) -> Said | Reported:
    """What the row lists, or why it is refused; the words of the refusal never repeat a plate."""
    if isinstance(row, Unreadable):
        return Reported(row.number, "refused", row.code, row.detail)
    try:
        new = _entry(row, asked)
        return Said(row.number, domain.admitted(new, policy, now), new.expires_at is not None)
    except PlatekeeperError as error:
        return Reported(row.number, "refused", error.code, error.detail)


def settle(
    rows: Sequence[Said | Reported],
    held: Mapping[tuple[str, str | None], Entry],
    said_before: frozenset[EntryId],
    partials: int,
    make: Callable[[NewEntry], Entry],
) -> Settled:
    """Decide what becomes of each row, in their order.

    `held`: entries in force by plate and state. `said_before`: those of them that earlier rows of the file say; the
    first row of a file that says a plate of a state counts, a later one that says it otherwise is refused. `partials`:
    how many partial plates the list holds. `make` makes an entry of what is listed.
    """
    settled, now_held, said = Settled(), dict(held), set(said_before)
    for row in rows:
        if isinstance(row, Reported):
            settled.reported.append(row)
            continue
        key = (row.new.plate, row.new.state)
        entry = now_held.get(key)
        if entry is not None and _says(entry, row):
            outcome = Reported(row.row, "unchanged")
        elif entry is not None and entry.id in said:
            outcome = Reported(row.row, "refused", "row_repeated", "an earlier row says this plate otherwise")
        elif entry is None and (made := make(row.new)).partial and partials >= PARTIALS_AT_MOST:
            outcome = Reported(row.row, "refused", "partials_full", f"a list takes {PARTIALS_AT_MOST} partial plates")
        else:
            outcome = Reported(row.row, "added" if entry is None else "changed")
            if entry is not None:
                settled.gone.append(entry)
                made = make(row.new)
            partials += made.partial and entry is None
            settled.added.append(made)
            now_held[key] = entry = made
        if outcome.outcome != "refused" and entry is not None:
            said.add(entry.id)
            settled.met.append(entry.id)
        settled.reported.append(outcome)
    return settled


def _entry(row: Row, asked: Import) -> NewEntry:
    refuse_prohibited(None, (*row.texts,))
    said = row.fields
    category, reason = said.get("category"), said.get("reason")
    if (alert := said.get("alert")) is not None:
        known = _category(alert)
        category, reason = category or (known if known in domain.CATEGORIES else None), reason or alert
    incident = said.get("incident", asked.incident)
    for name, text, longest in (("reason", reason, LONGEST_REASON), ("incident", incident, LONGEST_INCIDENT)):
        if text is not None and len(text) > longest:
            raise Invalid(f"the {name} is longer than {longest} characters", code="field_too_long")
    return NewEntry(
        plate=said.get("plate", ""),
        state=said.get("state"),
        category=_category(category) if category else asked.category,
        reason=reason or asked.reason,
        incident=incident,
        expires_at=_moment(said.get("expires_at")),
    )


def _category(text: str) -> str:
    """Our word for a category, as we, NCIC or a vendor writes it."""
    if text.upper() == _NCIC_IMMIGRATION:
        refuse_immigration("immigration violator")
    return NCIC_CATEGORIES.get(text.upper(), "_".join(text.lower().replace("-", " ").split()))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return in_utc(moment)
    except ValueError:
        pass
    raise Invalid("expires_at must be an ISO 8601 moment with its offset from UTC", code="expiry_invalid")


def _says(entry: Entry, row: Said) -> bool:
    """Whether the entry says already what the row does."""
    new = row.new
    ends = entry.expires_at == new.expires_at or (entry.partial and not row.ends_as_said)
    return ends and (entry.category, entry.reason, entry.incident) == (new.category, new.reason, new.incident)
