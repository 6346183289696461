"""What is seen of one face in one picture: the value that `analyze` prints and OBSERVE thins out."""

from uuid import UUID

import msgspec

from processors.observe.perception.landmarks import landmarks_68
from processors.observe.perception.mesh import Mesh
from processors.vision.boxes import Box
from schemas.events import FaceObserved, Pose
from schemas.ports import Floats


class SeenFace(msgspec.Struct, frozen=True, kw_only=True):
    """One face in one picture, with everything that was estimated; missing is None."""

    box_px: Box
    score: float
    mesh: Mesh
    pose: Pose
    eyes_open: bool | None
    looking: bool
    quality: float
    expression_scores: tuple[float, ...] | None = None
    """In the order of `EXPRESSIONS`."""
    age_years: float | None = None
    female_probability: float | None = None
    member_id: str | None = None
    similarity: float | None = None
    compared: bool = False
    """Whether the face was compared with a gallery; only then is a missing member a stranger."""
    track_id: UUID | None = None
    track_number: int | None = None

    @property
    def landmarks_px(self) -> Floats:
        """(68, 2), iBUG order; derived when asked for, because most frames are never asked."""
        return landmarks_68(self.mesh)


def observed(face: SeenFace) -> FaceObserved:
    """The face of a tracked video as it may leave the process: no landmarks, no pixels, no template.

    Raises:
        ValueError: The face has no track.
    """
    if face.track_id is None:
        raise ValueError("only a tracked face can be observed")
    return FaceObserved(**{name: getattr(face, name) for name in FaceObserved.__struct_fields__})
