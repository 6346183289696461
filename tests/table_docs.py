"""Writes the tables of docs/data.md from the comments of the migrations: `python -m tests.table_docs`."""

import re
from collections.abc import Iterator
from pathlib import Path

from sinks.store.migrate import released

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data.md"
BEGIN, END = "<!-- columns: begin -->", "<!-- columns: end -->"
BLOCK = re.compile(r"CREATE VIEW (\w+)\n\(\n(.*?)\n\)\n.*?\nCOMMENT '((?:[^']|'')*)';", re.DOTALL)
COLUMN = re.compile(r"    (\w+) (.+) COMMENT '((?:[^']|'')*)',?")


def tables() -> str:
    """Every view with its columns, as Markdown."""
    parts = [line for migration in released() for line in _views(migration.sql)]
    return "\n".join([BEGIN, "", *parts, END])


def page_with_tables(page: str) -> str:
    """The page with its generated part made anew."""
    before, rest = page.split(BEGIN, 1)
    return before + tables() + rest.split(END, 1)[1]


def _views(sql: str) -> Iterator[str]:
    for name, body, comment in BLOCK.findall(sql):
        yield from (f"### `{name}`", "", comment.replace("''", "'") + ".", "")
        yield from ("| column | type | meaning |", "|---|---|---|")
        for line in body.splitlines():
            match = COLUMN.fullmatch(line)
            assert match is not None, line
            words = match[3].replace("''", "'").replace("|", "\\|")
            yield f"| `{match[1]}` | `{match[2]}` | {words} |"
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
