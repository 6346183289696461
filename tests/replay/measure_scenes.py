"""Scenes for MEASURE: people before a stand in few words, turned into the events a camera would send."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from processors.measure.fold import MeasureOptions, step
from processors.measure.state import StandState
from schemas.events import (
    EXPRESSIONS,
    FaceObservations,
    FaceObserved,
    MeasureInput,
    MeasureOutput,
    Play,
    Pose,
    StreamEnded,
    VisitEnded,
    WindowClosed,
)
from schemas.ids import derive_id
from schemas.units import us_from_s

WIDTH_PX, HEIGHT_PX = 640, 480

Look = tuple[float, float]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One track of somebody seen in [from_s, to_s], looking during `looks`, s."""

    track: str
    from_s: float
    to_s: float
    looks: tuple[Look, ...] = ()
    expression: str | None = None
    age: float | None = None
    female: float | None = None
    member: str | None = None
    member_from_s: float = 0.0
    height_px: tuple[float, float] = (100.0, 100.0)
    left_px: float = 300.0


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that reports in [from_s, to_s), every `period_s`."""

    camera: str = "cam"
    from_s: float = 0.0
    to_s: float
    period_s: float = 0.1
    first_index: int | None = None
    """Number of its first frame; None: as if it had reported since 0 s."""
    people: tuple[Person, ...] = ()


class Showing(msgspec.Struct, frozen=True, kw_only=True):
    """One play."""

    creative: str
    from_s: float
    to_s: float
    campaign: str = "camp"


class SeenFace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One face as it was recorded, under another name."""

    track: str
    box_px: tuple[int, ...]
    pose_deg: tuple[int, int, int] | None = None
    """Yaw, pitch, roll."""
    eyes_open: bool | None = None
    expression: tuple[float, ...] | None = None
    age: float | None = None
    female: float | None = None
    member: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One observation as it was recorded."""

    camera: str
    t_us: int
    size_px: tuple[int, int] = (640, 480)
    faces: tuple[SeenFace, ...] = ()


def seen(stand_id: str, sight: Seen) -> FaceObservations:
    """The event of a recorded observation."""
    made = observation(stand_id, sight.camera, sight.t_us, tuple(map(_recorded_face, sight.faces)))
    return msgspec.structs.replace(made, width_px=sight.size_px[0], height_px=sight.size_px[1])


def _recorded_face(each: SeenFace) -> FaceObserved:
    left, top, width, height = (float(x) for x in each.box_px)
    pose = each.pose_deg
    return FaceObserved(
        track_id=track_id(each.track),
        box_px=(left, top, width, height),
        score=0.9,
        quality=0.8,
        pose=None if pose is None else Pose(yaw_deg=pose[0], pitch_deg=pose[1], roll_deg=pose[2]),
        eyes_open=each.eyes_open,
        expression_scores=each.expression,
        age_years=each.age,
        female_probability=each.female,
        member_id=each.member,
    )


def track_id(name: str) -> UUID:
    """The id of a named track."""
    return derive_id("test-track", name)


def face(person: Person, t_s: float) -> FaceObserved:
    """The person's face at an instant."""
    share = (t_s - person.from_s) / max(1e-9, person.to_s - person.from_s)
    height = person.height_px[0] + share * (person.height_px[1] - person.height_px[0])
    looking = any(start <= t_s < end for start, end in person.looks)
    scores = None
    if person.expression is not None:
        scores = tuple(1.0 if label == person.expression else 0.0 for label in EXPRESSIONS)
    known = person.member is not None and t_s >= person.member_from_s
    return FaceObserved(
        track_id=track_id(person.track),
        box_px=(person.left_px, 100.0, 80.0, round(height, 3)),
        score=0.9,
        quality=0.8,
        pose=Pose(yaw_deg=2.0 if looking else 60.0, pitch_deg=0.0, roll_deg=0.0),
        eyes_open=True,
        expression_scores=scores if looking else None,
        age_years=person.age,
        female_probability=person.female,
        member_id=person.member if known else None,
    )


def frames(stand_id: str, camera: Camera, start_us: int = 0) -> list[FaceObservations]:
    """All events of a camera, by time."""
    count = round((camera.to_s - camera.from_s) / camera.period_s)
    number = camera.first_index
    if number is None:
        number = max(0, round(camera.from_s / camera.period_s))
    made = []
    for index in range(count):
        t_s = round(camera.from_s + index * camera.period_s, 6)
        faces = tuple(face(p, t_s) for p in camera.people if p.from_s <= t_s <= p.to_s)
        seen_at = observation(stand_id, camera.camera, start_us + us_from_s(t_s), faces)
        made.append(msgspec.structs.replace(seen_at, frame_index=number + index))
    return made


def observation(
    stand_id: str, camera_id: str, t_us: int, faces: tuple[FaceObserved, ...] = ()
) -> FaceObservations:
    """One event of a camera."""
    return FaceObservations(
        observation_id=derive_id("test-observation", stand_id, camera_id, t_us),
        stand_id=stand_id,
        camera_id=camera_id,
        frame_index=0,
        t_us=t_us,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        faces=faces,
        model_version="m1",
    )


def play(stand_id: str, showing: Showing, start_us: int = 0) -> Play:
    """The proof of play of a showing."""
    begin_us = start_us + us_from_s(showing.from_s)
    return Play(
        play_id=derive_id("test-play", stand_id, showing.campaign, showing.creative, begin_us),
        stand_id=stand_id,
        campaign_id=showing.campaign,
        creative_id=showing.creative,
        start_us=begin_us,
        end_us=start_us + us_from_s(showing.to_s),
    )


def by_time(events: Iterable[MeasureInput]) -> list[MeasureInput]:
    """Events in the order of their time; a play comes at its start."""
    return sorted(events, key=_time)


def _time(event: MeasureInput) -> tuple[int, int]:
    if isinstance(event, FaceObservations):
        return event.t_us, 1
    return (event.start_us, 0) if isinstance(event, Play) else (1 << 62, 2)


def run(
    stand_id: str, events: Sequence[MeasureInput], options: MeasureOptions | None = None, *, end: bool = True
) -> tuple[StandState, list[MeasureOutput]]:
    """Fold events, and the end of the stream, through a new stand."""
    state = StandState(stand_id=stand_id)
    facts: list[MeasureOutput] = []
    for event in (*events, StreamEnded(stand_id=stand_id)) if end else events:
        state, more = step(state, event, options or MeasureOptions())
        facts.extend(more)
    return state, facts


def final(facts: Iterable[MeasureOutput]) -> dict[str, Any]:
    """The latest version of every fact, by id, without the version number."""
    latest: dict[str, MeasureOutput] = {}
    for fact in facts:
        latest[identity(fact)] = fact
    return {key: _unversioned(fact) for key, fact in sorted(latest.items())}


def identity(fact: MeasureOutput) -> str:
    """The id of a fact."""
    return f"visit {fact.visit.visit_id}" if isinstance(fact, VisitEnded) else f"window {fact.window_id}"


def _unversioned(fact: MeasureOutput) -> MeasureOutput:
    if isinstance(fact, WindowClosed):
        return msgspec.structs.replace(fact, version=0)
    return VisitEnded(
        visit=msgspec.structs.replace(fact.visit, version=0),
        exposures=tuple(msgspec.structs.replace(each, version=0) for each in fact.exposures),
    )


def visits_of(facts: Iterable[MeasureOutput]) -> list[VisitEnded]:
    """Only the visits, every version."""
    return [fact for fact in facts if isinstance(fact, VisitEnded)]


def windows_of(facts: Iterable[MeasureOutput]) -> list[WindowClosed]:
    """Only the windows, every version."""
    return [fact for fact in facts if isinstance(fact, WindowClosed)]
