"""Judges single pictures for enrolment: whether there is one clear face."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from processors.observe.stills import StillFace
from producers.cameras.media import picture_bytes
from producers.options import CaptureOptions
from schemas.errors import BadPictureError
from schemas.ports import Pixels

Outcome = Literal[
    "used", "unreadable", "no_face", "several_faces", "too_small", "blurred", "disagrees", "duplicate"
]
"""What became of a picture; all but `used` leave it out."""


class EnrolmentOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How good a picture has to be, and how alike is too alike."""

    min_side_px: float = 32.0
    """Shorter side of the smallest face that is enrolled."""
    min_quality: float = 0.05
    """Least quality of the face, in [0, 1]."""
    main_face_ratio: float = 1.8
    """The largest face is the person's when its area is this many times that of the next."""
    min_agreement: float = 0.2
    """Least cosine of a picture with the mean of the person's others: six in a thousand good pictures
    from other days are below, six in seven of other people are (YouTube-Faces stills)."""
    max_likeness: float = 0.6
    """Cosine of two people's means from which they are taken for one: 3 in a million pairs of different
    people are above, 60 % of pairs of the same person are (same pictures)."""


class PictureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one picture, with a word for a person."""

    person_id: str
    path: Path
    outcome: Outcome
    detail: str = ""


class JudgedPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture's report and, when it may be used, its face."""

    report: PictureReport
    face: StillFace | None = None


class PictureJudge:
    """Opens pictures and picks the face to enrol; `observe` finds all faces of a picture, in any order."""

    def __init__(
        self,
        observe: Callable[[Pixels], Sequence[StillFace]],
        decode: Callable[[bytes], Pixels],
        options: EnrolmentOptions,
        *,
        max_bytes: int = CaptureOptions().max_picture_bytes,
    ) -> None:
        self._observe = observe
        self._decode = decode
        self._options = options
        self._max_bytes = max_bytes

    def judge(self, person_id: str, path: Path) -> JudgedPicture:
        """One picture of one person: its report, and the face when there is one clear face."""
        try:
            faces = self._observe(self._decode(picture_bytes(path, self._max_bytes)))
        except BadPictureError as error:
            return _refused(person_id, path, "unreadable", str(error))
        return self._pick(person_id, path, sorted(faces, key=_area, reverse=True))

    def _pick(self, person_id: str, path: Path, faces: Sequence[StillFace]) -> JudgedPicture:
        if not faces:
            return _refused(person_id, path, "no_face", "no face was found")
        face = faces[0]
        if len(faces) > 1 and _area(face) < self._options.main_face_ratio * _area(faces[1]):
            return _refused(
                person_id, path, "several_faces", f"{len(faces)} faces of like size; crop it to one"
            )
        side = min(face.box_px[2:])
        if side < self._options.min_side_px:
            least = self._options.min_side_px
            return _refused(
                person_id, path, "too_small", f"the face is {side:.0f} px, less than {least:.0f} px"
            )
        if face.quality < self._options.min_quality:
            words = f"quality {face.quality:.2f} of 1, less than {self._options.min_quality:.2f}"
            return _refused(person_id, path, "blurred", words)
        detail = f"the largest of {len(faces)} faces, {_where(face)}" if len(faces) > 1 else ""
        report = PictureReport(person_id=person_id, path=path, outcome="used", detail=detail)
        return JudgedPicture(report=report, face=face)


def _refused(person_id: str, path: Path, outcome: Outcome, detail: str) -> JudgedPicture:
    return JudgedPicture(report=PictureReport(person_id=person_id, path=path, outcome=outcome, detail=detail))


def _area(face: StillFace) -> float:
    return face.box_px[2] * face.box_px[3]


def _where(face: StillFace) -> str:
    left, top, width, height = face.box_px
    return f"{width:.0f}x{height:.0f} px at {left:.0f},{top:.0f}"
