"""YAML as people write it: lines are known, and what would be taken silently is refused."""

from itertools import pairwise
from pathlib import Path

import pytest

from onlooker.settings.configuration import load_settings
from onlooker.settings.yaml_text import read_yaml
from schemas.errors import UsageError

SHOP = """\
stands:
  - stand_id: door
    cameras:
      - source: a.mp4
      - source: b.mp4
# the sink
sink: {max_rows: 10}
"""


LAUGHS = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 30)}]\n" for before, name in pairwise("abcdefg")
)
"""Seven lines that refer to each other, for 700 million values."""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "shop.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_value_has_its_line(tmp_path: Path) -> None:
    document = read_yaml(written(tmp_path, SHOP))
    assert document.value["stands"][0]["cameras"][1] == {"source": "b.mp4"}
    assert document.lines["$.stands[0].stand_id"] == 2
    assert document.lines["$.stands[0].cameras[1].source"] == 5
    assert document.lines["$.sink.max_rows"] == 7


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", b"\xef\xbb\xbf"])
def test_an_empty_file_says_nothing(tmp_path: Path, text: str | bytes) -> None:
    assert read_yaml(written(tmp_path, text)).value == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sink: {}\nsink: {}\n", "'sink' is said on line 1 and again on line 2"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "'b' is said on line 2 and again on line 4"),
        ("[" * 100_000, "nested too deeply"),
        (LAUGHS, "more values than any configuration has"),
        ("a: b: c", r"is not YAML: mapping values are not allowed here \(line 1, column 5\)$"),
        ("a: !!python/object:os.system x", "is not YAML"),
        (b"a: \xff", "is not YAML"),
        ("? [a]\n: b\n", "is not YAML"),
        (b"#" * (16 * 1024 * 1024 + 1), "is no configuration"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_yaml(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stands:\n  - stand_id: 12\n    cameras: [{source: a}]\n", r"stand_id: .*\(line 2\).*in quotes"),
        ("stands:\n  - stand_id: no\n    cameras: [{source: a}]\n", r"stand_id: .*\(line 2\).*in quotes"),
        (
            "stands:\n  - {stand_id: a, cameras: [{source: a}],\n     playlist: {opens: 10:00}}\n",
            r"\(line 3\)",
        ),
        ("sink:\n  max_rows: many\n", r"sink.max_rows: .* \(line 2\)\.$"),
        ("sink:\n\n  rows: 3\n", r"sink.rows: there is no such setting \(line 3\)\. Allowed here: max_rows"),
        ("sink: {}\nsink: {}\n", "is said on line 1 and again on line 2"),
    ],
)
def test_a_refused_value_is_found_by_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_settings(written(tmp_path, text))
