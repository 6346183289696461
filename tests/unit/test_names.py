"""Names as people see them: a shell takes them back as they were, and no terminal obeys them."""

import ast
import os
import re
import subprocess
import unicodedata
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from onlooker.cli import output
from onlooker.foreground.streams import _Shown, unfiltered
from onlooker.foreground.terminal import Terminal
from onlooker.settings.configuration import Settings, Sources, with_sources
from producers.cameras.sources import parse_source
from schemas.names import quoted, sendable, visible

ODD = [
    "plain.mp4", "10:15:00.mp4", "a:b.mp4", "rtsp.mp4", "0", "usb:0", "-x.mp4", "--help", "[final].mp4",
    "a[/b].mp4", ":smile:.mp4", " both ends ", "my walk.mp4", "a\nb.mp4", "a\tb.mp4", "a\x1b[31m.mp4",
    "a\x1b]0;title\x07.mp4", "a\r.mp4", "caf\udce9.mp4", "caf\udce9'\\s.mp4", "\u202egpj.exe", "\x9b31m.mp4",
    "👩‍👩‍👧.mp4", "日本.mp4", "'.mp4", "$(touch x)", "`x`", "~x.mp4", "~", "%d.mp4", "a;b&c|d.mp4", "*",
    "é" * 100 + ".mp4", "!x", "#x", "a\\nb", "rtsp:",
]  # fmt: skip
FILE_NAMES = st.binary(min_size=1, max_size=40).filter(lambda raw: not {0, 0x2F} & set(raw)).map(os.fsdecode)


@pytest.mark.parametrize("name", ODD)
def test_a_shell_takes_a_quoted_name_back(name: str) -> None:
    said = subprocess.run(
        ["/bin/bash", "-c", f"printf %s {quoted(name)}"], capture_output=True, check=True
    ).stdout
    assert os.fsdecode(said) in (name, f"./{name}")


@settings(max_examples=60)
@given(FILE_NAMES)
def test_a_shell_takes_any_quoted_name_back(name: str) -> None:
    said = subprocess.run(
        ["/bin/bash", "-c", f"printf %s {quoted(name)}"], capture_output=True, check=True
    ).stdout
    assert os.fsdecode(said) in (name, f"./{name}")


@given(st.text() | FILE_NAMES)
def test_what_is_visible_commands_no_terminal_and_can_be_written(text: str) -> None:
    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    shown.encode()
    sendable(text).encode()
    assert visible(quoted(text)) == quoted(text)
    assert "\n" not in quoted(text)


@pytest.mark.parametrize("name", ODD)
def test_a_console_and_a_table_show_a_name_as_it_is(name: str) -> None:
    written = BytesIO()
    stream = _Shown(written, "utf-8", errors="plainer", write_through=True)
    console = Terminal(file=unfiltered(stream), force_terminal=True, width=500, color_system="truecolor")
    table = Table("file", title=name, caption=name)
    table.add_row(name)
    console.print(table)
    console.print(Text(name))
    console.say(name)
    stream.flush()
    said = written.getvalue().decode()
    plain = re.sub(r"\x1b\[[\d;]*m", "", said)
    for line in visible(name).split("\n"):
        assert "".join(plain.split()).count("".join(line.split())) >= 3, said
    for command in said.split("\x1b")[1:]:
        assert re.match(r"\[[\d;]*m", command), "rich's own only"
    assert "\x07" not in said
    assert "\x9b" not in said


def test_a_stream_shows_what_would_command_a_terminal() -> None:
    written = BytesIO()
    stream = _Shown(written, "utf-8", errors="plainer", write_through=True)
    assert stream.write("a\x1b[2J\r\x9b\u202e\udce9\tb\n") == 12
    assert written.getvalue() == b"a\\x1b[2J\\x0d\\x9b\\u202e\\xe9\tb\n"


@pytest.mark.parametrize("name", [name for name in ODD if "\x1b" not in name])
def test_json_holds_a_name_that_programs_can_read(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    import msgspec

    for show in (output.print_json, output.print_compact_json, output.write_json_line):
        show({"name": name})
        said = capfd.readouterr().out
        assert msgspec.json.decode(said) == {"name": sendable(name)}
        assert visible(said) == said


@pytest.mark.parametrize("name", ODD)
def test_a_source_that_is_a_file_is_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    for said in (name, str(tmp_path / name)):
        spec = parse_source(said)
        assert (spec.kind, spec.target) == ("file", str(tmp_path / name))
        stand = with_sources(Settings(), Sources(names=(said,))).stands[0].stand_id
        assert all(c.isalnum() or c in "._-" for c in stand)


def test_a_file_in_folders_named_like_a_protocol_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rtsp:").mkdir()
    (tmp_path / "rtsp:" / "walk.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert parse_source("rtsp://walk.mp4").kind == "file"
    assert parse_source("rtsp://other.mp4").kind == "url"


def test_only_one_file_makes_consoles() -> None:
    """A bare rich console takes names for markup."""
    root = Path(__file__).parents[2] / "onlooker"
    makers = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "rich.console"
        and {"Console"} & {alias.name for alias in node.names}
    ]  # fmt: skip
    assert [path for path in makers if path != "foreground/terminal.py"] == [
        "cameras/words.py",
        "lab/accuracy/__main__.py",
        "lab/stream/page.py",
    ], "these name the type, or are no command"
    made = [path for path in root.rglob("*.py") if " Console(" in path.read_text(encoding="utf-8")]
    assert [path for path in made if "lab/accuracy" not in str(path)] == []
