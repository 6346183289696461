"""`onlooker schemas`: what it lists, and that it says no when a schema takes something away."""

import json
import shutil
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from onlooker.cli import schemas as command
from schemas.errors import DependencyAwayError
from schemas.events import Play
from schemas.topics import TopicNames
from schemas.wire.avsc import EVENTS, FOLDER, file_name, record_name, schema_text
from schemas.wire.registry import FileRegistry
from schemas.wire.releases import compare_registered, compare_released


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.schemas, arguments)


def copied(folder: Path, **files: str) -> FileRegistry:
    """The schemas in a folder of their own, some with another text."""
    shutil.copytree(FOLDER, folder / "avro")
    for name, text in files.items():
        (folder / "avro" / f"{name}.avsc").write_text(text)
    return FileRegistry(folder / "avro")


def changed(change: Any) -> str:
    schema = json.loads(schema_text(Play))
    change(schema["fields"])
    return json.dumps(schema)


def test_every_schema_is_listed_with_its_id_and_topic() -> None:
    result = run("list", "--prefix", "mall-7")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["subject", "id", "version", "digest", "topic"]
    plays = next(line for line in lines if line[4] == "mall-7.plays.v1")
    assert plays[:3] == ["mall-7.plays.v1-onlooker.v1.Play", "4", "1"]
    assert len(lines) == 1 + len(EVENTS) + 1, "StreamEnded is on two topics"
    ids = [line["id"] for line in json.loads(run("list", "--json").stdout)]
    assert ids[:8] == [1, 2, 3, 3, 4, 5, 6, 7]
    assert ids[8:] == [pin.id for pin in FileRegistry().pins if pin.id > 7]


def test_the_released_schemas_are_compatible() -> None:
    result = run("check", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["compatible"] is True
    assert f"All {len(FileRegistry().pins)} versions" in run("check").stdout


def test_a_field_taken_away_is_named_and_the_exit_code_is_1(tmp_path: Path, monkeypatch: Any) -> None:
    files = copied(tmp_path, play=changed(lambda fields: fields.pop()))
    monkeypatch.setattr(command, "FileRegistry", lambda: files)
    result = run("check")
    assert result.exit_code == 1
    assert "onlooker.v1.Play and version 1: end_us: is missing" in result.stderr
    shown = json.loads(run("check", "--json").stdout)
    assert shown["compatible"] is False
    broken = [each for each in shown["comparisons"] if each["problems"]]
    assert {each["record"] for each in broken} == {record_name(Play)}


def test_an_addition_that_nobody_pinned_is_told(tmp_path: Path) -> None:
    more = changed(lambda fields: fields.append({"name": "x", "type": "long", "default": 0}))
    found = compare_released(copied(tmp_path, play=more), (Play,))
    assert [each.problems for each in found if each.against == "version 1"] == [()]
    assert any("pin it" in words for each in found for words in each.problems)


def test_a_file_that_is_no_schema_is_told(tmp_path: Path) -> None:
    (first, *_) = compare_released(copied(tmp_path, play='"nothing"'), (Play,))
    assert any("no Avro schema" in words for words in first.problems)


class Registered:
    """A registry that knows some subjects."""

    def __init__(self, **known: str) -> None:
        self._known = known

    def latest(self, subject: str) -> str | None:
        return self._known.get(subject.rpartition(".")[2])


def test_what_a_registry_does_not_know_is_no_trouble() -> None:
    assert compare_registered(Registered(), TopicNames()) == ()


def test_what_a_registry_knows_better_is_told() -> None:
    newer = changed(lambda fields: fields.append({"name": "x", "type": "long"}))
    (found,) = compare_registered(Registered(Play=newer), TopicNames())
    assert found.against == "subject plays.v1-onlooker.v1.Play"
    assert any(words.startswith("x: ") for words in found.problems)


def test_a_registry_that_is_away_ends_the_check() -> None:
    result = run("check", "--registry", "http://127.0.0.1:9")
    assert isinstance(result.exception, DependencyAwayError)
    assert "Connection refused" in str(result.exception)


def test_a_prefix_that_no_topic_may_have_is_refused() -> None:
    assert run("list", "--prefix", "a b").exit_code == 2


def test_files_are_named_after_their_events() -> None:
    assert file_name(Play) == "play.avsc"
    assert {file_name(event) for event in EVENTS} >= {"frame_captured.avsc", "dead_letter.avsc"}
