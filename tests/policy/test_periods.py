"""Lengths of time: read as written, counted on the calendar, never short."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platekeeper_common.periods import Period, Unit, parse_duration

counts: dict[Unit, st.SearchStrategy[int]] = {
    "day": st.integers(1, 36_500),
    "month": st.integers(1, 1_200),
    "year": st.integers(1, 100),
}
units: st.SearchStrategy[Unit] = st.sampled_from(["day", "month", "year"])
periods = units.flatmap(lambda unit: counts[unit].map(lambda count: Period(count, unit)))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(period=periods)
def test_a_period_reads_as_it_writes(period: Period) -> None:
    assert Period.parse(str(period)) == period


@given(count=st.integers(1, 99_999), unit=st.sampled_from([("s", 1), ("min", 60), ("h", 3600)]))
def test_a_duration_is_as_long_as_it_says(count: int, unit: tuple[str, int]) -> None:
    assert parse_duration(f"{count} {unit[0]}") == timedelta(seconds=count * unit[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5min",
        "5  min",
        " 5 min",
        "5 min\n",
        "05 min",
        "0 min",
        "-5 min",
        "5 minutes",
        "1.5 h",
        "1 days",
        "2 day",
    ],
)
def test_a_duration_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "1", "1year", "1 years", "2 year", "0 years", "1 decade", "one year", "1 year "])
def test_a_period_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a period such as"):
        Period.parse(text)


@pytest.mark.parametrize("text", ["101 years", "1201 months", "36501 days"])
def test_a_period_of_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="between 1 day and 100 years"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1 year", "2026-07-04T10:11:12.345678Z", "2027-07-04T10:11:12.345678Z"),
        ("1 year", "2028-02-29T08:00:00Z", "2029-03-01T08:00:00Z"),
        ("4 years", "2028-02-29T08:00:00Z", "2032-02-29T08:00:00Z"),
        ("5 years", "2027-12-31T23:59:59Z", "2032-12-31T23:59:59Z"),
        ("1 month", "2026-01-31T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("18 months", "2026-08-31T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("1 month", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z"),
        ("30 days", "2028-02-15T00:00:00Z", "2028-03-16T00:00:00Z"),
        ("1 year", "2028-02-28T18:00:00-08:00", "2029-03-01T02:00:00Z"),
    ],
)
def test_a_period_ends_on_its_day_of_the_calendar(text: str, start: str, end: str) -> None:
    assert Period.parse(text).after(datetime.fromisoformat(start)) == datetime.fromisoformat(end)


@given(years=st.integers(1, 100), moment=moments)
def test_years_never_fall_short(years: int, moment: datetime) -> None:
    end = Period(years, "year").after(moment)
    assert end - moment >= timedelta(days=365 * years)
    assert (end.year, end.month, end.day) >= (moment.year + years, moment.month, moment.day)
    assert end.timetz() == moment.timetz()
    assert end - moment <= timedelta(days=366 * years)


@given(period=periods, earlier=moments, later=moments)
def test_what_came_later_ends_no_earlier(period: Period, earlier: datetime, later: datetime) -> None:
    first, second = sorted([earlier, later])
    assert first < period.after(first) <= period.after(second) or first == second


@given(period=periods, moment=moments, hours=st.integers(-12, 12))
def test_the_end_does_not_hang_on_the_zone_of_the_start(period: Period, moment: datetime, hours: int) -> None:
    assert period.after(moment.astimezone(timezone(timedelta(hours=hours)))) == period.after(moment)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Period(1, "year").after(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(OverflowError):
        Period(100, "year").after(datetime(9950, 1, 1, tzinfo=UTC))
