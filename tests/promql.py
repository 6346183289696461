"""Reads out of a PromQL expression which metrics and labels it speaks of, and says which do not exist."""

import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry

from onlooker.telemetry.meter import PrometheusMeter
from schemas.metrics import COUNTERS, GAUGES, HISTOGRAMS

OF_PROMETHEUS = frozenset({"job", "instance"})
WORDS = frozenset({"and", "or", "unless", "bool", "offset", "on", "by", "without", "ignoring", "inf", "nan"})
FUNCTIONS = frozenset(
    {"sum", "max", "min", "avg", "count", "rate", "increase", "deriv", "histogram_quantile", "vector"}
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_DURATION = re.compile(r"\[[^\]]*\]|\b\d+(?:ms|[smhdwy])\b")


def known_series() -> dict[str, frozenset[str]]:
    """The labels of every series that a service shows, by name."""
    known: dict[str, frozenset[str]] = {"up": frozenset()}
    for counter, metric in COUNTERS.items():
        known[f"onlooker_{counter}_total"] = frozenset(metric.labels)
    for gauge, metric in GAUGES.items():
        known[f"onlooker_{gauge}"] = frozenset(metric.labels)
    for histogram, metric in HISTOGRAMS.items():
        known[f"onlooker_{histogram}_bucket"] = frozenset({*metric.labels, "le"})
        known[f"onlooker_{histogram}_sum"] = known[f"onlooker_{histogram}_count"] = frozenset(metric.labels)
    return {**known, **_of_the_process(PrometheusMeter().registry)}


def _of_the_process(registry: CollectorRegistry) -> dict[str, frozenset[str]]:
    samples = [sample for family in registry.collect() for sample in family.samples]
    return {
        sample.name: frozenset(sample.labels) for sample in samples if not sample.name.startswith("onlooker_")
    }


def complaints(expression: str, known: dict[str, frozenset[str]]) -> Iterator[str]:
    """What an expression asks for that does not exist; empty when all is there."""
    text = _STRING.sub('""', expression)
    grouped = {label.strip() for found in _GROUPING.findall(text) for label in found.split(",")} - {""}
    rest = _DURATION.sub("", _GROUPING.sub("", text))
    asked: set[str] = set()
    for name, matchers in _selectors(rest):
        if name not in known:
            yield f"there is no metric {name}"
            continue
        asked |= known[name]
        wrong = set(_labels(matchers)) - known[name] - OF_PROMETHEUS
        yield from (f"{name} has no label {label}" for label in sorted(wrong))
    yield from (f"nothing here has a label {label}" for label in sorted(grouped - asked - OF_PROMETHEUS))
    if text.count("(") != text.count(")") or text.count("{") != text.count("}"):
        yield "brackets do not match"


def _selectors(text: str) -> Iterator[tuple[str, str]]:
    for found in _SELECTOR.finditer(text):
        name, after = found[1], text[found.end() :].lstrip()
        if name in WORDS or (after.startswith("(") and name in FUNCTIONS):
            continue
        yield name, found[2] or ""


def _labels(matchers: str) -> Iterator[str]:
    for matcher in filter(None, (part.strip() for part in matchers.split(","))):
        yield re.split(r"[=!~]", matcher, maxsplit=1)[0].strip()
