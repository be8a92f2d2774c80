"""What a service states in public: once, when it has changed, again after a day; and never what does not fit."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from databases import on_both
from hypothesis import given
from hypothesis import strategies as st
from standing import AGENCY, Town, eventually, town
from unit.common.kiosk.service import KIOSK

from platekeeper_common.events import public
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.public import Figures, Post, Posts, StatedInPublic, Statement
from platekeeper_common.ids import AgencyId
from platekeeper_common.periods import Month
from platekeeper_common.public_statements import MONTHS, Speaker


class Board:
    """What the kiosk would state, and what of it the bus heard."""

    def __init__(self) -> None:
        self.title = "Commander"
        self.asked: list[str] = []
        self.heard: list[StatedInPublic] = []

    async def says(self, _room: Any, _agency: AgencyId) -> Sequence[Statement]:
        return [Posts(posts=(Post(code="administrator", title=self.title, vacant_since=date(2026, 1, 5)),))]

    async def tallies(self, _room: Any, _agency: AgencyId, month: Month) -> Figures:
        self.asked.append(str(month))
        return Figures(month=str(month), reads=len(self.asked))

    async def hear(self, event: Event) -> None:
        assert isinstance(event, StatedInPublic)
        self.heard.append(event)

    def keyed(self) -> list[str]:
        return [event.key for event in self.heard]


@asynccontextmanager
async def stating(folder: Path, board: Board, seconds: float = 0.05) -> AsyncIterator[Town]:
    service = dataclasses.replace(KIOSK, says=board.says, tallies=board.tallies)
    async with town(folder, (service,), statement_seconds=seconds) as here:
        following = asyncio.create_task(
            here.standing.foundation.bus.follow(StatedInPublic.topic, board.hear, lambda: None)
        )
        try:
            yield here
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


@on_both
async def test_it_is_stated_once_and_again_when_it_changes(tmp_path: Path) -> None:
    board = Board()
    async with stating(tmp_path / "var", board):
        await eventually(lambda: len(board.heard) == 1 + MONTHS)
        assert f"{AGENCY}/kiosk/posts" in board.keyed()
        assert board.asked == [str(Month(2026, 10).back(count)) for count in reversed(range(MONTHS))]
        board.title = "Chief"
        await eventually(lambda: len(board.heard) == 2 + MONTHS)
        last = board.heard[-1].content
        assert isinstance(last, Posts)
        assert last.posts[0].title == "Chief"


async def test_it_is_stated_again_after_a_day_and_months_are_asked_once(tmp_path: Path) -> None:
    board = Board()
    async with stating(tmp_path / "var", board) as here:
        await eventually(lambda: len(board.heard) == 1 + MONTHS)
        await here.let_pass(days=1)
        await eventually(lambda: len(board.heard) == 2 * (1 + MONTHS))
        assert len(board.asked) == MONTHS
        await here.let_pass(days=9)  # the second of December
        await eventually(lambda: f"{AGENCY}/kiosk/figures-2026-11" in board.keyed())
        assert board.asked[MONTHS:] == ["2026-11"]


@on_both
async def test_two_workers_state_what_one_would(tmp_path: Path) -> None:
    board = Board()
    async with stating(tmp_path / "var", board, seconds=3600) as here:
        room = here.standing.rooms["kiosk"]
        speaker = Speaker("kiosk", room, here.standing.foundation.policies, board.says, board.tallies)
        await asyncio.gather(*(speaker.state() for _ in range(3)))
        await speaker.state()
        await eventually(lambda: len(board.heard) >= 1 + MONTHS)
        await asyncio.sleep(0.3)
        assert len(board.keyed()) >= len(set(board.keyed())) == 1 + MONTHS


async def test_what_does_not_fit_is_not_stated_and_keeps_nothing_else_back(tmp_path: Path) -> None:
    board = Board()
    board.title = "two\nlines"
    async with stating(tmp_path / "var", board):
        await eventually(lambda: len(board.heard) == MONTHS)
        assert f"{AGENCY}/kiosk/posts" not in board.keyed()


@pytest.mark.clause("H2")
@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12) | st.integers()))
def test_no_word_or_text_of_anybody_gets_into_figures(strange: dict[str, str | int]) -> None:
    said = {"section": "figures", "month": "2026-10", "searches": strange} | strange
    try:
        told = msgspec.json.encode(public.read(msgspec.json.encode(said | {"section": "figures", "month": "2026-10"})))
    except msgspec.ValidationError:
        return
    kept = msgspec.json.decode(told)
    known = set(Figures.__struct_fields__) | {"section"}
    assert set(kept) <= known
    assert all(isinstance(count, int) for name, count in kept.items() if name not in ("section", "month", "searches"))
    assert set(kept.get("searches", {})) <= set(public.Searches.__struct_fields__)
