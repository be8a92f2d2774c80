"""Instruments: labels say what they may, and each standing process counts for itself."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from platekeeper_common.metrics import CODE, FLAG, MOST_SERIES, Meters, Readings, counter, gauge, histogram

HITS = counter("platekeeper_test_hits", "Hits.", kind=("exact", "look_alike"), late=FLAG)
CODES = counter("platekeeper_test_codes", "By code.", code=CODE)
DEPTH = gauge("platekeeper_test_depth", "How deep.", topic=("plates.read",))
SECONDS = histogram("platekeeper_test_seconds", "How long.", (0.1, 1))


def told(meters: Meters, readings: Readings | None = None) -> dict[tuple[str, ...], float]:
    """Every sample of ours by name and label values."""
    text = (readings or Readings()).told(meters).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for s in samples if "_test_" in s.name}


def test_a_declared_counter_begins_at_nought_for_every_label() -> None:
    meters = Meters()
    meters.of("hotlist").declare(HITS, CODES, SECONDS)
    assert {key for key in told(meters) if key[0] == "platekeeper_test_hits_total"} == {
        ("platekeeper_test_hits_total", kind, late, "hotlist") for kind in ("exact", "look_alike") for late in FLAG
    }
    assert told(meters)["platekeeper_test_seconds_count", "hotlist"] == 0
    assert not any(key[0] == "platekeeper_test_codes_total" for key in told(meters))


@pytest.mark.parametrize("plate", ["7ABC123", "7abc-123", "ABCDEFG", "8 KRT 552"])
def test_a_plate_in_a_label_becomes_other(plate: str) -> None:
    meters, readings = Meters(), Readings()
    meters.of("hotlist").count(HITS, kind=plate, late=plate)
    meters.of("hotlist").count(CODES, code=plate)
    readings.of("ingest")(DEPTH, 3, topic=plate)
    assert told(meters, readings) == {
        ("platekeeper_test_hits_total", "other", "other", "hotlist"): 1,
        ("platekeeper_test_codes_total", "other", "hotlist"): 1,
        ("platekeeper_test_depth", "ingest", "other"): 3,
    }
    assert plate.encode() not in readings.told(meters)


def test_readings_that_come_to_the_same_labels_are_one_series() -> None:
    meters, readings = Meters(), Readings()
    for number, topic in enumerate(("7ABC123", "8DEF456", "plates.read")):
        readings.of("ingest")(DEPTH, number + 1, topic=topic)
    assert told(meters, readings) == {
        ("platekeeper_test_depth", "ingest", "other"): 3,
        ("platekeeper_test_depth", "ingest", "plates.read"): 3,
    }


def test_words_without_end_become_other() -> None:
    meters = Meters()
    word = counter("platekeeper_test_words", "Words.", word=re.compile("[a-z0-9]+"))
    for number in range(MOST_SERIES + 10):
        meters.of("ingest").count(word, word=f"w{number}")
    assert told(meters)["platekeeper_test_words_total", "ingest", "other"] == 10
    assert len(told(meters)) == MOST_SERIES + 1


def test_two_standing_processes_count_for_themselves() -> None:
    one, other = Meters(), Meters()
    one.of("hotlist").count(HITS, kind="exact", late="false")
    other.of("hotlist").count(HITS, 2, kind="exact", late="false")
    one.of("retention").count(HITS, 3, kind="exact", late="false")
    hits = ("platekeeper_test_hits_total", "exact", "false")
    assert (told(one)[*hits, "hotlist"], told(one)[*hits, "retention"], told(other)[*hits, "hotlist"]) == (1, 3, 2)


def test_a_label_that_is_missing_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        Meters().of("hotlist").count(HITS, kind="exact")
