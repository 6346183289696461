"""docs/telemetry.md says what the tables say; every metric is used, with its own labels, and no other is."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from onlooker.telemetry.logs import Line
from schemas.metrics import COUNTERS, GAUGES, HISTOGRAMS, CounterName, GaugeName, HistogramName, Metric
from tests.metric_docs import PAGE, REPOSITORY, page_made_anew

TABLES: dict[str, Metric] = {
    str(name): metric for table in (COUNTERS, GAUGES, HISTOGRAMS) for name, metric in table.items()
}
METHODS: dict[str, set[str]] = {"count": {*COUNTERS}, "gauge": {*GAUGES}, "observe": {*HISTOGRAMS}}
WINGS = ("onlooker", "processors", "producers", "sinks")


class Use:
    """One call of a meter in the code."""

    def __init__(self, path: Path, call: ast.Call) -> None:
        assert isinstance(call.func, ast.Attribute)
        self.where = f"{path.relative_to(REPOSITORY)}:{call.lineno}"
        self.method = call.func.attr
        assert isinstance(call.args[0], ast.Constant)
        self.name = str(call.args[0].value)
        self.labels = {word.arg for word in call.keywords if word.arg not in ("amount", "value", None)}
        self.unpacks = any(word.arg is None for word in call.keywords)


def found_uses() -> Iterator[Use]:
    for wing in WINGS:
        for path in sorted((REPOSITORY / wing).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _is_of_a_meter(node):
                    yield Use(path, node)


@functools.cache
def uses() -> tuple[Use, ...]:
    return tuple(found_uses())


def _is_of_a_meter(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in METHODS or not call.args:
        return False
    return "meter" in ast.unparse(call.func.value) and isinstance(call.args[0], ast.Constant)


def test_the_page_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page_made_anew(page) == page, "run python -m tests.metric_docs"


def test_names_and_tables_agree() -> None:
    for names, table in ((CounterName, COUNTERS), (GaugeName, GAUGES), (HistogramName, HISTOGRAMS)):
        assert get_args(names) == tuple(table)


def test_a_name_is_of_one_kind_and_says_its_unit() -> None:
    assert len(TABLES) == len(COUNTERS) + len(GAUGES) + len(HISTOGRAMS)
    assert all(re.fullmatch(r"[a-z][a-z_]*[a-z]", name) for name in TABLES)
    assert all(name.endswith("_seconds") for name in HISTOGRAMS)
    assert not any(name.endswith("_total") for name in COUNTERS)


@pytest.mark.parametrize("name", TABLES)
def test_a_metric_is_used_in_the_code(name: str) -> None:
    assert [use.where for use in uses() if use.name == name]


def test_every_use_is_of_a_metric_with_its_own_labels() -> None:
    for use in uses():
        assert use.name in METHODS[use.method], f"{use.where}: {use.method} of {use.name}"
        labels = set(TABLES[use.name].labels)
        fits = use.labels <= labels if use.unpacks else use.labels == labels
        assert fits, f"{use.where}: {use.name} has the labels {sorted(labels)}, not {sorted(use.labels)}"


def told_causes() -> Iterator[str]:
    """The words that stand in the code as the cause of an UndecodableError or of something ignored."""
    for path in (p for wing in ("schemas", *WINGS) for p in (REPOSITORY / wing).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "UndecodableError" and node.args:
                yield from _words(node.args[0])
            if (
                isinstance(node, ast.Call)
                and _is_of_a_meter(node)
                and "messages_ignored" in ast.unparse(node)
            ):
                yield from (w for word in node.keywords if word.arg == "cause" for w in _words(word.value))


def _words(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant):
        yield str(value.value)


def test_the_page_explains_every_cause() -> None:
    causes = set(told_causes())
    assert {"truncated", "refused", "expired"} <= causes
    part = PAGE.read_text(encoding="utf-8").split("## Logs")[0]
    assert causes <= set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))


def test_no_label_names_a_person() -> None:
    allowed = {
        "stand_id",
        "camera_id",
        "cause",
        "topic",
        "partition",
        "dependency",
        "table",
        "stage",
        "change",
        "direction",
    }
    assert {label for metric in TABLES.values() for label in metric.labels} <= allowed


def test_the_page_knows_the_fields_of_a_line_of_the_log() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8").split("## Logs")[1], re.MULTILINE)
    assert rows[: len(Line.__struct_fields__)] == list(Line.__struct_fields__)
