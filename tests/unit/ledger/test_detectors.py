"""Each detector by itself: what it finds, what it lets pass, and what it says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from profiles import DEPARTMENTS, department

from platekeeper_access_audit.ledger.policy import AuditsPolicy, Detector, Hours, hours_of_shifts
from platekeeper_access_audit.ledger.reviews import detectors, looked_for
from platekeeper_access_audit.ledger.reviews.detectors import Act, Finding, Person
from platekeeper_common.shared_policy import UsePolicy

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
"""Ten in the morning in California."""
SHIFTS = hours_of_shifts(department("pomona").section(UsePolicy))
WHO = Person(username="officer", zone=ZoneInfo("America/Los_Angeles"), shifts=SHIFTS, own_names=frozenset({"pomona"}))
POLICY = department("pomona").section(AuditsPolicy)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def acts(count: int, *, ago: timedelta = HOUR, apart: timedelta = timedelta(seconds=1), **more: Any) -> list[Act]:
    """So many searches, the last `ago` before now."""
    told = {
        "name": "Ann Officer",
        "action": "reads.search",
        "allowed": True,
        "found": 0,
        "matter": "criminal 1",
        **more,
    }
    moments = [NOW - ago - apart * back for back in reversed(range(count))]
    return [Act(record_id=f"{moment}-{n}", at=moment, **told) for n, moment in enumerate(moments)]


def found(name: Detector, seen: Sequence[Act]) -> list[Finding]:
    return detectors.BY_NAME[name](sorted(seen, key=lambda act: act.at), NOW, WHO, POLICY)


def sentence(name: Detector, seen: Sequence[Act]) -> str:
    (finding,) = found(name, seen)
    assert finding.detector == name
    assert set(finding.record_ids) <= {act.record_id for act in seen}
    return finding.sentence


@pytest.mark.clause("A4")
def test_the_same_plate_again_and_again() -> None:
    assert sentence("repeat_plate", acts(5, apart=5 * DAY, plate="x")) == (
        "Ann Officer searched the same plate 5 times within 30 days, first on 2 November 2026 and last on"
        " 22 November 2026, under 1 matter."
    )
    for harmless in (
        acts(4, plate="x"),
        acts(3, plate="x") + acts(3, plate="y", ago=2 * HOUR),
        acts(5, apart=8 * DAY, plate="x"),
        acts(4, plate="x") + acts(5, plate="x", further=True),
        acts(9, plate="x", allowed=False),
        acts(9, plate="x", numbered=True),
        acts(9),
    ):
        assert found("repeat_plate", harmless) == []
    for private in (
        acts(10, plate="x", numbered=True),
        acts(4, plate="x", numbered=True) + acts(1, plate="x", numbered=True, matter="criminal 2"),
        acts(4, plate="x", numbered=True) + acts(1, plate="x"),
    ):
        assert found("repeat_plate", private) != []


@pytest.mark.clause("A4")
@pytest.mark.parametrize(
    ("hour", "shift", "said"),
    [
        (10, "day", None),
        (14, "day", None),
        (16, "day", "the shift that was named, day, is from 06:00 to 14:00"),
        (3, "Day ", "the shift that was named, day, is from 06:00 to 14:00"),
        (21, "swing", None),
        (3, "night", None),
        (12, "night", "the shift that was named, night, is from 22:00 to 06:00"),
        (12, "overtime", None),
        (3, "overtime", "no shift was named, and the hours without one are 06:00 to 22:00"),
        (12, None, None),
        (5, None, None),
        (23, None, "no shift was named, and the hours without one are 06:00 to 22:00"),
    ],
)
def test_off_shift_by_the_agencys_clock(hour: int, shift: str | None, said: str | None) -> None:
    act = at(22, hour, shift=shift)
    told = [f"Ann Officer searched off shift once, at {hour:02}:30 on 22 November 2026: {said}."] if said else []
    assert sentences([act]) == told


def at(day: int, hour: int, **more: Any) -> Act:
    """A search at half past that hour of a day in November, by the agency's clock."""
    (act,) = acts(1, **more)
    moment = datetime(2026, 11, day, hour, 30, tzinfo=WHO.zone).astimezone(UTC)
    return replace(act, record_id=f"{moment}", at=moment)


def sentences(seen: Sequence[Act]) -> list[str]:
    """What `off_shift` says of the last of these acts' day."""
    return [one.sentence for one in detectors.off_shift(seen, seen[-1].at + timedelta(minutes=1), WHO, POLICY)]


@pytest.mark.clause("A4")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_the_shifts_that_patrol_is_given_are_those_that_the_detector_knows(name: str) -> None:
    use = department(name).section(UsePolicy)
    shifts = hours_of_shifts(use)
    for hour in range(24):
        moment = datetime(2026, 11, 22, hour, 30, tzinfo=WHO.zone)
        assert shifts[use.shift_at(moment)].minutes_away(moment.time()) == 0


@pytest.mark.clause("A4")
def test_whoever_works_at_night_is_not_found_night_after_night() -> None:
    stop = at(22, 3, matter="criminal 1")
    assert sentences([at(20, 23, shift="night"), stop]) == []
    assert sentences([at(14, 23, shift="night"), stop]) != []
    nights = [at(day, 3) for day in (10, 12, 14, 16, 18)]
    assert sentences([*nights, stop]) == []
    assert sentences([*nights[1:], stop]) != []
    assert sentences([at(day, 6) for day in (10, 12, 14, 16, 18)] + [stop]) != []
    overtime = at(22, 17, shift="day")
    assert sentences([*(at(day, 17, shift="day") for day in (10, 12, 14, 16, 18)), overtime]) == []


@pytest.mark.clause("A4")
def test_a_dispatcher_asks_for_officers_at_any_hour() -> None:
    night = timedelta(hours=8)
    assert found("off_shift", acts(1, ago=night)) != []
    assert found("off_shift", acts(1, ago=night, requested_by="Officer Smith")) == []


@pytest.mark.clause("A4")
def test_the_own_plate_and_a_colleagues_even_in_vain() -> None:
    own = acts(2, plate="x", vehicle_of="officer", allowed=False)
    colleagues = acts(1, plate="y", ago=2 * HOUR, vehicle_of="deputy", action="hotlist.edit")
    says = "for the plate of a vehicle which the register of staff's vehicles says is"
    assert [finding.sentence for finding in found("staff_plate", own + colleagues + acts(5))] == [
        f"Ann Officer asked 1 time {says} that of the colleague deputy, last on 22 November 2026.",
        f"Ann Officer asked 2 times {says} the person's own, last on 22 November 2026.",
    ]


@pytest.mark.clause("A4")
def test_fishing() -> None:
    assert sentence("no_hit_fishing", acts(19) + acts(1, found=3)) == (
        "Ann Officer made 20 searches within a day up to 22 November 2026, and 19 of them found nothing."
    )
    for harmless in (acts(19), acts(17) + acts(3, found=1), acts(30, apart=2 * HOUR), acts(40, released=True)):
        assert found("no_hit_fishing", harmless) == []


@pytest.mark.clause("A4")
def test_sudden_volume() -> None:
    usual = acts(70, ago=2 * DAY, apart=7 * HOUR)
    assert sentence("sudden_volume", acts(60) + usual).startswith(
        "Ann Officer made 60 searches within a day up to 22 November 2026; in the 28 days before it was about 3 on"
    )
    assert sentence("sudden_volume", acts(60)).endswith("; in the 28 days before it was none at all.")
    busy = [act for day in range(2, 12) for act in acts(15, ago=day * DAY)]
    for harmless in (acts(59), acts(60) + busy):
        assert found("sudden_volume", harmless) == []


@pytest.mark.clause("A4")
@pytest.mark.parametrize("asked_by", ["Dep. Lee, Los Angeles Sheriff", "Sgt Roe (LAPD / Pasadena PD)", "FBI"])
def test_searches_for_other_agencies(asked_by: str) -> None:
    assert sentence("other_agencies", acts(2, requested_by=asked_by, ago=6 * DAY)) == (
        "Ann Officer searched 2 times within seven days for somebody who, by the words given, belongs to another"
        " agency, last on 16 November 2026; no release was approved for it."
    )
    assert found("other_agencies", acts(2, requested_by=asked_by, ago=8 * DAY)) == []


@pytest.mark.clause("A4")
def test_searches_for_the_own_agency_and_under_releases() -> None:
    own = acts(9, requested_by="Officer Smith") + acts(9, requested_by="Officer Lee, Pomona PD")
    assert found("other_agencies", own + acts(24, released=True)) == []
    assert sentence("other_agencies", acts(25, released=True)) == (
        "Ann Officer made 25 searches within seven days for other agencies under approved releases, last on"
        " 22 November 2026."
    )


@pytest.mark.clause("B7")
@pytest.mark.parametrize("name", DEPARTMENTS)
def test_what_each_detector_looks_for_is_said_by_the_settings_in_force(name: str) -> None:
    policy = department(name).section(AuditsPolicy)
    shifts = hours_of_shifts(department(name).section(UsePolicy))
    said = {detector: looked_for.described(detector, policy, shifts) for detector in policy.detectors}
    assert set(said) == set(detectors.BY_NAME)
    assert said["repeat_plate"] == (
        "one person searches the same plate 5 times or more within 30 days, or 10 times when all are for one"
        " matter with a number"
    )
    assert "(day 06:00 to 14:00, swing 14:00 to 22:00, night 22:00 to 06:00)" in said["off_shift"]
    changed = policy.model_copy(update={"repeat_plate_times": 9})
    assert "9 times" in looked_for.described("repeat_plate", changed, shifts)


def test_hours_may_pass_midnight() -> None:
    night = Hours.parse("18:00-06:00")
    minutes = {"18:00": 0, "23:59": 0, "05:59": 0, "06:00": 0, "06:30": 30, "12:00": 360, "17:00": 60}
    assert {text: night.minutes_away(datetime.strptime(text, "%H:%M").time()) for text in minutes} == minutes  # noqa: DTZ007
    for wrong in ("6-18", "06:00", "06:00-25:00", 5):
        with pytest.raises(ValueError, match="must be hours"):
            Hours.parse(wrong)
