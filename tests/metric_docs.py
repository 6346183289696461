"""Writes the generated parts of docs/telemetry.md: metrics and alerts: `python -m tests.metric_docs`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from onlooker.telemetry.meter import BUCKETS_S, NAMESPACE
from schemas.metrics import COUNTERS, GAUGES, HISTOGRAMS, Metric

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "telemetry.md"
ALERTS = REPOSITORY / "docker" / "prometheus" / "alerts.yml"


def metric_tables() -> Iterator[str]:
    """Every metric with its type, labels and meaning, as Markdown."""
    yield from _table("Counters", COUNTERS, "_total")
    yield from _table("Gauges", GAUGES, "")
    yield from _table("Histograms", HISTOGRAMS, "")
    buckets = ", ".join(f"{bucket:g}" for bucket in BUCKETS_S)
    yield f"Buckets of all histograms, s: {buckets}."


def _table(title: str, metrics: Mapping[Any, Metric], suffix: str) -> Iterator[str]:
    yield from (f"### {title}", "", "| metric | labels | meaning |", "|---|---|---|")
    for name, metric in metrics.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
        yield f"| `{NAMESPACE}_{name}{suffix}` | {labels} | {metric.meaning} |"
    yield ""


def alert_table() -> Iterator[str]:
    """Every alert with its meaning, as Markdown."""
    yield from ("| alert | after | severity | meaning and first step |", "|---|---|---|---|")
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            words, severity = rule["annotations"]["description"], rule["labels"]["severity"]
            yield f"| `{rule['alert']}` | {rule.get('for', 'at once')} | {severity} | {words} |"


def page_made_anew(page: str) -> str:
    """The page with its generated parts made anew."""
    for name, lines in (("metrics", metric_tables()), ("alerts", alert_table())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = page.split(begin, 1)
        page = "\n".join([f"{before}{begin}", "", *lines, "", f"{end}{rest.split(end, 1)[1]}"])
    return page


if __name__ == "__main__":
    PAGE.write_text(page_made_anew(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
