"""Scopes: what lies within what, and that a scope reads back as it was written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common import areas, delegation, patterns
from platekeeper_common.delegation import RELEASE, Delegation, Scope
from platekeeper_common.errors import Invalid
from platekeeper_common.events.ingest import Position

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE, THERE = Position(34.0, -117.0), Position(34.5, -117.0)
CIRCLE = areas.circle(HERE, 100.0)
POLYGON = areas.polygon([Position(33.9, -117.1), Position(33.9, -116.9), Position(34.1, -117.0)])

names: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.lists(st.sampled_from(["8ABC123", "8ABC124", "7XYZ987"]), min_size=1, unique=True).map(
        lambda plates: {"plates": tuple(plates)}
    ),
    st.sampled_from(["8ABC*", "8ABC12?", "*XYZ*"]).map(lambda text: {"pattern": patterns.parse(text)}),
)
windows = st.tuples(st.integers(0, 5), st.integers(1, 5)).map(
    lambda hours: {"captured_from": NOON + hours[0] * HOUR, "captured_to": NOON + (hours[0] + hours[1]) * HOUR}
)
scopes = st.builds(
    lambda named, window, area: Scope(**named, **window, area=area),
    names,
    windows,
    st.sampled_from([None, CIRCLE, POLYGON]),
)
reads = st.tuples(
    st.sampled_from(["8ABC123", "8ABC124", "7XYZ987", "1AAA111"]),
    st.integers(-1, 600).map(lambda minutes: NOON + minutes * timedelta(minutes=1)),
    st.sampled_from([None, HERE, THERE]),
)


@given(scopes, scopes, reads)
def test_what_lies_within_holds_nothing_more(one: Scope, wider: Scope, read: Any) -> None:
    assert one.within(one)
    if one.within(wider):
        assert not one.holds(*read) or wider.holds(*read)


@given(scopes.filter(lambda scope: bool(scope.plates or scope.pattern or scope.area)))
def test_a_scope_reads_back(scope: Scope) -> None:
    assert delegation.scope_of(scope.elements()) == scope
    stated = Delegation(RELEASE, "request-1", scope)
    assert delegation.of_claims(stated.claims()) == stated


def test_a_scope_of_all_reads_does_not_read_back() -> None:
    with pytest.raises(Invalid):
        delegation.scope_of(Scope(captured_from=NOON, captured_to=NOON + HOUR).elements())


def test_a_side_that_is_open_lies_within_nothing_that_is_closed() -> None:
    closed = Scope(plates=("8ABC123",), captured_from=NOON, captured_to=NOON + HOUR)
    assert closed.within(Scope())
    assert not Scope().within(closed)
    assert not Scope(plates=("8ABC123",), captured_from=NOON).within(closed)
    assert not Scope(plates=("8ABC123",), captured_to=NOON + HOUR).within(closed)


@pytest.mark.parametrize("wrong", [None, [], {"from": "2026-11-22T12:00:00Z"}, {"from": 1, "to": 2}, {"more": 1}])
def test_what_is_no_scope_is_refused(wrong: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        delegation.scope_of(wrong)
    assert refusal.value.code == "scope_invalid"


def test_claims_without_a_delegation_hold_none() -> None:
    assert delegation.of_claims({"sub": "account-7"}) is None
    with pytest.raises((ValueError, KeyError)):
        delegation.of_claims({"act": {"sub": RELEASE}})
