"""Intake: what a stand accepts of its cameras' events, and where each sample goes."""

from bisect import bisect_left
from uuid import UUID

import msgspec

from processors.measure.samples import Sample, sample_of
from processors.measure.segments import Interval, union
from processors.measure.state import TIME, StandState, Trail, whole_second_us
from processors.thresholds import MeasureOptions
from schemas.events import FaceObservations
from schemas.stretches import Course, Stretches, course_of, extended
from schemas.units import us_from_s

Frames = tuple[FaceObservations, ...]


def admitted(
    state: StandState, frame: FaceObservations, options: MeasureOptions
) -> tuple[StandState, Frames]:
    """Decide by its time whether an event enters now, waits, or only counts.

    An event older than the correction horizon is counted, and so is one from before the clock was set back
    that is sent again. One more than `max_jump_s` ahead waits; so does one that is older than the horizon and
    new though its camera has sent later ones. When `jump_confirmations` such events came and none that moved
    the clock on as usual, the clock has jumped and they enter; otherwise they are counted.

    Returns:
        The new state, and the events that enter now, by time; where these are late the clock was set back.
    """
    newest_us = state.newest_us
    if newest_us is None:
        return state, (frame,)
    if frame.t_us > newest_us and _course(state, frame) == "known":
        return state.ignoring("observations_late"), ()
    if frame.t_us > newest_us + us_from_s(options.max_jump_s):
        return _waiting(state, frame, options)
    if is_late(state, frame.t_us, options):
        return _behind(state, frame, options)
    if not state.waiting or frame.t_us <= newest_us:
        return state, (frame,)
    return _contradicted(state, frame, options)


def is_late(state: StandState, t_us: int, options: MeasureOptions) -> bool:
    """Whether an instant is older than the correction horizon."""
    newest_us = state.newest_us
    return newest_us is not None and t_us < newest_us - us_from_s(options.lateness_s) - us_from_s(
        options.late_horizon_s
    )


def without_waiting(state: StandState, *, keep: Frames = ()) -> StandState:
    """The state after what waited was contradicted: it is counted, save what is kept for now."""
    newest_us, gone = state.newest_us or 0, [each for each in state.waiting if each not in keep]
    ahead = sum(each.t_us > newest_us for each in gone)
    counted = state.ignoring("observations_ahead", ahead).ignoring("observations_late", len(gone) - ahead)
    return msgspec.structs.replace(counted, waiting=())


def with_frame(state: StandState, frame: FaceObservations, options: MeasureOptions) -> StandState:
    """Put the samples of an admitted event to their tracks and move the clock on.

    Returns:
        The new state; an event that is known already changes nothing.
    """
    t_us, newest_us = frame.t_us, state.newest_us
    if newest_us is None:
        state = _begun(state, t_us, options)
        newest_us = t_us
    tracks, parted, due_us = state.tracks, state.parted, state.next_due_us
    if frame.faces:
        tracks = tracks.copy()
        rejoin_us = us_from_s(options.rejoin_s)
        for face in frame.faces:
            sample = sample_of(face, frame, options)
            track = tracks.get(face.track_id)
            if track is not None and track.last_us < t_us <= track.last_us + rejoin_us:
                tracks[face.track_id] = _longer(track, sample)
            else:
                parted = _placed(tracks, parted, face.track_id, sample, rejoin_us)
                due_us = min(due_us, whole_second_us(t_us + rejoin_us + 1))
    return msgspec.structs.replace(
        state,
        newest_us=max(newest_us, t_us),
        next_due_us=due_us,
        seen=_seen(state.seen, t_us, us_from_s(options.presence_gap_s)),
        tracks=tracks,
        parted=parted,
        models=_models(state.models, frame),
        cameras=_cameras(state.cameras, frame),
    )


def _waiting(
    state: StandState, frame: FaceObservations, options: MeasureOptions
) -> tuple[StandState, Frames]:
    """One more event far from the clock: those on the same side of it confirm each other."""
    if any(known.observation_id == frame.observation_id for known in state.waiting):
        return state, ()
    newest_us = state.newest_us or 0
    alike = tuple(each for each in state.waiting if (each.t_us > newest_us) == (frame.t_us > newest_us))
    waiting = tuple(sorted((*alike, frame), key=TIME))
    state = without_waiting(state, keep=alike)
    if len(waiting) < options.jump_confirmations:
        return msgspec.structs.replace(state, waiting=waiting), ()
    return state, waiting


def _behind(state: StandState, frame: FaceObservations, options: MeasureOptions) -> tuple[StandState, Frames]:
    if _course(state, frame) == "back":
        return _waiting(state, frame, options)
    return state.ignoring("observations_late"), ()


def _course(state: StandState, frame: FaceObservations) -> Course:
    return course_of(state.cameras.get(frame.camera_id, ()), frame.frame_index, frame.t_us)


def _contradicted(
    state: StandState, frame: FaceObservations, options: MeasureOptions
) -> tuple[StandState, Frames]:
    """The clock went on as usual: what still lies far from it was wrong."""
    newest_us, limit_us = state.newest_us or 0, frame.t_us + us_from_s(options.max_jump_s)
    near = tuple(each for each in state.waiting if newest_us < each.t_us <= limit_us)
    return without_waiting(state, keep=near), (frame, *near)


def _cameras(cameras: dict[str, Stretches], frame: FaceObservations) -> dict[str, Stretches]:
    before = cameras.get(frame.camera_id, ())
    after = extended(before, frame.frame_index, frame.t_us)
    return cameras if after is before else cameras | {frame.camera_id: after}


def _begun(state: StandState, t_us: int, options: MeasureOptions) -> StandState:
    length_us = us_from_s(options.window_s)
    watermark_us = t_us - us_from_s(options.lateness_s)
    oldest_us = watermark_us - us_from_s(options.late_horizon_s)
    return msgspec.structs.replace(
        state,
        closed_until_us=watermark_us // length_us * length_us,
        frozen_until_us=oldest_us // length_us * length_us,
        next_due_us=watermark_us,
    )


def _longer(track: Trail, sample: Sample) -> Trail:
    return msgspec.structs.replace(
        track,
        last_us=sample.t_us,
        tail=(*track.tail, sample),
        recognised=track.recognised or sample.member_id is not None,
    )


def _placed(
    tracks: dict[UUID, Trail], parted: tuple[Trail, ...], track_id: UUID, sample: Sample, rejoin_us: int
) -> tuple[Trail, ...]:
    """Begin a track or put a late sample into its part; `tracks` keeps the newest part of each track."""
    newest = tracks.get(track_id)
    parts = [part for part in parted if part.track_id == track_id] + ([newest] if newest else [])
    near = [p for p in parts if p.first_us - rejoin_us <= sample.t_us <= p.last_us + rejoin_us]
    others = [part for part in parts if part not in near]
    changed = _merged(near, sample, track_id)
    ordered = sorted((*others, *changed), key=lambda part: part.first_us)
    tracks[track_id] = ordered[-1]
    return (*(part for part in parted if part.track_id != track_id), *ordered[:-1])


def _merged(near: list[Trail], sample: Sample, track_id: UUID) -> list[Trail]:
    """The parts within reach with the sample in the first, joined into one unless both were written."""
    if not near:
        recognised = sample.member_id is not None
        t_us = sample.t_us
        return [Trail(track_id=track_id, first_us=t_us, last_us=t_us, tail=(sample,), recognised=recognised)]
    first, *rest = near
    first = _with_late(first, sample)
    if not rest or (first.visit_id is not None and rest[0].visit_id is not None):
        return [first, *rest]
    second = rest[0]
    return [
        msgspec.structs.replace(
            first,
            last_us=second.last_us,
            tail=first.tail + second.tail,
            visit_id=first.visit_id or second.visit_id,
            recognised=first.recognised or second.recognised,
        ),
        *rest[1:],
    ]


def _with_late(track: Trail, sample: Sample) -> Trail:
    index = bisect_left(track.tail, sample.t_us, key=TIME)
    if index < len(track.tail) and track.tail[index].t_us == sample.t_us:
        return track
    return msgspec.structs.replace(
        track,
        first_us=min(track.first_us, sample.t_us),
        last_us=max(track.last_us, sample.t_us),
        tail=(*track.tail[:index], sample, *track.tail[index:]),
        recognised=track.recognised or sample.member_id is not None,
    )


def _seen(seen: tuple[Interval, ...], t_us: int, gap_us: int) -> tuple[Interval, ...]:
    """The instants joined where they lie at most `gap_us` apart."""
    if seen and seen[-1][0] <= t_us <= seen[-1][1] + gap_us:
        start, end = seen[-1]
        return seen if t_us <= end else (*seen[:-1], (start, t_us))
    return tuple(union((*seen, (t_us, t_us)), gap_us))


def _models(models: dict[str, int], frame: FaceObservations) -> dict[str, int]:
    version = frame.model_version
    if not version or models.get(version, frame.t_us + 1) <= frame.t_us:
        return models
    return models | {version: frame.t_us}
