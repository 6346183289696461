"""The other verbs as a person meets them: demo, config, doctor, bench, help."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from onlooker.cli.root import VERBS
from tests.e2e.command import onlooker


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.clickhouse
def test_the_demo_ends_with_figures_and_what_to_try_next(
    model_paths: Mapping[str, Path], tmp_path: Path
) -> None:
    assert model_paths
    ended = onlooker("demo", "--data-dir", tmp_path / "demo")
    assert ended.code == 0, ended.err
    for words in ("spring-coats", "fresh-coffee", "coat-in-rain", "onlooker report", "onlooker query"):
        assert words in ended.out
    assert len(re.findall(r"Recognised at \d\d:\d\d:\d\d: loyal-customer at food-court", ended.out)) == 3
    assert "loyal-customer at entrance" not in ended.out
    page = tmp_path / "demo" / "report.html"
    assert str(page) in ended.out.replace("\n", "")
    assert "spring-coats" in page.read_text(encoding="utf-8")
    again = onlooker("demo", "--data-dir", tmp_path / "demo")
    assert figures(again.out) == figures(ended.out), "a second demo shows the same figures"


def figures(out: str) -> str:
    """The campaign table of a demo's output."""
    return out[out.index("Campaigns") : out.index("The report as a page")]


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_teaches_itself(verb: str) -> None:
    ended = onlooker(verb, "--help")
    assert ended.code == 0, ended.err
    assert len(ended.out) > 200


def test_help_lists_every_verb() -> None:
    out = onlooker("--help").out
    assert all(verb in out for verb in VERBS)


def test_an_unknown_verb_is_a_usage_error() -> None:
    ended = onlooker("looker")
    assert ended.code == 2
    assert "looker" in ended.err


def test_the_shown_configuration_can_be_checked(tmp_path: Path) -> None:
    shown = onlooker("config", "show")
    assert shown.code == 0, shown.err
    (tmp_path / "shop.yaml").write_text(shown.out, encoding="utf-8")
    checked = onlooker("config", "check", tmp_path / "shop.yaml")
    assert checked.code == 0, checked.err
    assert "0 stands" in checked.out


def test_a_configuration_with_a_missing_source_does_not_pass(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text("stands: [{stand_id: a, cameras: [{source: nowhere.mp4}]}]", encoding="utf-8")
    ended = onlooker("config", "check", config)
    assert ended.code == 2
    assert "nowhere.mp4" in ended.err


@pytest.mark.models
@pytest.mark.clickhouse
def test_the_doctor_finds_this_machine_well(model_paths: Mapping[str, Path]) -> None:
    assert model_paths
    ended = onlooker("doctor", "--json")
    assert ended.code == 0, ended.out
    assert {finding["check"] for finding in ended.json()} >= {"models", "networks", "video", "ClickHouse"}


def test_the_doctor_names_what_is_missing(tmp_path: Path) -> None:
    ended = onlooker("doctor", "--json", environment={"ONLOOKER_CACHE": str(tmp_path)})
    assert ended.code == 1
    bad = {finding["check"]: finding["words"] for finding in ended.json() if not finding["good"]}
    assert set(bad) == {"models", "networks"}
    assert "onlooker models prepare" in bad["models"]


@pytest.mark.slow
@pytest.mark.models
def test_the_benchmark_stands_next_to_its_floor(model_paths: Mapping[str, Path]) -> None:
    assert model_paths
    found = onlooker("bench", "perception", "--repeat", "1", "--json").json()
    assert found["frames"] == 472
    assert 0 < found["floor_ms_per_frame"] < found["ms_per_frame"]
    spent = sum(stage["ms_per_frame"] for stage in found["stages"].values())
    assert spent + found["rest_ms_per_frame"] == pytest.approx(found["ms_per_frame"], abs=0.1)


@pytest.mark.models
def test_a_benchmark_of_nothing_is_refused(model_paths: Mapping[str, Path], tmp_path: Path) -> None:
    assert model_paths
    (tmp_path / "notes.txt").write_text("no video", encoding="utf-8")
    ended = onlooker("bench", "perception", tmp_path / "notes.txt")
    assert ended.code == 3
    assert "notes.txt" in ended.err
