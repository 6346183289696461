"""Stills: every face of one picture described at once, with more care than a video frame gets."""

import msgspec

from processors.gaze import Gaze, Looking
from processors.observe.faculties import Faculties
from processors.observe.identity import Match, Recogniser
from processors.observe.perception.detection import Detection
from processors.observe.perception.eyes import eyes_open
from processors.observe.perception.landmarks import landmarks_68
from processors.observe.perception.mesh import Mesh, confirms, region_from_detection, region_from_mesh
from processors.observe.perception.pose import estimate_pose
from processors.observe.perception.quality import face_quality
from processors.observe.seen import SeenFace
from processors.thresholds import MeasureOptions
from processors.vision.boxes import overlap
from schemas.ports import Floats, Pixels

MIN_PRESENCE = 0.3
"""A mesh less sure than this says that there is no face."""
MAX_OVERLAP = 0.5


class StillFace(msgspec.Struct, frozen=True, kw_only=True):
    """A face of a still with its template, for enrolment. The template stays in this process."""

    box_px: tuple[float, float, float, float]
    quality: float
    template: Floats

    def __repr__(self) -> str:
        return f"StillFace(box_px={self.box_px}, quality={self.quality:.2f})"


class StillObserver:
    """Sees the faces of single pictures."""

    def __init__(self, faculties: Faculties, recogniser: Recogniser | None, options: MeasureOptions) -> None:
        self._faculties = faculties
        self._recogniser = recogniser
        self._looking = Looking(options)

    def observe(self, picture: Pixels) -> tuple[SeenFace, ...]:
        """All faces of a picture, the largest first.

        Args:
            picture: (h, w, 3) uint8, BGR.

        Returns:
            Faces; a template is made only to compare it with a gallery.
        """
        return tuple(self._seen(picture, d, mesh) for d, mesh in self._found(picture))

    def observe_templates(self, picture: Pixels) -> tuple[StillFace, ...]:
        """All faces with their templates, for enrolment.

        Args:
            picture: (h, w, 3) uint8, BGR.

        Returns:
            Faces, the largest first.
        """
        return tuple(
            StillFace(
                box_px=detection.box_px,
                quality=face_quality(picture, mesh, estimate_pose(mesh)),
                template=self._template(picture, detection, landmarks_68(mesh)),
            )
            for detection, mesh in self._found(picture)
        )

    def _found(self, picture: Pixels) -> list[tuple[Detection, Mesh]]:
        """Detections that the mesh confirms, the largest first; two on one face count once."""
        found: list[tuple[Detection, Mesh]] = []
        for detection in self._faculties.detector.detect_thoroughly(picture):
            mesh = self._fit(picture, detection)
            apart = all(overlap(detection.box_px, other.box_px) < MAX_OVERLAP for other, _ in found)
            if apart and confirms(mesh, detection, min_presence=MIN_PRESENCE):
                found.append((detection, mesh))
        return sorted(found, key=lambda pair: -pair[0].box_px[2] * pair[0].box_px[3])

    def _fit(self, picture: Pixels, detection: Detection) -> Mesh:
        """The mesh after a second look, centred by the first, as a video's second frame would have it."""
        first = self._faculties.fitter.fit(picture, region_from_detection(detection))
        if not confirms(first, detection, min_presence=MIN_PRESENCE):
            return first
        second = self._faculties.fitter.fit(picture, region_from_mesh(first))
        return second if confirms(second, detection, min_presence=MIN_PRESENCE) else first

    def _template(self, picture: Pixels, detection: Detection, landmarks_px: Floats) -> Floats:
        return self._faculties.templates.extract_robust(picture, detection.points_px, landmarks_px)

    def _seen(self, picture: Pixels, detection: Detection, mesh: Mesh) -> SeenFace:
        pose, seen_open, landmarks_px = estimate_pose(mesh), eyes_open(mesh), landmarks_68(mesh)
        gaze = self._looking.next_gaze(Gaze(), pose, seen_open, stand_id="", t_us=0)
        expression = self._faculties.expressions.classify(picture, landmarks_px)
        guess = self._faculties.ages.estimate(picture, landmarks_px)
        match = self._match(picture, detection, landmarks_px)
        return SeenFace(
            box_px=detection.box_px,
            score=detection.score,
            mesh=mesh,
            pose=pose,
            eyes_open=seen_open,
            looking=gaze.looking,
            quality=face_quality(picture, mesh, pose),
            expression_scores=expression.scores,
            age_years=guess.age_years,
            female_probability=guess.female_probability,
            member_id=match.person_id if match else None,
            similarity=match.similarity if match else None,
            compared=self._recogniser is not None,
        )

    def _match(self, picture: Pixels, detection: Detection, landmarks_px: Floats) -> Match | None:
        if self._recogniser is None:
            return None
        return self._recogniser.match(self._template(picture, detection, landmarks_px))
