"""Traffic past a town's cameras in which every kind of tie occurs, and questions about it."""

import random
import re
from datetime import timedelta
from functools import cache

from h3.api import basic_str as h3
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from profiles import department
from standing import Town
from unit.retention.office import HARBOR, START, a_read, rows, store

from platekeeper_common import areas
from platekeeper_common.areas import Area
from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import Position
from platekeeper_common.events.recognition import PlateRead
from platekeeper_common.ids import CameraId
from platekeeper_retention import domain
from platekeeper_retention.domain import Query
from platekeeper_retention.policy import CanvassPolicy

FEW = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)


FEWER = settings(FEW, max_examples=20)
"""Of those that are asked of the second engine too."""
CAMERAS = ("north-gate", "main-street", "car-12")


CENTRE = Position(34.05, -117.75)
BLOCK = 0.002
"""Degrees: some 200 metres, within which all traffic is."""


def places(dice: random.Random) -> list[Position]:
    """Scattered, and on the corners of cells of every size."""
    corners = [
        Position(*corner)
        for resolution in range(8, 16)
        for corner in h3.cell_to_boundary(h3.latlng_to_cell(CENTRE.latitude, CENTRE.longitude, resolution))
    ]
    scattered = [
        Position(CENTRE.latitude + dice.uniform(-BLOCK, BLOCK), CENTRE.longitude + dice.uniform(-BLOCK, BLOCK))
        for _ in range(40)
    ]
    return corners + scattered


@cache
def traffic(count: int = 350) -> list[PlateRead]:
    """Reads of few plates at few moments and places, some in a second version, so that every kind of tie occurs."""
    dice = random.Random(20261122)
    where = places(dice)
    reads = [
        a_read(
            number,
            plate="".join(dice.choices("8A9Z", k=dice.randint(1, 4))),
            camera_id=CameraId(dice.choice(CAMERAS)),
            captured_at=START + timedelta(minutes=dice.randint(0, 40)),
            position=dice.choice(where) if dice.random() < 0.9 else None,
        )
        for number in range(count)
    ]
    return reads + [
        a_read(
            number,
            version=2,
            plate=dice.choice((read.plate, "8AZ")),
            camera_id=read.camera_id,
            captured_at=read.captured_at + timedelta(minutes=dice.choice((0, 0, 3))),
            position=dice.choice((read.position, *where)),
        )
        for number, read in enumerate(reads[:60])
    ]


def spelt(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("?", ".").replace("*", ".*"))


def expected(reads: list[PlateRead], query: Query) -> list[tuple[str, int]]:
    """What a search must find, said without an index."""
    last = {read.id: read for read in sorted(reads, key=lambda read: read.version)}
    found = [
        read
        for read in last.values()
        if (query.plate is None or read.plate == query.plate)
        and (query.pattern is None or spelt(query.pattern.text).fullmatch(read.plate))
        and (query.area is None or (read.position is not None and query.area.holds(read.position)))
        and (query.captured_from is None or read.captured_at >= query.captured_from)
        and (query.captured_to is None or read.captured_at < query.captured_to)
        and (not query.cameras or read.camera_id in query.cameras)
    ]
    found.sort(key=lambda read: (read.captured_at, read.id), reverse=True)
    return [(read.id, read.version) for read in found]


@st.composite
def circles(draw: st.DrawFn) -> Area:
    """Around a read, and as wide as it is far to another one, or as one likes."""
    centre, other = (read.position or CENTRE for read in draw(st.tuples(*[st.sampled_from(traffic())] * 2)))
    radius = draw(st.one_of(st.just(areas.distance(centre, other)), st.floats(0.1, 400)))
    return areas.circle(centre, max(radius, 0.1))


@st.composite
def polygons(draw: st.DrawFn) -> Area:
    """Corners about town, some of them where reads are."""
    offset = st.floats(-BLOCK, BLOCK)
    anywhere = st.builds(lambda up, right: Position(CENTRE.latitude + up, CENTRE.longitude + right), offset, offset)
    corner = st.one_of(anywhere, st.sampled_from(traffic()).map(lambda read: read.position or CENTRE))
    try:
        return areas.polygon(draw(st.lists(corner, min_size=3, max_size=5)))
    except Invalid:
        assume(False)
        raise


@st.composite
def queries(draw: st.DrawFn) -> Query:
    kind = draw(st.sampled_from(("plate", "prefix", "pattern", "pattern", "nothing")))
    text = draw(st.text("8A9Z??*" if kind == "pattern" else "8A9Z", min_size=1, max_size=5))
    few = kind == "nothing" or (kind != "plate" and len(text.strip("?*")) < domain.KNOWN_AT_LEAST)
    area = draw(st.one_of(circles(), polygons())) if few or draw(st.booleans()) else None
    begins, ends = sorted(draw(st.lists(st.integers(-1, 44), min_size=2, max_size=2, unique=True)))
    closed = draw(st.booleans())
    try:
        asked = domain.query(
            **({} if kind == "nothing" else {kind: text}),
            area=area,
            captured_from=START + timedelta(minutes=begins) if closed or draw(st.booleans()) else None,
            captured_to=START + timedelta(minutes=ends) if closed or draw(st.booleans()) else None,
            cameras=sorted(draw(st.sets(st.sampled_from(CAMERAS)))),
        )
    except Invalid:
        assume(False)
        raise
    assume(asked.area is not None or not canvassed(asked))
    return asked


def canvassed(asked: Query) -> bool:
    """Whether nobody is answered it outside of a canvass (A6, A7)."""
    try:
        domain.demand_bound(asked, None, department("pomona").section(CanvassPolicy))
    except Invalid:
        return True
    return False


async def stored_once(here: Town) -> list[PlateRead]:
    """The traffic, stored on the first call, beside another agency's reads of the same plates and places."""
    reads = traffic()
    if not rows(here, "SELECT 1 FROM plate_read LIMIT 1"):
        await here.open_agency(HARBOR)
        await store(here, *reads)
        foreign = [
            a_read(9000 + n, plate=read.plate, position=read.position, agency_id=HARBOR)
            for n, read in enumerate(reads[:50])
        ]
        await store(here, *foreign, agency_id=HARBOR)
    return reads
