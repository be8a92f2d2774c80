"""Figures in public: ended months, above a minimum cell size, and nothing of anybody (H2, H3)."""

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.test_audits import NEW_YEAR, opened, review, sign, until
from profiles import DEPARTMENTS, department
from standing import AGENCY, Town, eventually, town
from unit.ledger.auditing import Records, sent

from platekeeper_access_audit.ledger.policy import AuditsPolicy
from platekeeper_access_audit.ledger.service import LEDGER
from platekeeper_access_audit.publication import small_cells, transparency
from platekeeper_access_audit.publication.board import Facts
from platekeeper_access_audit.publication.policy import PublicationPolicy
from platekeeper_access_audit.publication.service import PUBLICATION
from platekeeper_access_audit.publication.small_cells import AtLeast, FewerThan
from platekeeper_common.events.public import AgenciesWithAccess, Figures, Searches, Sharing, StatedInPublic, Statement
from platekeeper_release.policy import ReleasePolicy

MINIMUM = 11
SMALL = st.integers(1, MINIMUM - 1)
COUNT = st.integers(0, 40)
PURPOSES = Searches.__struct_fields__
OCTOBER = Figures(
    month="2026-10",
    reads=120_345,
    hits=7,
    searches=Searches(stolen_vehicle=88, routine_patrol=12, warrant=3),
    refusals=10,
    releases=11,
    releases_refused=0,
    audits=1,
    purges=0,
)


@pytest.fixture(params=DEPARTMENTS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """Publication alone, for an agency of each department."""
    async with town(tmp_path / "var", (PUBLICATION,)) as standing:
        await standing.open_agency(profile=request.param, mode="live")
        yield standing


async def state(here: Town, *statements: Statement, service: str = "anybody") -> None:
    now = here.clock()
    said = [StatedInPublic(agency_id=AGENCY, service=service, content=one, stated_at=now) for one in statements]
    await here.standing.foundation.bus.publish(said, source=service)


async def figures(anybody: httpx.AsyncClient) -> Any:
    return (await anybody.get(f"/transparency/{AGENCY}.json")).json()


@pytest.mark.clause("H2")
@pytest.mark.clause("H3")
async def test_the_report_tells_counts_of_ended_months_above_the_minimum(here: Town) -> None:
    await state(
        here, OCTOBER, AgenciesWithAccess(agencies=("La Verne Police Department", "Claremont Police Department"))
    )
    async with here.client() as anybody:
        await eventually(lambda: reported(anybody))
        told = await figures(anybody)
        page = html.unescape((await anybody.get(f"/transparency/{AGENCY}")).text)
    assert (
        told["minimum_cell"]
        == department(here.standing.foundation.policies.of(AGENCY).name).section(PublicationPolicy).minimum_cell
    )
    (month,) = told["months"]
    fewer = {"fewer_than": MINIMUM}
    assert month["figures"] == {
        "reads": 120_345,
        "hits": fewer,
        "searches": {"at_least": 100},
        "refusals": fewer,
        "releases": 11,
        "releases_refused": 0,
        "audits": 1,
        "purges": 0,
    }
    assert month["searches_by_purpose"]["warrant"] == fewer
    assert month["searches_by_purpose"]["stolen_vehicle"] == 88
    assert told["agencies_with_access"] == ["Claremont Police Department", "La Verne Police Department"]
    assert "120,345" in page
    assert "fewer than 11" in page
    assert "at least 100" in page


@pytest.mark.clause("H2")
async def test_a_request_of_the_public_is_shown_where_it_is_answered(here: Town) -> None:
    owner = here.standing.foundation.policies.of(AGENCY).section(ReleasePolicy).non_le_owner
    await state(here, Sharing(routes=("request",), non_le_owner=owner), service="release")
    async with here.client() as anybody:
        await eventually(lambda: tells(anybody, owner))
        assert (await figures(anybody))["requests_by_the_public"] == owner


@pytest.mark.clause("H3", "pomona", "galt", "la-port")
async def test_what_is_not_gathered_is_told_where_the_manual_recognises_privacy(here: Town) -> None:
    profile = here.standing.foundation.policies.of(AGENCY)
    told = profile.name in ("pomona", "galt", "la-port")
    async with here.client() as anybody:
        assert ("recognises no face" in (await anybody.get(f"/transparency/{AGENCY}")).text) == told
        assert bool((await figures(anybody))["data_minimisation"]) == told


@pytest.mark.clause("H3")
async def test_the_page_is_accessible_and_needs_no_script(tmp_path: Path) -> None:
    async with town(tmp_path / "var", (PUBLICATION,)) as here, here.client() as anybody:
        await state(here, OCTOBER)
        await eventually(lambda: reported(anybody))
        for path in ("/policy", f"/policy/{AGENCY}", f"/policy/{AGENCY}/versions", f"/transparency/{AGENCY}"):
            answer = await anybody.get(path)
            seen = Page.of(answer.text)
            assert seen.language == "en-US"
            assert seen.headings[0] == 1
            assert all(later <= earlier + 1 for earlier, later in zip(seen.headings, seen.headings[1:], strict=False))
            assert {"header", "main", "footer", "title"} <= seen.tags
            assert not {"script", "img", "iframe", "form", "link"} & seen.tags
            assert seen.tables == seen.captions
            assert all(scope in ("col", "row") for scope in seen.scopes)
            assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert seen.tables == 2


class Page(HTMLParser):
    """What matters to somebody who hears a page or walks it by keyboard."""

    def __init__(self) -> None:
        super().__init__()
        self.language: str | None = None
        self.tags: set[str] = set()
        self.headings: list[int] = []
        self.tables = self.captions = 0
        self.scopes: list[str | None] = []

    @classmethod
    def of(cls, text: str) -> "Page":
        page = cls()
        page.feed(text)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "th":
            self.scopes.append(given.get("scope"))


@pytest.mark.clause("H3")
def test_colours_can_be_told_apart() -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1, in light and in dark."""
    style = (Path(transparency.__file__).parent / "pages" / "public.css").read_text()
    for scheme in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", scheme))
        for ink in ("ink", "soft", "bad", "link"):
            for ground in ("page", "card", "mark"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.clause("H2")
@given(st.dictionaries(st.sampled_from(PURPOSES), COUNT), st.data())
def test_what_is_told_is_the_same_whatever_the_small_counts_are(parts: dict[str, int], data: st.DataObject) -> None:
    """So nobody can work out a small count from the rest, whatever else he knows of the rules."""
    other = {name: data.draw(SMALL) if 0 < count < MINIMUM else count for name, count in parts.items()}
    assert small_cells.broken_down(parts, MINIMUM) == small_cells.broken_down(other, MINIMUM)


@pytest.mark.clause("H2")
@given(st.dictionaries(st.sampled_from(PURPOSES), COUNT))
def test_large_counts_and_their_total_are_told(parts: dict[str, int]) -> None:
    told, total = small_cells.broken_down(parts, MINIMUM)
    small = [name for name, count in parts.items() if 0 < count < MINIMUM]
    assert {name: count for name, count in told.items() if name not in small} == {
        name: count for name, count in parts.items() if name not in small
    }
    assert all(told[name] == FewerThan(MINIMUM) for name in small)
    large = sum(count for count in parts.values() if count >= MINIMUM)
    assert total == (AtLeast(large) if small else sum(parts.values()))


@pytest.mark.clause("H2")
@pytest.mark.parametrize("name", transparency.GUARDED)
def test_every_count_of_people_or_vehicles_is_guarded(name: str) -> None:
    policy = PublicationPolicy(minimum_cell=MINIMUM, privacy_statement=False)
    for count in (0, 1, 10, 11, 12):
        month = msgspec.structs.replace(OCTOBER, **{name: count})
        (told,) = transparency.report(Facts(months=(month,)), policy).months
        assert told.figures[name] == (FewerThan(MINIMUM) if 0 < count < MINIMUM else count)


def test_months_before_the_first_use_are_left_out_and_the_last_twelve_are_told() -> None:
    policy = PublicationPolicy(minimum_cell=MINIMUM, privacy_statement=False)
    empty = Figures(month="2024-12", reads=0, searches=Searches())
    months = [
        empty,
        *(Figures(month=f"{year}-{month:02}", reads=100) for year in (2025, 2026) for month in range(1, 11)),
    ]
    told = transparency.report(Facts(months=tuple(months)), policy).months
    assert [one.month for one in told][:2] == ["2026-10", "2026-09"]
    assert len(told) == transparency.MONTHS
    assert transparency.report(Facts(months=(empty,)), policy).months == ()


@pytest.mark.clause("H3")
@pytest.mark.parametrize("name", ["pomona", "galt", "la-port"])
async def test_an_audit_that_was_signed_off_is_counted_in_public(tmp_path: Path, name: str) -> None:
    async with town(tmp_path / "var", (LEDGER, PUBLICATION), statement_seconds=0.1) as here:
        await here.open_agency(profile=name, mode="live")
        await sent(here, await Records(here).search())
        await until(here, NEW_YEAR + timedelta(minutes=2))
        approver = department(name).section(AuditsPolicy).approver
        async with (
            here.client(here.person("chief", "auditor", title=approver)) as chief,
            here.client(here.person("inspector", "auditor")) as inspector,
        ):
            audit = await opened(here, inspector)
            for record in audit["sample"]:
                assert (await review(inspector, audit, record)).is_success
            assert (await sign(chief, audit)).is_success
        await until(here, datetime(2027, 2, 3, tzinfo=UTC))
        async with here.client() as anybody:

            async def january() -> Any:
                return {one["month"]: one["figures"] for one in (await figures(anybody))["months"]}["2027-01"]

            assert (await eventually(january))["audits"] == 1
            assert (await figures(anybody))["last_audit"] == "2027-01-01"


async def reported(anybody: httpx.AsyncClient) -> bool:
    return bool((await figures(anybody))["months"])


async def tells(anybody: httpx.AsyncClient, words: str) -> bool:
    return words in html.unescape((await anybody.get(f"/transparency/{AGENCY}")).text)
