"""`config show`: what is in force, where it comes from, no secret, and again a configuration."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from onlooker.cli.config import config
from onlooker.settings.configuration import Settings, load_settings, without_secrets
from onlooker.settings.origins import Shown, as_yaml

SHOP = """
data_dir: kept
stands:
  - stand_id: "door:1"
    cameras: [{source: "rtsp://user:sesame@camera/1", start_at: 2026-03-02T10:00:00Z}]
    playlist:
      slots: [{campaign_id: spring, creative_id: "ünï:1", duration_s: 5}]
kafka: {security: SASL_SSL, username: sink, password_file: secrets/kafka, prefix: store-17}
clickhouse: {url: "clickhouse://sink:sesame@file:9440/onlooker?secure=1", password: null, ca_file: ca.pem}
models: {}
"""
ENVIRON = {
    "ONLOOKER_CLICKHOUSE_URL": "clickhouse://sink:sesame@environment:9440/onlooker?secure=1",
    "ONLOOKER_CLICKHOUSE_PASSWORD": "sesame",
    "ONLOOKER_REGISTRY_PASSWORD_FILE": "/nowhere/sesame-file",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")
    return Path("shop.yaml")


def show(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> str:
    result = CliRunner().invoke(config, ["show", *map(str, arguments)], env=dict(environ or {}))
    assert result.exit_code == 0, result.output
    return result.stdout


def remarks(text: str) -> dict[str, str]:
    """The remark of each line that has one, by the name of its setting."""
    found = re.findall(r"^[ -]*(\w+): .*?  # (.*)$", text, re.MULTILINE)
    return dict(found)


def plain(settings: Settings) -> Any:
    return json.loads(msgspec.json.encode(without_secrets(settings), enc_hook=str))


def test_defaults_have_no_remark_and_everything_else_says_where_it_comes_from(shop: Path) -> None:
    assert "#" not in show()
    found = remarks(show("--config", shop, environ=ENVIRON))
    assert found == {
        "data_dir": "from shop.yaml",
        "stand_id": "from shop.yaml",
        "source": "from shop.yaml, its secrets are not shown",
        "start_at": "from shop.yaml",
        "campaign_id": "from shop.yaml",
        "creative_id": "from shop.yaml",
        "duration_s": "from shop.yaml",
        "security": "from shop.yaml",
        "username": "from shop.yaml",
        "prefix": "from shop.yaml",
        "password_file": "from shop.yaml",
        "ca_file": "from shop.yaml",
        "models": "from shop.yaml",
        "url": "from ONLOOKER_CLICKHOUSE_URL, its secrets are not shown",
        "password": "set, not shown: from ONLOOKER_REGISTRY_PASSWORD_FILE",
    }
    passwords = re.findall(
        r"  password: null  # set, not shown: from (.*)", show("--config", shop, environ=ENVIRON)
    )
    assert passwords == [
        "ONLOOKER_CLICKHOUSE_PASSWORD",
        "kafka.password_file",
        "ONLOOKER_REGISTRY_PASSWORD_FILE",
    ]


@pytest.mark.parametrize("environ", [{}, ENVIRON], ids=["file", "environment"])
def test_what_is_shown_with_remarks_is_the_same_configuration(
    shop: Path, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    text = show("--config", shop, environ=environ)
    (tmp_path / "again.yaml").write_text(text, encoding="utf-8")
    again, first = load_settings(tmp_path / "again.yaml"), load_settings(shop)
    if environ:
        assert again.clickhouse.url == "clickhouse://***@environment:9440/onlooker?secure=1"
        first = msgspec.structs.replace(
            first,
            clickhouse=msgspec.structs.replace(first.clickhouse, url=environ["ONLOOKER_CLICKHOUSE_URL"]),
        )
    assert plain(again) == plain(first)
    assert yaml.safe_load(text) == json.loads(show("--config", shop, "--json", environ=environ))


def test_json_keeps_its_shape_and_has_the_origins_when_they_are_asked_for(shop: Path) -> None:
    shape = json.loads(show("--config", shop, "--json"))
    assert list(shape) == [field.name for field in msgspec.structs.fields(Settings)]
    assert shape == plain(load_settings(shop))
    both = json.loads(show("--config", shop, "--json", "--origins", environ=ENVIRON))
    assert set(both) == {"settings", "origins"}
    assert both["settings"]["clickhouse"]["url"].endswith("@environment:9440/onlooker?secure=1")
    origins = both["origins"]
    assert origins["clickhouse.url"] == "ONLOOKER_CLICKHOUSE_URL"
    assert origins["clickhouse.ca_file"] == "shop.yaml"
    assert origins["clickhouse.password"] == "ONLOOKER_CLICKHOUSE_PASSWORD"
    assert origins["kafka.password"] == "kafka.password_file"
    assert origins["stands[0].cameras[0].source"] == "shop.yaml"
    assert "kafka.bootstrap" not in origins
    assert json.loads(show("--json", "--origins"))["origins"] == {}


def test_origins_without_json_are_refused_in_a_sentence() -> None:
    result = CliRunner().invoke(config, ["show", "--origins"])
    assert result.exit_code == 2
    assert "--origins is for --json" in result.output


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--json", "--origins")])
def test_no_secret_is_ever_shown(shop: Path, arguments: tuple[str, ...]) -> None:
    text = show("--config", shop, *arguments, environ=ENVIRON)
    assert "sesame" not in text
    assert "environment:9440" in text


@given(st.text(), st.text(min_size=1), st.lists(st.text(), max_size=2))
def test_a_remark_never_changes_what_yaml_says(value: str, origin: str, names: list[str]) -> None:
    settings = {"data_dir": value, "stands": [{"cameras": names}], "kafka": {"prefix": value}}
    paths = ["data_dir", "stands[0].cameras", *(f"stands[0].cameras[{i}]" for i in range(2)), "kafka.prefix"]
    with_remarks, without = (
        Shown(settings=settings, origins=dict.fromkeys(said, origin)) for said in (paths, [])
    )
    assert yaml.safe_load(as_yaml(with_remarks)) == yaml.safe_load(as_yaml(without))
