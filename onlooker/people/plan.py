"""What is to be enrolled: read from a folder-per-person or from a CSV table."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from onlooker.people.records import checked_person_id
from onlooker.people.tables import rows_of
from producers.cameras.media import is_foreign, is_picture, shown_files
from schemas.errors import UsageError
from schemas.names import quoted

COLUMNS = frozenset({"person_id", "path"})
SHAPE = (
    "Give a folder that holds one folder a person (PATH/Jane_Doe/1.jpg), "
    "or a .csv table with the columns person_id and path."
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One picture that somebody asks to enrol, as it was written down; its place is for the remarks."""

    place: str
    person_id: str
    path: Path | None
    labels: dict[str, str] = {}


class PlannedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person to enrol: the pictures, and what the site wants to remember."""

    person_id: str
    pictures: tuple[Path, ...]
    labels: dict[str, str] = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """People in the order of their ids, and sentences about rows and folders that were left out."""

    people: tuple[PlannedPerson, ...]
    left_out: tuple[str, ...] = ()


def read_plan(path: Path) -> Plan:
    """What a folder or a table asks to enrol; pictures are not opened yet.

    Args:
        path: a folder of folders, each named by a person's id, or a `.csv` file whose rows are
            `person_id,path,...labels` with paths relative to the file.

    Raises:
        UsageError: when the path is neither, or asks for nobody.
        OSError: it, or a folder in it, cannot be read.
    """
    if path.is_symlink():
        path.stat()  # a link that leads nowhere, or in a circle, has its own words
    if path.is_dir():
        plan = _plan_of_folder(path)
    elif path.is_file() and path.suffix.lower() == ".csv":
        plan = _plan_of_table(path)
    elif path.exists():
        raise UsageError(f"{quoted(path)} is neither a folder nor a .csv table. {SHAPE}")
    else:
        raise UsageError(f"{quoted(path)} does not exist. {SHAPE}")
    if not plan.people and not plan.left_out:
        raise UsageError(f"{quoted(path)} names nobody to enrol. {SHAPE}")
    return plan


def _plan_of_folder(folder: Path) -> Plan:
    rows: list[Row] = []
    left_out: list[str] = []
    for person in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        pictures = sorted(p for p in shown_files(person) if is_picture(p) or is_foreign(p))
        if not pictures:
            left_out.append(f"{person.name}: the folder holds no picture")
        rows.extend(Row(place=str(p), person_id=person.name, path=p) for p in pictures)
    return _grouped(rows, left_out)


def _plan_of_table(table: Path) -> Plan:
    return _grouped([_row(table, line, row) for line, row in rows_of(table, COLUMNS)], [])


def _row(table: Path, line: int, row: dict[str, str]) -> Row:
    labels = {name: text for name, text in row.items() if text and name not in COLUMNS}
    path = table.parent / row["path"] if row.get("path") else None
    return Row(place=f"line {line}", person_id=row.get("person_id", ""), path=path, labels=labels)


def _grouped(rows: Iterable[Row], left_out: list[str]) -> Plan:
    """Rows put together by person; of a label given twice the first counts."""
    pictures: dict[str, dict[Path, None]] = {}
    labels: dict[str, dict[str, str]] = {}
    for row in rows:
        try:
            person_id = checked_person_id(row.person_id)
        except UsageError as error:
            left_out.append(f"{row.place}: {error}")
            continue
        if row.path is None:
            left_out.append(f"{row.place}: no picture of {person_id} is named; fill the column path")
            continue
        pictures.setdefault(person_id, {})[row.path] = None
        labels[person_id] = {**row.labels, **labels.get(person_id, {})}
    people = tuple(
        PlannedPerson(person_id=person_id, pictures=tuple(pictures[person_id]), labels=labels[person_id])
        for person_id in sorted(pictures)
    )
    return Plan(people=people, left_out=tuple(left_out))
