"""Writes the rooms of docs/architecture.md from their first lines: `python -m tests.room_docs`."""

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "architecture.md"
PACKAGES = ("onlooker", "producers", "processors", "sinks", "schemas")
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"


def rooms() -> Iterator[Path]:
    """The folders with code of the five packages, each before those inside it; relative to the repository."""
    for package in PACKAGES:
        for file in sorted((REPOSITORY / package).rglob("__init__.py"), key=lambda file: file.parent):
            yield file.parent.relative_to(REPOSITORY)


def room_table() -> Iterator[str]:
    """Every room with what its package says of itself, as Markdown."""
    yield from ("| room | what is in it |", "|---|---|")
    for room in rooms():
        text = (REPOSITORY / room / "__init__.py").read_text(encoding="utf-8")
        words = (ast.get_docstring(ast.parse(text)) or "").splitlines()
        yield f"| `{room}/` | {words[0] if words else ''} |"


def page_made_anew(page: str) -> str:
    """The page with its table of rooms made anew."""
    before, rest = page.split(BEGIN, 1)
    return "\n".join([f"{before}{BEGIN}", "", *room_table(), "", f"{END}{rest.split(END, 1)[1]}"])


if __name__ == "__main__":
    PAGE.write_text(page_made_anew(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
