"""Expression, age and gender against labels."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from onlooker.analyze.files import Eyes, analysed
from onlooker.lab.accuracy.figure import Figure, table_rows

ADULT_YEARS = 18
FIVE_LABELS = "muxspace-verified"
SEVEN_LABELS = "fer2013-sample"


def expression_figures(data: Path, eyes: Eyes) -> Iterator[Figure]:
    """Balanced accuracy (mean recall of the labels) of the expression a set, and the recall of each label."""
    folder = data / "expressions"
    for name, target in ((FIVE_LABELS, 0.70), (SEVEN_LABELS, None)):
        rows = [row for row in table_rows(folder / "labels.csv") if row["set"] == name]
        pairs = [(row["label"], _expression(folder / row["path"], eyes)) for row in rows]
        recalls = recall_by_label(pairs)
        value = sum(recalls.values()) / len(recalls)
        yield Figure(
            name=f"expression, balanced accuracy, {name}", value=value, cases=len(rows), target=target
        )
        for label, recall in sorted(recalls.items()):
            cases = sum(truth == label for truth, _ in pairs)
            yield Figure(name=f"expression, recall of {label}, {name}", value=recall, cases=cases)


def recall_by_label(pairs: Sequence[tuple[str, str | None]]) -> dict[str, float]:
    """Recall (0..1) by label, of pairs: label, what was seen (None when no face was found)."""
    cases, right = Counter[str](), Counter[str]()
    for truth, seen in pairs:
        cases[truth] += 1
        right[truth] += truth == seen
    return {label: right[label] / count for label, count in cases.items()}


def _expression(path: Path, eyes: Eyes) -> str | None:
    face = largest_face(path, eyes)
    return None if face is None or face["expression"] is None else str(face["expression"]["label"])


def largest_face(path: Path, eyes: Eyes) -> dict[str, Any] | None:
    """The largest face of a picture as `analyze` prints it, None without one."""
    faces = next(analysed([path], eyes)).record.faces
    return max(faces, key=lambda face: face["box_px"][2] * face["box_px"][3], default=None)


def age_gender_figures(data: Path, eyes: Eyes) -> Iterator[Figure]:
    """Gender accuracy and mean absolute error of age on adults; no face found counts against both."""
    folder = data / "age-gender"
    rows = [row for row in table_rows(folder / "labels.csv") if float(row["age"]) >= ADULT_YEARS]
    looked = [(largest_face(folder / "images" / row["file"], eyes), row) for row in rows]
    found = [(face, row) for face, row in looked if face is not None]
    right = sum(face["gender"]["label"] == row["gender"] for face, row in found)
    yield Figure(
        name="gender, accuracy on adults",
        value=right / len(rows),
        cases=len(rows),
        target=0.92,
        note=f"{len(rows) - len(found)} without a face found",
    )
    errors = [face["age_years"] - float(row["age"]) for face, row in found]
    yield Figure(
        name="age, mean absolute error on adults, years",
        value=sum(map(abs, errors)) / len(errors),
        cases=len(errors),
        target=8.5,
        better="lower",
    )
    bias = sum(errors) / len(errors)
    yield Figure(name="age, mean signed error on adults, years", value=bias, cases=len(errors))
