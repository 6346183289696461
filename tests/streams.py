"""Synthetic stands: people who come, look and go before several cameras, as the events that reach MEASURE."""

import random
from collections.abc import Iterator
from heapq import merge

import msgspec

from producers.playlist import PlayFeed, PlaylistOptions, Slot
from schemas.events import EXPRESSIONS, FaceObservations, FaceObserved, MeasureInput, Play, Pose, StreamEnded
from schemas.ids import derive_id

START_US = 1_772_445_600_000_000
"""2026-03-02 10:00 UTC."""
WIDTH_PX, HEIGHT_PX = 640, 480
MODEL = "synthetic-1"


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the synthetic stands are like; the same options give the same events."""

    observations: int
    """How many there are, about, over all stands."""
    seed: int = 0
    stands: int = 8
    cameras: int = 2
    start_us: int = START_US
    """Event time of the first frames, us UTC."""
    period_us: int = 100_000
    """Between two frames of a camera."""
    arrivals_per_s: float = 0.12
    """Of people, a camera."""
    late_share: float = 0.004
    """Of spans of a second in which a camera's events come 1 to 20 s late."""
    repeated_share: float = 0.001
    """Of observations that come twice."""
    set_by_us: int = 0
    """By how much every other stand's clock is set wrong a third of the way, to be right after two."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody before one camera, by frame numbers of that camera."""

    number: int
    first: int
    last: int
    looks: tuple[tuple[int, int], ...]
    expression: int | None
    age_years: float | None
    female: float | None
    member: str | None
    left_px: float
    height_px: float


Arrival = tuple[int, int, FaceObservations]
"""When it reaches the topic (us), which camera, what."""


def stand_ids(options: StreamOptions) -> list[str]:
    """The stands of a stream."""
    return [f"synthetic-{number:02}" for number in range(options.stands)]


def synthetic(options: StreamOptions) -> Iterator[MeasureInput]:
    """All events in the order in which they come: plays before the observations in which they run.

    Args:
        options: how many, of what kind.

    Yields:
        Plays and observations of all stands by time, in the end a `StreamEnded` for each stand.
    """
    stands = [_stand(options, stand_id) for stand_id in stand_ids(options)]
    for _, _, _, events in merge(*stands, key=lambda each: each[:3]):
        yield from events
    for stand_id in stand_ids(options):
        yield StreamEnded(stand_id=stand_id)


def _stand(
    options: StreamOptions, stand_id: str
) -> Iterator[tuple[int, str, int, tuple[Play | FaceObservations, ...]]]:
    feed = PlayFeed(_playlist(options, stand_id), stand_id)
    frames = -(-options.observations // (options.stands * options.cameras))
    cameras = [_camera(options, stand_id, number, frames) for number in range(options.cameras)]
    newest_us = 0
    is_set = options.set_by_us != 0 and int(stand_id[-2:]) % 2 == 0
    for order, (arrives_us, _, event) in enumerate(merge(*cameras, key=lambda each: each[:2])):
        setting = 3 * event.frame_index // frames if is_set else 0
        wrong_us = options.set_by_us if setting == 1 else 0
        newest_us = max(newest_us, event.t_us)
        shown = msgspec.structs.replace(event, t_us=event.t_us + wrong_us)
        plays = feed.until(newest_us + wrong_us if setting >= feed.setting else shown.t_us, setting)
        yield arrives_us, stand_id, order, (*plays, shown)


def _playlist(options: StreamOptions, stand_id: str) -> PlaylistOptions:
    chance = random.Random(f"{options.seed}/{stand_id}/playlist")
    slots = tuple(
        Slot(
            campaign_id=f"campaign-{chance.randrange(5)}",
            creative_id=f"creative-{number}",
            duration_s=float(chance.choice((5, 8, 10, 15))),
        )
        for number in range(4)
    )
    return PlaylistOptions(slots=slots)


def _camera(options: StreamOptions, stand_id: str, number: int, frames: int) -> Iterator[Arrival]:
    """One camera's events by arrival; a span that comes late comes as a whole, behind newer ones."""
    chance = random.Random(f"{options.seed}/{stand_id}/{number}")
    people = iter(_people(options, chance, f"{stand_id}/{number}", frames))
    here: list[Person] = []
    coming = next(people, None)
    waiting: list[Arrival] = []
    late_us = 0
    a_second = max(1, 1_000_000 // options.period_us)
    for frame in range(frames):
        while coming is not None and coming.first <= frame:
            here.append(coming)
            coming = next(people, None)
        here = [person for person in here if person.last >= frame]
        t_us = options.start_us + frame * options.period_us + number * options.period_us // options.cameras
        event = _observation(stand_id, number, frame, t_us, here)
        if frame % a_second == 0:
            late_us = chance.randrange(1_000_000, 20_000_000) if chance.random() < options.late_share else 0
        waiting.append((t_us + late_us, number, event))
        if chance.random() < options.repeated_share:
            waiting.append((t_us + late_us + 3 * options.period_us, number, event))
        ready = [each for each in waiting if each[0] <= t_us]
        if ready:
            waiting = [each for each in waiting if each[0] > t_us]
            yield from sorted(ready, key=lambda each: each[0])
    yield from sorted(waiting, key=lambda each: each[0])


def _people(options: StreamOptions, chance: random.Random, place: str, frames: int) -> Iterator[Person]:
    frame, number = 0.0, 0
    per_s = 1_000_000 / options.period_us
    while True:
        frame += chance.expovariate(options.arrivals_per_s) * per_s
        if frame >= frames:
            return
        stays = int(min(240, 1 + chance.expovariate(1 / 8)) * per_s)
        yield _person(chance, place=place, number=number, first=int(frame), stays=stays)
        number += 1


def _person(chance: random.Random, *, place: str, number: int, first: int, stays: int) -> Person:
    looks, frame = [], first
    while (frame := frame + chance.randrange(1, 40)) < first + stays:
        end = frame + chance.randrange(1, 60)
        looks.append((frame, end))
        frame = end
    known = chance.random() < 0.9
    return Person(
        number=number,
        first=first,
        last=first + stays,
        looks=tuple(looks),
        expression=chance.randrange(len(EXPRESSIONS)) if chance.random() < 0.8 else None,
        age_years=round(chance.uniform(8, 85), 1) if known else None,
        female=round(chance.random(), 3) if known else None,
        member=f"{place}/member-{number}" if chance.random() < 0.05 else None,
        left_px=chance.uniform(0, 500),
        height_px=chance.uniform(50, 160),
    )


def _observation(stand_id: str, number: int, frame: int, t_us: int, people: list[Person]) -> FaceObservations:
    camera_id = f"camera-{number}"
    return FaceObservations(
        observation_id=derive_id("observation", stand_id, camera_id, frame, t_us),
        stand_id=stand_id,
        camera_id=camera_id,
        frame_index=frame,
        t_us=t_us,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        faces=tuple(_face(person, frame, f"{stand_id}/{number}") for person in people),
        model_version=MODEL,
    )


def _face(person: Person, frame: int, place: str) -> FaceObserved:
    looking = any(start <= frame < end for start, end in person.looks)
    scores = None
    if person.expression is not None and looking:
        scores = tuple(0.7 if index == person.expression else 0.05 for index in range(len(EXPRESSIONS)))
    settled = frame - person.first > 5
    return FaceObserved(
        track_id=derive_id("track", place, person.number),
        box_px=(person.left_px, 100.0, person.height_px * 0.8, person.height_px),
        score=0.9,
        quality=0.8,
        pose=Pose(yaw_deg=3.0 if looking else 50.0, pitch_deg=frame % 7 - 3.0, roll_deg=0.0),
        eyes_open=frame % 29 != 0,
        expression_scores=scores,
        age_years=person.age_years if settled else None,
        female_probability=person.female if settled else None,
        member_id=person.member if settled else None,
        similarity=0.6 if settled and person.member else None,
    )
