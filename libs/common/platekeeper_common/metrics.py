"""Figures for those who keep the platform running (Prometheus), under labels that can hold no plate.

An `Instrument` declares a figure and what each of its labels may say: a closed set, or words of our own code of a
given form. Anything else becomes `other`, so neither a plate nor a token gets into a label, nor can callers make series
without end. What happens is counted as it happens (`Meter`); what stands, such as a depth or an age, is read when
somebody asks (`Readings`). Every series says its `service`. Nothing is global: each standing process has its own.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
CODE = re.compile(r"[a-z]{2,}(_[a-z0-9]+)*")
"""A stable code, as the family of errors has them."""
CLAUSE = re.compile(r"[A-J][0-9]{1,2}|none")
NAME = re.compile(r"[a-z]+([ ._-][a-z]+)*")
"""What the code calls a service, a consumer group, a topic or a part."""
FLAG = ("true", "false")
MOST_SERIES = 2_000
"""That one service counts; in those beyond, every label says `other`."""

# The moment at which each counter was made: a line more for each series, and nobody asks.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

Allowed = Collection[str] | re.Pattern[str]


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """A figure: its kind, its name by the conventions of Prometheus, what it means, what its labels may say."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    meaning: str
    labels: Mapping[str, Allowed] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    """Upper bounds, of a histogram."""

    def values(self, given: Mapping[str, str]) -> tuple[str, ...]:
        """The labels' values in order, `other` for what a label may not say. Raises KeyError for a missing label."""
        return tuple(given[name] if _may_say(allowed, given[name]) else OTHER for name, allowed in self.labels.items())


_Read = dict[Instrument, dict[tuple[str, ...], float]]


def counter(name: str, meaning: str, **labels: Allowed) -> Instrument:
    """Something that only grows while the process lives; `name` without `_total`."""
    return Instrument("counter", name, meaning, labels)


def gauge(name: str, meaning: str, **labels: Allowed) -> Instrument:
    """How things stand at the moment of asking."""
    return Instrument("gauge", name, meaning, labels)


def histogram(name: str, meaning: str, buckets: Sequence[float], **labels: Allowed) -> Instrument:
    """How long things took, in seconds."""
    return Instrument("histogram", name, meaning, labels, tuple(buckets))


class Meters:
    """What one process has counted since it stands, in a registry of its own."""

    def __init__(self) -> None:
        """Nothing but the process's own memory, time and files."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._families: dict[str, Any] = {}
        self._of: dict[str, Meter] = {}

    def of(self, service: str) -> "Meter":
        """What counts for a service."""
        if service not in self._of:
            self._of[service] = Meter(self, service)
        return self._of[service]

    def family(self, what: Instrument) -> Any:
        """The registry's own object for the instrument. Raises ValueError for two instruments of one name."""
        if what.name not in self._families:
            labels = ("service", *what.labels)
            if what.kind == "histogram":
                made: Any = Histogram(what.name, what.meaning, labels, buckets=what.buckets, registry=self.registry)
            else:
                made = Counter(what.name, what.meaning, labels, registry=self.registry)
            self._families[what.name] = made
        return self._families[what.name]


class Meter:
    """Counts for one service."""

    def __init__(self, meters: Meters, service: str) -> None:
        """Use `Meters.of`."""
        self.service = service
        self._meters = meters
        self._series: dict[tuple[Instrument, tuple[str, ...]], Any] = {}

    def declare(self, *counted: Instrument) -> None:
        """Begin at 0, so that the first of its kind is seen as an increase; where all labels are closed sets."""
        for what in counted:
            sets = [allowed for allowed in what.labels.values() if not isinstance(allowed, re.Pattern)]
            if len(sets) == len(what.labels):
                for values in itertools.product(*sets):
                    self._child(what, values)

    def count(self, what: Instrument, by: float = 1, **labels: str) -> None:
        """So many more."""
        self._child(what, what.values(labels)).inc(by)

    def time(self, what: Instrument, seconds: float, **labels: str) -> None:
        """One more that took so long."""
        self._child(what, what.values(labels)).observe(seconds)

    def _child(self, what: Instrument, values: tuple[str, ...]) -> Any:
        child = self._series.get((what, values))
        if child is None:
            if len(self._series) >= MOST_SERIES:
                values = (OTHER,) * len(values)
            child = self._series[what, values] = self._meters.family(what).labels(self.service, *values)
        return child


class Readings:
    """What is read when somebody asks; forgotten once it is told."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self._read: _Read = {}

    def of(self, service: str) -> "Say":
        """What takes a service's readings."""
        return Say(self._read, service)

    def told(self, meters: Meters) -> bytes:
        """Everything counted and read, as Prometheus' text."""
        return prometheus_client.generate_latest(_Both(meters.registry, self._read))


@dataclass(frozen=True, slots=True)
class Say:
    """Takes a service's readings, as `say(instrument, value, **labels)`."""

    read: _Read
    service: str

    def __call__(self, what: Instrument, value: float, **labels: str) -> None:
        """It stands so: a gauge's value, or what a counter that is kept elsewhere has come to. Equal labels add up."""
        series = self.read.setdefault(what, {})
        key = (self.service, *what.values(labels))
        series[key] = series.get(key, 0) + value


@dataclass(frozen=True, slots=True)
class _Both(prometheus_client.registry.Collector):
    registry: CollectorRegistry
    read: _Read

    def collect(self) -> Iterator[Metric]:
        yield from self.registry.collect()
        for what, series in self.read.items():
            made = CounterMetricFamily if what.kind == "counter" else GaugeMetricFamily
            family = made(what.name, what.meaning, labels=("service", *what.labels))
            for values, value in series.items():
                family.add_metric(values, value)
            yield family


def _may_say(allowed: Allowed, value: str) -> bool:
    return allowed.fullmatch(value) is not None if isinstance(allowed, re.Pattern) else value in allowed
