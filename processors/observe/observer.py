"""OBSERVE: one camera's frames become tracked, described and recognised faces. A fold over frames."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from processors.observe.describe import Described, Describer
from processors.observe.faculties import Faculties
from processors.observe.perception.detection import Detection
from processors.observe.perception.mesh import (
    Mesh,
    box_from_mesh,
    confirms,
    region_from_detection,
    region_from_mesh,
)
from processors.observe.scene import Thumbnail, is_cut, thumbnail
from processors.observe.seen import SeenFace
from processors.observe.tracking import (
    Sighting,
    Track,
    TrackingOptions,
    continued,
    first_double,
    match,
    still_hidden,
)
from processors.vision.boxes import Box, overlap
from schemas.ids import derive_id
from schemas.ports import Pixels
from schemas.ranges import Seconds
from schemas.stretches import Stretches
from schemas.units import us_from_s


class ObserveOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often the detector looks at the whole picture, and how faces are followed in between."""

    detect_every_s: Seconds = 0.15
    tracking: TrackingOptions = TrackingOptions()


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """What OBSERVE remembers of one camera."""

    stand_id: str
    camera_id: str
    active: tuple[Track, ...] = ()
    """Tracks seen in the last frame."""
    hidden: tuple[Track, ...] = ()
    """Tracks lost a moment ago."""
    described: Mapping[UUID, Described] = {}
    """Traits, votes and templates by track; templates are never encoded."""
    last_number: int = 0
    detected_us: int | None = None
    scene: Thumbnail | None = None
    cuts: int = 0
    last_us: int | None = None
    """Event time of the last frame."""
    stretches: Stretches = ()
    """Of the frames that were published; in one process nothing is sent twice."""

    def begun_anew(self) -> "CameraState":
        """The camera without what it saw before; its tracks keep counting."""
        return CameraState(
            stand_id=self.stand_id,
            camera_id=self.camera_id,
            last_number=self.last_number,
            cuts=self.cuts,
            stretches=self.stretches,
        )


Cameras = Mapping[str, CameraState]
"""What OBSERVE remembers of one stand: a state a camera."""


class _Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A track seen in this frame together with its mesh."""

    track: Track
    mesh: Mesh


class Observer:
    """Folds the frames of any camera into its tracks; holds no state of its own."""

    def __init__(self, faculties: Faculties, describer: Describer, options: ObserveOptions) -> None:
        self._faculties = faculties
        self._describer = describer
        self._options = options

    def step(
        self, state: CameraState, picture: Pixels, t_us: int
    ) -> tuple[CameraState, tuple[SeenFace, ...]]:
        """One more frame.

        Args:
            state: what is remembered of the camera.
            picture: (h, w, 3) uint8, BGR.
            t_us: event time of the frame; not before the frame before.

        Returns:
            The state after the frame and the faces seen in it, oldest track first.
        """
        state = self._after_scene(state, picture)
        last_us = {track.track_id: track.seen_us for track in (*state.active, *state.hidden)}
        followed = self._one_a_face(state, self._follow(state.active, picture, t_us), picture)
        found = followed
        if self._must_detect(state, followed, t_us):
            state, found = self._detect(state, followed, picture, t_us)
            found = self._one_a_face(state, found, picture)
        state = self._settle(state, found, t_us)
        return self._describe(msgspec.structs.replace(state, last_us=t_us), found, picture, last_us=last_us)

    def _after_scene(self, state: CameraState, picture: Pixels) -> CameraState:
        """The state before this frame is looked at; a cut ends all tracks."""
        scene = thumbnail(picture)
        if not is_cut(state.scene, scene):
            return msgspec.structs.replace(state, scene=scene)
        return msgspec.structs.replace(state.begun_anew(), scene=scene, cuts=state.cuts + 1)

    def _follow(self, tracks: Sequence[Track], picture: Pixels, t_us: int) -> tuple[_Found, ...]:
        """Tracks whose mesh still holds on to the face, without the detector."""
        found = []
        # After a silence of the camera somebody else may stand in the same place.
        for track in still_hidden(tracks, t_us, self._options.tracking):
            mesh = self._faculties.fitter.fit(picture, track.region)
            sighting = _sighting(mesh, score=track.score)
            # The mesh stayed with the face if it neither jumped nor swelled within one frame.
            stayed = overlap(track.box_px, sighting.box_px) >= 0.3
            if stayed and mesh.presence >= self._options.tracking.keep_presence:
                found.append(_Found(track=continued(track, sighting, t_us), mesh=mesh))
        return tuple(found)

    def _one_a_face(self, state: CameraState, found: Sequence[_Found], picture: Pixels) -> tuple[_Found, ...]:
        """Of two tracks that ended up on one face the one that looks more like it stays."""
        left = list(found)
        while pair := first_double([each.track for each in left]):
            longer, other = (left[i] for i in pair)
            same = self._describer.more_alike(
                state.described.get(longer.track.track_id),
                state.described.get(other.track.track_id),
                picture,
                longer.mesh,
            )
            left.remove(other if same else longer)
        return tuple(left)

    def _must_detect(self, state: CameraState, followed: Sequence[_Found], t_us: int) -> bool:
        if state.detected_us is None or len(followed) < len(state.active):
            return True
        return t_us - state.detected_us >= us_from_s(self._options.detect_every_s)

    def _detect(
        self, state: CameraState, followed: Sequence[_Found], picture: Pixels, t_us: int
    ) -> tuple[CameraState, tuple[_Found, ...]]:
        """Confirm followed tracks, find lost ones again, begin new ones."""
        detections = self._faculties.detector.detect(picture)
        boxes: list[Box] = [detection.box_px for detection in detections]
        tracking = self._options.tracking
        confirmed = match([f.track for f in followed], boxes, t_us, tracking)
        found = self._confirm(followed, detections, dict(confirmed))
        left = [i for i in range(len(boxes)) if i not in {j for _, j in confirmed}]
        left = [i for i in left if all(overlap(boxes[i], f.track.box_px) < 0.3 for f in found)]
        state = msgspec.structs.replace(state, detected_us=t_us)
        for detection in (detections[i] for i in left):
            state, news = self._begin_or_resume(state, detection, picture, t_us, found)
            found = (*found, *news)
        return state, found

    def _confirm(
        self, followed: Sequence[_Found], detections: Sequence[Detection], pairs: Mapping[int, int]
    ) -> tuple[_Found, ...]:
        """Followed tracks after a detector run; one that is missed too often ends."""
        found = []
        for i, each in enumerate(followed):
            if i in pairs:
                track = msgspec.structs.replace(each.track, misses=0, score=detections[pairs[i]].score)
            else:
                track = msgspec.structs.replace(each.track, misses=each.track.misses + 1)
            if track.misses < self._options.tracking.max_misses:
                found.append(msgspec.structs.replace(each, track=track))
        return tuple(found)

    def _begin_or_resume(
        self,
        state: CameraState,
        detection: Detection,
        picture: Pixels,
        t_us: int,
        found: Sequence[_Found],
    ) -> tuple[CameraState, tuple[_Found, ...]]:
        """A detection without a track: a face that comes back, a new one, or a mistake."""
        mesh = self._faculties.fitter.fit(picture, region_from_detection(detection))
        if not confirms(mesh, detection, min_presence=self._options.tracking.start_presence):
            return state, ()
        sighting = _sighting(mesh, score=detection.score)
        candidates = self._candidates(self._lost(state, found, t_us), detection, t_us)
        known = [state.described.get(track.track_id) for track in candidates]
        back = self._describer.first_alike(known, picture, detection)
        if back is not None:
            return state, (_Found(track=continued(candidates[back], sighting, t_us), mesh=mesh),)
        if detection.score < self._options.tracking.start_score:
            return state, ()
        track = _new_track(state, sighting, t_us)
        return msgspec.structs.replace(state, last_number=track.number), (_Found(track=track, mesh=mesh),)

    def _lost(self, state: CameraState, found: Sequence[_Found], t_us: int) -> tuple[Track, ...]:
        seen = {each.track.track_id for each in found}
        unseen = [t for t in (*state.active, *state.hidden) if t.track_id not in seen]
        return still_hidden(unseen, t_us, self._options.tracking)

    def _candidates(self, lost: Sequence[Track], detection: Detection, t_us: int) -> list[Track]:
        """Lost tracks that this detection could be, nearest first."""
        remaining, ordered = list(lost), []
        while pairs := match(remaining, [detection.box_px], t_us, self._options.tracking):
            ordered.append(remaining.pop(pairs[0][0]))
        return ordered

    def _settle(self, state: CameraState, found: Sequence[_Found], t_us: int) -> CameraState:
        """Sort tracks into active, hidden and gone; forget what is gone."""
        active = tuple(sorted((each.track for each in found), key=lambda track: track.number))
        hidden = self._lost(state, found, t_us)
        alive = {track.track_id for track in (*active, *hidden)}
        described = {key: value for key, value in state.described.items() if key in alive}
        return msgspec.structs.replace(state, active=active, hidden=hidden, described=described)

    def _describe(
        self, state: CameraState, found: Sequence[_Found], picture: Pixels, *, last_us: Mapping[UUID, int]
    ) -> tuple[CameraState, tuple[SeenFace, ...]]:
        meshes = {each.track.track_id: each.mesh for each in found}
        pairs = [(track, meshes[track.track_id]) for track in state.active]
        described, faces = self._describer.describe(
            state.described, pairs, picture, stand_id=state.stand_id, last_us=last_us
        )
        return msgspec.structs.replace(state, described=described), faces


def _sighting(mesh: Mesh, *, score: float) -> Sighting:
    return Sighting(box_px=box_from_mesh(mesh), region=region_from_mesh(mesh), score=score)


def _new_track(state: CameraState, sighting: Sighting, t_us: int) -> Track:
    number = state.last_number + 1
    return Track(
        track_id=derive_id("track", state.stand_id, state.camera_id, t_us, number),
        number=number,
        box_px=sighting.box_px,
        region=sighting.region,
        first_us=t_us,
        seen_us=t_us,
        score=sighting.score,
    )
