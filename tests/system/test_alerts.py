"""deploy/alerts.yml names what the code tells, and rings when it should: Prometheus' own promtool plays the minutes."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from standing import town

from platekeeper import metrics
from platekeeper.registry import NAMES, SERVICES
from platekeeper.stack import promtool
from platekeeper_common.metrics import OTHER, Instrument

RULES = Path(__file__).parents[2] / "deploy" / "alerts.yml"
FIGURE = re.compile(r"(platekeeper_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPED = re.compile(r"\b(?:by|on|without|ignoring) \(([^)]*)\)")
ABSENT = re.compile(r"absent\(platekeeper_part_ready\{([^}]*)\}\)")
MINUTES, BROKEN = 30, 5
"""How long is played, and from which minute something is wrong."""
LAGS = tuple(
    f'platekeeper_consumer_lag_seconds{{group="hotlist",partition="{number}",service="hotlist",topic="plates.read"}}'
    for number in range(2)
)
"""Of partitions that have had reads; a town that nobody drives through tells none."""
Series = dict[str, str]
World = tuple[Series, dict[str, list[dict[str, str]]]]
"""What is scraped, and which alerts ring, with the labels of each."""


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def declared() -> dict[str, Instrument]:
    """Every figure of the code by the name that Prometheus sees."""
    ours = [module for name, module in sys.modules.items() if name.partition(".")[0].startswith("platekeeper")]
    instruments = {one for module in ours for one in vars(module).values() if isinstance(one, Instrument)}
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
    return {f"{one.name}{ending}": one for one in instruments for ending in endings[one.kind]}


def wrong(expression: str, known: dict[str, Instrument]) -> Iterator[str]:
    """What the expression names otherwise than the code does."""
    labels = {"service"}
    for name, matchers in FIGURE.findall(expression):
        if name not in known:
            yield f"no figure {name}"
            continue
        labels |= set(known[name].labels)
        for label, _, told in MATCHER.findall(matchers):
            allowed = NAMES if label == "service" else known[name].labels.get(label)
            if allowed is None:
                yield f"{name} has no label {label}"
                continue
            for value in told.split("|"):
                fits = allowed.fullmatch(value) if isinstance(allowed, re.Pattern) else value in allowed
                if not fits or value == OTHER:
                    yield f"{name} never says {label}={value}"
    for words in GROUPED.findall(expression):
        yield from (f"nothing has a label {one}" for one in words.split(", ") if one not in labels)


def test_every_figure_and_label_is_one_that_the_code_tells() -> None:
    known = declared()
    assert [f"{rule['alert']}: {one}" for rule in rules() for one in wrong(rule["expr"], known)] == []
    for expression, told in (
        ("platekeeper_part_redy == 0", "no figure platekeeper_part_redy"),
        ('absent(platekeeper_part_ready{group="hotlist"})', "platekeeper_part_ready has no label group"),
        ('absent(platekeeper_part_ready{service="hotlst"})', "platekeeper_part_ready never says service=hotlst"),
        ("max by (part) (platekeeper_policies_unsigned)", "nothing has a label part"),
    ):
        assert list(wrong(expression, known)) == [told]


def test_every_runbook_is_there() -> None:
    books = [rule["annotations"]["runbook"] for rule in rules() if "annotations" in rule]
    assert books
    assert [book for book in books if not (RULES.parents[1] / book).is_file()] == []


def test_whatever_only_a_worker_does_rings_when_nobody_does_it() -> None:
    watched = [dict(pairs) for pairs in map(_equal, ABSENT.findall(RULES.read_text()))]
    consumers = [(one.name, f"consume {c.group}") for one in SERVICES for c in one.consumes]
    jobs = [(one.name, job.name) for one in SERVICES for job in one.jobs]
    assert sorted((one["service"], one["part"]) for one in watched) == sorted(consumers + jobs)
    services = re.findall(r'absent\(platekeeper_figures_unread\{service="(\w+)"\}\)', RULES.read_text())
    assert sorted(services) == sorted(NAMES)


def _equal(matchers: str) -> Iterable[tuple[str, str]]:
    return [(label, value) for label, _, value in MATCHER.findall(matchers)]


@pytest.fixture
async def well(tmp_path: Path) -> Series:
    """The series of a platform on which all is well, as a scrape reads them; each with the value of every minute."""
    async with town(tmp_path / "var", SERVICES) as here:
        transport = httpx.ASGITransport(app=metrics.door(here.standing))
        async with httpx.AsyncClient(transport=transport, base_url="http://operators") as client:
            text = (await client.get("/metrics")).text
    named = {name for name, _ in FIGURE.findall(RULES.read_text())}
    found = dict.fromkeys(LAGS, f"0x{MINUTES}") | {'up{job="platekeeper"}': f"1x{MINUTES}"}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            if sample.name in named:
                found[f"{sample.name}{{{labels}}}"] = f"{sample.value:g}x{MINUTES}"
    return found


def without(series: Series, word: str) -> Series:
    """From the minute BROKEN on nobody tells these."""
    return {name: f"{told.split('x')[0]}x{BROKEN} stale" if word in name else told for name, told in series.items()}


def instead(series: Series, name: str, value: float) -> Series:
    """From the minute BROKEN on these say another value."""
    changed = {one: told.split("x")[0] for one, told in series.items() if one.startswith(name)}
    assert changed, name
    return series | {one: f"{told}x{BROKEN} {value:g}x{MINUTES}" for one, told in changed.items()}


def played(worlds: Iterable[World], folder: Path) -> str:
    """What promtool says of worlds and of the alerts, by name, that ring at their end."""
    tests = []
    for series, ringing in worlds:
        expected = []
        for rule in rules():
            alerts = [
                {"exp_labels": labels, "exp_annotations": rule.get("annotations", {})}
                for labels in ringing.get(rule["alert"], [])
            ]
            expected.append({"eval_time": f"{MINUTES}m", "alertname": rule["alert"], "exp_alerts": alerts})
        told = [{"series": name, "values": values} for name, values in series.items()]
        tests.append({"interval": "1m", "input_series": told, "alert_rule_test": expected})
    file = folder / "worlds.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    command = [str(promtool.install()), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - rules of ours
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_what_is_well_is_quiet_and_what_is_gone_rings(well: Series, tmp_path: Path) -> None:
    matching, storing = (
        {"service": service, "part": f"consume {group}"}
        for service, group in (("hotlist", "hotlist"), ("retention", "retention"))
    )
    confirming = {"service": "hotlist", "part": "confirm hot lists"}
    corrections = {"service": "hotlist", "part": "consume hotlist-corrections"}
    worker = without(without(without(well, "consume hotlist"), "confirm hot lists"), 'group="hotlist')
    worlds: list[World] = [
        (well, {}),
        (worker, {"ConsumerGone": [matching, corrections], "JobGone": [confirming]}),
        (without(well, 'part="consume retention"'), {"ConsumerGone": [storing]}),
        (without(well, 'platekeeper_figures_unread{service="release"'), {"ServiceGone": [{"service": "release"}]}),
        (instead(well, "up{", 0), {"ProcessDown": [{"job": "platekeeper"}]}),
        (instead(well, LAGS[0], 60), {"HitsLate": [{}]}),
        (instead(well, 'platekeeper_baseline_drift{service="ledger"', 1), {"BaselineDrifted": [{"service": "ledger"}]}),
        (instead(well, "platekeeper_audit_checkpoint_age_seconds", 200), {"PlateDataAboutToBeRefused": [{}]}),
    ]
    assert played(worlds, tmp_path) == ""
    assert "alertname: ConsumerGone" in played([(worker, {})], tmp_path), "promtool says it when they differ"
