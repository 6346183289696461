"""The JSON line of `analyze`: one value a picture or frame, exactly as the contract names its fields."""

from collections.abc import Sequence
from typing import Any

import msgspec

from processors.observe.seen import SeenFace
from processors.observe.traits import label_of
from schemas.events import EXPRESSIONS


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `frame` and `t_us` are None for a still, `error` is None when all went well."""

    source: str
    frame: int | None = None
    t_us: int | None = None
    width_px: int | None = None
    height_px: int | None = None
    error: str | None = None
    faces: Sequence[dict[str, Any]] = ()


def face_as_json(face: SeenFace) -> dict[str, Any]:
    """One face as the plain JSON values of docs/data.md; what is unknown is None."""
    return {
        "box_px": [round(v, 1) for v in face.box_px],
        "score": round(face.score, 4),
        "track": face.track_number,
        "landmarks_px": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks_px],
        "pose_deg": {
            "yaw": round(face.pose.yaw_deg, 1),
            "pitch": round(face.pose.pitch_deg, 1),
            "roll": round(face.pose.roll_deg, 1),
        },
        "looking": face.looking,
        "expression": _expression(face),
        "age_years": None if face.age_years is None else round(face.age_years, 1),
        "gender": _gender(face),
        "identity": _identity(face),
        "quality": round(face.quality, 3),
    }


def _expression(face: SeenFace) -> dict[str, Any] | None:
    if face.expression_scores is None:
        return None
    scores = dict(zip(EXPRESSIONS, (round(s, 4) for s in face.expression_scores), strict=True))
    return {"label": label_of(face.expression_scores), "scores": scores}


def _gender(face: SeenFace) -> dict[str, Any] | None:
    female = face.female_probability
    if female is None:
        return None
    label, probability = ("female", female) if female >= 0.5 else ("male", 1 - female)
    return {"label": label, "probability": round(probability, 4)}


def _identity(face: SeenFace) -> dict[str, Any] | None:
    if not face.compared:
        return None
    similarity = None if face.similarity is None else round(face.similarity, 4)
    return {"person_id": face.member_id, "similarity": similarity}
