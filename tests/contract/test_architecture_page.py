"""docs/architecture.md says what is: its rooms, its paths and functions, the doors of the contracts."""

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.room_docs import PACKAGES, PAGE, REPOSITORY, page_made_anew, rooms

TEXT = PAGE.read_text(encoding="utf-8")
NAMED = re.compile(
    r"(?<![\w/.-])((?:onlooker|producers|processors|sinks|schemas|tests|docs|docker)/[\w./-]*)(?::([A-Za-z_][\w.]*))?"
)
"""A path, perhaps with a name in that file."""
PLACES = sorted({(path.rstrip("."), name) for path, name in NAMED.findall(TEXT)})


@functools.cache
def defined_in(path: Path) -> frozenset[str]:
    """The names that a module defines: functions, classes with their members, values."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8")).body))


def _names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from _names(node.body, f"{prefix}{name}.")
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield prefix + name


def doors() -> Iterator[tuple[str, str]]:
    """Library and door of every import that a contract lets through, save those of the lab."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        for line in contract.get("ignore_imports", ()):
            module, library = line.split(" -> ")
            if not module.startswith("onlooker.lab."):
                path = module.removesuffix(".**").replace(".", "/")
                yield library, f"{path}/" if (REPOSITORY / path).is_dir() else f"{path}.py"


def test_the_rooms_are_those_of_the_repository() -> None:
    assert page_made_anew(TEXT) == TEXT, "run `python -m tests.room_docs`"


def test_every_room_says_what_is_in_it() -> None:
    silent = [room for room in rooms() if f"| `{room}/` |  |" in TEXT]
    assert not silent


def test_every_folder_is_named() -> None:
    folders = {
        f"{file.parent.relative_to(REPOSITORY)}/"
        for package in PACKAGES
        for file in (REPOSITORY / package).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert not sorted(folder for folder in folders if f"`{folder}`" not in TEXT)


@pytest.mark.parametrize(("path", "name"), PLACES)
def test_what_is_named_exists(path: str, name: str) -> None:
    assert (REPOSITORY / path).exists(), f"there is no {path}"
    assert (REPOSITORY / path).is_dir() == path.endswith("/"), "a folder is written with a slash at its end"
    assert not name or name in defined_in(REPOSITORY / path), f"{path} defines no {name}"


def doors_shown() -> dict[str, set[str]]:
    """The doors of each library, as the page has them."""
    table = TEXT.partition("| library |")[2].partition("\n\n")[0]
    rows = [[re.findall(r"`(.*?)`", cell) for cell in row.split("|")] for row in table.splitlines()]
    return {library: set(row[2]) for row in rows[2:] for library in row[1]}


def test_the_table_has_the_doors_of_the_contracts() -> None:
    known: dict[str, set[str]] = {}
    for library, door in doors():
        known.setdefault(library, set()).add(door)
    assert doors_shown() == known


def test_a_walk_has_its_steps_in_order() -> None:
    for walk in re.split(r"^### \d\. ", TEXT, flags=re.MULTILINE)[1:]:
        numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", walk, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1)), walk.splitlines()[0]


def test_no_leftover_of_an_editor_or_a_merge_lies_in_a_room() -> None:
    places = (REPOSITORY / package for package in PACKAGES)
    left = [path for place in places for path in place.rglob("*") if path.suffix in {".orig", ".rej", ".bak"}]
    assert left == []
