"""The dashboard and the alerts ask only for metrics that exist, with labels that exist."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.metric_docs import ALERTS, REPOSITORY
from tests.promql import complaints, known_series

DASHBOARD = REPOSITORY / "docker" / "grafana" / "dashboards" / "onlooker.json"
KNOWN = known_series()


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return read


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def questions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("expression", questions())
def test_a_panel_asks_for_what_exists(expression: str) -> None:
    assert list(complaints(expression, KNOWN)) == []


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_exists(rule: dict[str, Any]) -> None:
    assert list(complaints(rule["expr"], KNOWN)) == []
    assert rule["labels"]["severity"] in ("warning", "critical")
    used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert used <= {"job", "instance"} | set(re.findall(r"\w+", rule["expr"])) | labels_of(rule["expr"])


def labels_of(expression: str) -> set[str]:
    return {label for name in re.findall(r"[\w:]+", expression) for label in KNOWN.get(name, ())}


def variables() -> Iterator[tuple[str, str]]:
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
            assert found is not None
            yield found[1], found[2]


def test_the_variables_ask_for_what_exists() -> None:
    for metric, label in variables():
        assert label in KNOWN[metric] | {"job", "instance"}


def test_the_source_is_a_variable() -> None:
    assert {variable["name"]: variable["type"] for variable in dashboard()["templating"]["list"]}[
        "datasource"
    ] == "datasource"
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_every_variable_that_is_used_exists() -> None:
    names = {variable["name"] for variable in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", DASHBOARD.read_text(encoding="utf-8")))
    assert {name for name in used if not name.startswith("__")} <= names


def test_panels_have_ids_of_their_own_a_description_and_a_place_of_their_own() -> None:
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["description"]
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_what_an_operator_needs_is_on_it() -> None:
    asked = " ".join(questions())
    for name in (
        "frames_captured",
        "frames_dropped",
        "consumer_lag",
        "latency_seconds",
        "row_latency_seconds",
        "dead_letters",
        "rows_written",
        "checkpoints_written",
        "dependency_away",
        "camera_streaming",
    ):
        assert f"onlooker_{name}" in asked


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("rate(onlooker_rows_writen_total[5m])", "no metric onlooker_rows_writen_total"),
        ('sum(onlooker_consumer_lag{topik="x"})', "no label topik"),
        ("sum by (table) (onlooker_consumer_lag)", "has a label table"),
        ("sum(onlooker_consumer_lag", "brackets"),
        ("summ(onlooker_consumer_lag)", "no metric summ"),
        ("histogram_quantile(0.5, sum by (le) (rate(onlooker_latency_seconds[5m])))", "latency_seconds"),
    ],
)
def test_a_wrong_expression_is_noticed(expression: str, words: str) -> None:
    assert any(words in complaint for complaint in complaints(expression, KNOWN))
