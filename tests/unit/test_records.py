"""The JSON of a face, and the words drawn beside it: what is unknown is null or left out."""

import msgspec
import numpy as np

from onlooker.analyze.records import face_as_json
from processors.observe.drawing import words_of
from processors.observe.perception.mesh import POINTS, Mesh
from processors.observe.seen import SeenFace
from schemas.events import EXPRESSIONS, Pose

UNKNOWN = SeenFace(
    box_px=(1.04, 2.0, 30.0, 40.0),
    score=0.91234,
    mesh=Mesh(
        points_px=np.zeros((POINTS, 2), dtype=np.float32),
        depth=np.zeros(POINTS, dtype=np.float32),
        presence=1.0,
    ),
    pose=Pose(yaw_deg=-4.12, pitch_deg=0.04, roll_deg=0.0),
    eyes_open=None,
    looking=True,
    quality=0.8,
)
KNOWN = msgspec.structs.replace(
    UNKNOWN,
    expression_scores=tuple(1.0 if label == "happy" else 0.0 for label in EXPRESSIONS),
    age_years=34.24,
    female_probability=0.97,
    member_id="Jane_Doe",
    similarity=0.61,
    compared=True,
    track_number=3,
)


def test_what_is_unknown_is_null() -> None:
    face = face_as_json(UNKNOWN)
    unknown = {name for name, value in face.items() if value is None}
    assert unknown == {"track", "expression", "age_years", "gender", "identity"}
    assert face["box_px"] == [1.0, 2.0, 30.0, 40.0]
    assert face["pose_deg"] == {"yaw": -4.1, "pitch": 0.0, "roll": 0.0}


def test_what_is_known_is_named() -> None:
    face = face_as_json(KNOWN)
    assert face["expression"]["label"] == "happy"
    assert face["gender"] == {"label": "female", "probability": 0.97}
    assert face["identity"] == {"person_id": "Jane_Doe", "similarity": 0.61}
    assert face["track"] == 3


def test_a_man_has_the_probability_of_his_label() -> None:
    man = msgspec.structs.replace(KNOWN, female_probability=0.1)
    assert face_as_json(man)["gender"] == {"label": "male", "probability": 0.9}


def test_a_stranger_is_nobody() -> None:
    stranger = msgspec.structs.replace(UNKNOWN, compared=True)
    assert face_as_json(stranger)["identity"] == {"person_id": None, "similarity": None}
    assert "unknown" in words_of(stranger)


def test_words_are_drawn_only_for_what_is_known() -> None:
    assert words_of(UNKNOWN) == ["looks -4/0"]
    assert words_of(KNOWN) == ["#3 Jane_Doe", "female 34 y", "happy", "looks -4/0"]
