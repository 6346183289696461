"""Describes tracked faces: pose and eyes every frame, the costly traits when they are due, who it is once."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
import numpy as np

from processors.gaze import Gaze, Looking
from processors.observe.faculties import Faculties
from processors.observe.identity import IdentityVote, Match, Recogniser
from processors.observe.perception.detection import Detection
from processors.observe.perception.eyes import eyes_open
from processors.observe.perception.landmarks import five_points, landmarks_68
from processors.observe.perception.mesh import Mesh
from processors.observe.perception.pose import estimate_pose
from processors.observe.perception.quality import face_quality
from processors.observe.seen import SeenFace
from processors.observe.tracking import Track
from processors.observe.traits import (
    TraitOptions,
    Traits,
    age_gender_due,
    expression_due,
    quality_due,
    template_due,
    with_age_gender,
    with_expression,
    with_template,
)
from processors.thresholds import MeasureOptions
from schemas.events import Pose
from schemas.ports import Floats, Pixels


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one track. The template stays inside this process."""

    traits: Traits = Traits()
    gaze: Gaze = Gaze()
    vote: IdentityVote | None = None
    match: Match | None = None
    """What the vote says: it changes only when a face is embedded."""
    template: Floats | None = None
    resumed: bool = False
    """Read from a checkpoint, which has no vote: the match holds until another is made."""

    def __repr__(self) -> str:
        return f"Described(traits={self.traits!r}, gaze={self.gaze!r})"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One face in one frame, with what is read of it every frame."""

    mesh: Mesh
    picture: Pixels
    pose: Pose
    eyes_open: bool | None

    @property
    def landmarks_px(self) -> Floats:
        """(68, 2), iBUG order."""
        return landmarks_68(self.mesh)

    def __repr__(self) -> str:
        return f"View(pose={self.pose!r})"


LEAST_WEIGHT = 0.05
"""What an estimate of age counts for at least, however poor the face."""


class Budget:
    """How many costly readings one frame may still take: many faces must not make one frame slow."""

    def __init__(self) -> None:
        self._left = {"template": 1, "age": 1, "expression": 2}

    def take(self, what: str) -> bool:
        """Whether there is room for one more; takes it."""
        self._left[what] -= 1
        return self._left[what] >= 0


class DescribeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of the costly readings, and the rule of looking."""

    traits: TraitOptions = TraitOptions()
    measure: MeasureOptions = MeasureOptions()
    same_face_cosine: float = 0.2
    """A face that comes back and is less alike than this is another person."""


class Describer:
    """Turns tracked meshes into described faces."""

    def __init__(self, faculties: Faculties, recogniser: Recogniser | None, options: DescribeOptions) -> None:
        self._faculties = faculties
        self._recogniser = recogniser
        self._options = options
        self._looking = Looking(options.measure)

    def first_alike(
        self, candidates: Sequence[Described | None], picture: Pixels, detection: Detection
    ) -> int | None:
        """Which of the lost tracks a face that came back is; it is embedded at most once.

        Args:
            candidates: what is known of each lost track, the likeliest first.
            picture: (h, w, 3) uint8, BGR.
            detection: the face that might be one of them.

        Returns:
            Index of the first that is alike, or of which no template is known; None when it is none of them.
        """
        template: Floats | None = None
        for i, known in enumerate(candidates):
            if known is None or known.template is None:
                return i
            if template is None:
                template = self._faculties.templates.extract(picture, detection.points_px)
            if float(np.dot(known.template, template)) >= self._options.same_face_cosine:
                return i
        return None

    def more_alike(self, one: Described | None, other: Described | None, picture: Pixels, mesh: Mesh) -> bool:
        """Whether a face is rather the first track's than the second's.

        Args:
            one: what is known of the first track.
            other: what is known of the second.
            picture: (h, w, 3) uint8, BGR.
            mesh: the face.

        Returns:
            True when the first track's template is nearer, or when one of them has none.
        """
        if one is None or other is None or one.template is None or other.template is None:
            return True
        template = self._faculties.templates.extract(picture, five_points(landmarks_68(mesh)))
        return bool(np.dot(one.template, template) >= np.dot(other.template, template))

    def describe(
        self,
        known: Mapping[UUID, Described],
        tracks: Sequence[tuple[Track, Mesh]],
        picture: Pixels,
        *,
        stand_id: str,
        last_us: Mapping[UUID, int],
    ) -> tuple[dict[UUID, Described], tuple[SeenFace, ...]]:
        """Describe every track seen in this frame.

        Args:
            known: what is known of tracks so far.
            tracks: tracks seen in this frame with their meshes.
            picture: (h, w, 3) uint8, BGR.
            stand_id: the stand whose screen is meant by looking.
            last_us: when each track that is not new was seen before, us.

        Returns:
            What is known now (tracks not seen keep theirs), and the faces, oldest track first.
        """
        budget, after, faces = Budget(), dict(known), []
        for track, mesh in sorted(tracks, key=lambda pair: _need(known.get(pair[0].track_id))):
            view = View(mesh=mesh, picture=picture, pose=estimate_pose(mesh), eyes_open=eyes_open(mesh))
            described = known.get(track.track_id) or Described()
            gaze = self._looking.next_gaze(
                described.gaze,
                view.pose,
                view.eyes_open,
                stand_id=stand_id,
                t_us=track.seen_us,
                gap_us=track.seen_us - last_us.get(track.track_id, track.seen_us),
            )
            described = msgspec.structs.replace(described, gaze=gaze)
            described = self._refreshed(described, track, view, budget)
            after[track.track_id] = described
            faces.append(self._seen(track, view, described))
        return after, tuple(sorted(faces, key=lambda face: face.track_number or 0))

    def _refreshed(self, described: Described, track: Track, view: View, budget: Budget) -> Described:
        """Run the costly readings that are due and for which there is room in this frame."""
        options, t_us, traits = self._options.traits, track.seen_us, described.traits
        if expression_due(traits, view.pose, t_us, options) and budget.take("expression"):
            read = self._faculties.expressions.classify(view.picture, view.landmarks_px)
            traits = with_expression(traits, read.scores, t_us, options)
        judged = quality_due(traits, t_us, options)
        if judged:
            quality = face_quality(view.picture, view.mesh, view.pose)
            traits = msgspec.structs.replace(traits, quality=quality, quality_us=t_us)
        if age_gender_due(traits, view.pose, t_us, options) and budget.take("age"):
            guess = self._faculties.ages.estimate(view.picture, view.landmarks_px)
            traits = with_age_gender(
                traits,
                guess.age_years,
                guess.female_probability,
                weight=max(LEAST_WEIGHT, traits.quality),
                t_us=t_us,
            )
        described = msgspec.structs.replace(described, traits=traits)
        due = judged and template_due(traits, traits.quality, track.samples, t_us, options)
        return self._with_template(described, view, t_us) if due and budget.take("template") else described

    def _with_template(self, described: Described, view: View, t_us: int) -> Described:
        # Made exactly as at enrolment: the threshold is calibrated for such templates.
        landmarks_px = view.landmarks_px
        template = self._faculties.templates.extract_robust(
            view.picture, five_points(landmarks_px), landmarks_px
        )
        vote, match, quality = described.vote, described.match, described.traits.quality
        if self._recogniser is not None:
            vote = self._recogniser.voted(vote, template, quality)
            match = self._recogniser.decided(vote) or (match if described.resumed else None)
        better = described.template is None or quality > described.traits.template_quality
        return msgspec.structs.replace(
            described,
            traits=with_template(described.traits, quality, t_us),
            vote=vote,
            match=match,
            template=template if better else described.template,
        )

    def _seen(self, track: Track, view: View, described: Described) -> SeenFace:
        match, traits = described.match, described.traits
        return SeenFace(
            box_px=track.box_px,
            score=track.score,
            mesh=view.mesh,
            pose=view.pose,
            eyes_open=view.eyes_open,
            looking=described.gaze.looking,
            quality=traits.quality,
            expression_scores=traits.expression_scores,
            age_years=traits.age_years,
            female_probability=traits.female_probability,
            member_id=match.person_id if match else None,
            similarity=match.similarity if match else None,
            compared=described.vote is not None,
            track_id=track.track_id,
            track_number=track.number,
        )


def _need(described: Described | None) -> tuple[int, int]:
    """Tracks that were read least come first, so that a crowd takes turns."""
    if described is None:
        return 0, 0
    return described.traits.template_count, described.traits.age_gender_count
