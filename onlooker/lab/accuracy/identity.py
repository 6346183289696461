"""Identity: an open set, people enrolled from one video, probes from other videos and of strangers."""

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

from onlooker.analyze.files import Eyes
from onlooker.lab.accuracy.attributes import largest_face
from onlooker.lab.accuracy.figure import Figure, table_rows
from onlooker.settings.configuration import Settings
from onlooker.wiring import build_eyes
from onlooker.wiring.people import enrol_people


def identity_figures(data: Path) -> Iterator[Figure]:
    """Known people named right and wrong, and strangers accepted, with a gallery made by `people enrol`."""
    folder = data / "identity"
    with tempfile.TemporaryDirectory() as scratch:
        gallery = Path(scratch) / "gallery"
        enrol_people(_enrolment(folder, data, Path(scratch) / "people.csv"), gallery)
        eyes = build_eyes(Settings(), gallery=gallery)
        known = [
            (row["person"], _named(data / row["path"], eyes)) for row in _rows(folder, "open_probe_known")
        ]
        strangers = [_named(data / row["path"], eyes) for row in _rows(folder, "open_probe_unknown")]
    right = sum(person == named for person, named in known)
    wrong = sum(named is not None and person != named for person, named in known)
    accepted = sum(named is not None for named in strangers)
    yield Figure(
        name="identity, known people named right", value=right / len(known), cases=len(known), target=0.80
    )
    yield Figure(
        name="identity, strangers accepted",
        value=accepted / len(strangers),
        cases=len(strangers),
        target=0.01,
        better="lower",
    )
    yield Figure(
        name="identity, known people named wrong", value=wrong / len(known), cases=len(known), better="lower"
    )


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(table_rows(folder / f"{name}.csv"))


def _enrolment(folder: Path, data: Path, path: Path) -> Path:
    """The protocol's enrolment as the CSV that `people enrol` takes."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["person_id", "path"])
        for row in _rows(folder, "open_enrol"):
            writer.writerow([row["person"], str(data / row["path"])])
    return path


def _named(path: Path, eyes: Eyes) -> str | None:
    face = largest_face(path, eyes)
    if face is None or face["identity"] is None:
        return None
    named = face["identity"]["person_id"]
    return None if named is None else str(named)
