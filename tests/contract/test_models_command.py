"""`onlooker models`: what programs and people get from it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onlooker.cli.models import models
from onlooker.models.recipes import RECIPES
from onlooker.models.registry import load_registry
from schemas.errors import CheckFailedError


def called(*words: str, cache: Path) -> Result:
    return CliRunner().invoke(models, words, env={"ONLOOKER_CACHE": str(cache)})


def test_list_json_names_licence_origin_and_state_of_everything(tmp_path: Path) -> None:
    answer = json.loads(called("list", "--json", cache=tmp_path).stdout)
    assert answer["cache"] == str(tmp_path)
    assert {entry["stage"] for entry in answer["entries"]} == {*load_registry().stages, "sample"}
    for entry in answer["entries"]:
        assert entry["licence"]
        assert entry["origin"]
        assert entry["version"]
        assert entry["prepared"] is False


def test_list_shows_every_stage_and_licence(tmp_path: Path) -> None:
    shown = called("list", "--no-samples", cache=tmp_path).stdout
    for words in (*load_registry().stages, "MIT", "Apache-2.0", "CC0-1.0"):
        assert words in shown
    assert "sample" not in shown


def test_verify_fails_on_an_empty_cache(tmp_path: Path) -> None:
    result = called("verify", cache=tmp_path)
    assert isinstance(result.exception, CheckFailedError)
    assert "detection: missing" in result.stdout
    assert "onlooker models prepare" in str(result.exception)


def test_prepare_refuses_an_unknown_stage_before_any_download(tmp_path: Path) -> None:
    result = called("prepare", "--stage", "nose", cache=tmp_path)
    assert "there is no such stage" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_convert_names_every_recipe_whole(tmp_path: Path) -> None:
    shown = called("convert", "--help", cache=tmp_path).stdout
    assert [recipe for recipe in RECIPES if recipe not in shown] == []


@pytest.mark.models
def test_prepare_and_verify_are_offline_once_prepared(
    model_paths: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = model_paths["age"].parent.parent
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert json.loads(called("prepare", "--json", cache=cache).stdout)["prepared"] == []
    findings = json.loads(called("verify", "--json", cache=cache).stdout)["findings"]
    assert {f["state"] for f in findings} == {"right"}
