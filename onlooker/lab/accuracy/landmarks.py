"""Landmarks: mean distance to the labelled points over the distance of the outer eye corners."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from onlooker.analyze.files import Eyes, analysed
from onlooker.lab.accuracy.figure import Figure, table_rows
from schemas.ports import Floats

PARTS = {"jaw": (0, 17), "brows": (17, 27), "nose": (27, 36), "eyes": (36, 48), "mouth": (48, 68)}


def landmark_figures(data: Path, eyes: Eyes) -> Iterator[Figure]:
    """Normalised mean error on `landmarks-test`; a picture without a face found counts as an error of 1.

    On the whole face, and by part.
    """
    folder = data / "landmarks-test"
    rows = list(table_rows(folder / "keypoints.csv"))
    errors = np.array([_errors(folder / "images" / row["file"], _points(row), eyes) for row in rows])
    note = "no model was trained on this data; dlib's non-commercial 68 points: 0.069"
    yield Figure(
        name="landmarks, NME over the outer-eye distance",
        value=float(errors.mean()),
        cases=len(rows),
        target=0.075,
        better="lower",
        note=note,
    )
    for part, (first, last) in PARTS.items():
        value = float(errors[:, first:last].mean())
        yield Figure(name=f"landmarks, NME of the {part}", value=value, cases=len(rows), better="lower")


def _points(row: dict[str, str]) -> Floats:
    return np.array([[float(row[f"x{i}"]), float(row[f"y{i}"])] for i in range(68)], dtype=np.float32)


def _errors(path: Path, truth: Floats, eyes: Eyes) -> Floats:
    """(68,) distances in units of the outer-eye distance, of the face nearest to the labelled one."""
    eye_px = float(np.linalg.norm(truth[45] - truth[36]))
    faces = next(analysed([path], eyes)).faces
    if not faces:
        return np.ones(68, dtype=np.float32)
    distances = [np.linalg.norm(face.landmarks_px - truth, axis=1) / eye_px for face in faces]
    nearest: Floats = min(distances, key=lambda d: float(d.mean())).astype(np.float32)
    return nearest
