"""Lets enrolment see with the eyes that analyse still pictures."""

from collections.abc import Sequence

from onlooker.people.pictures import EnrolFace
from processors.observe.stills import StillReader
from schemas.ports import Pixels


class StillFaceReader:
    """A `FaceReader` over a `StillReader`."""

    def __init__(self, stills: StillReader) -> None:
        self._stills = stills

    def read(self, picture: Pixels) -> Sequence[EnrolFace]:
        """All faces of a picture with their templates.

        Args:
            picture: (h, w, 3) uint8, BGR.

        Returns:
            Faces, the largest first.
        """
        return [
            EnrolFace(box_px=face.box_px, quality=face.quality, template=face.template)
            for face in self._stills.read_templates(picture)
        ]
