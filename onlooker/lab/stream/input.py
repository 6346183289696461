"""What the stream benchmarks send: the same stands, people and plays on every machine."""

import random
from collections.abc import Iterator

import msgspec

from schemas.events import FaceObservations, FaceObserved, Play, Pose
from schemas.ids import derive_id
from schemas.units import US_PER_S, us_from_s

FRAMES_PER_S = 10
START_US = 1_700_000_000 * US_PER_S
PLAY_S = 10
VISIT_S, GAP_S = (4.0, 14.0), (2.0, 10.0)
SECOND_PERSON = 0.3
"""Share of visits that somebody else joins after their first two seconds."""
WIDTH_PX, HEIGHT_PX = 1280, 720


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """How many stands send for how long."""

    stands: int
    seconds: int

    @property
    def events(self) -> int:
        """Observation events of all stands."""
        return self.stands * self.seconds * FRAMES_PER_S


class _Presence(msgspec.Struct, frozen=True, kw_only=True):
    """One person before a stand in [from_s, to_s), looking in the middle half of it."""

    name: str
    from_s: float
    to_s: float
    age_years: float
    left_px: float

    def looks(self, t_s: float) -> bool:
        quarter = (self.to_s - self.from_s) / 4
        return self.from_s + quarter <= t_s < self.to_s - quarter


def traffic(crowd: Crowd) -> Iterator[FaceObservations | Play]:
    """Everything that the stands send, in order of time: frames of all stands, and their plays.

    Args:
        crowd: stands and seconds.

    Yields:
        `crowd.events` observations (about 0.8 faces each) and a play every ten seconds and stand.
    """
    names = [f"stand-{number:05d}" for number in range(crowd.stands)]
    people = {name: _presences(name, crowd.seconds) for name in names}
    for index in range(crowd.seconds * FRAMES_PER_S):
        if index % (PLAY_S * FRAMES_PER_S) == 0:
            yield from (_play(name, index // FRAMES_PER_S) for name in names)
        yield from (_observation(name, index, people[name]) for name in names)


def _presences(stand_id: str, seconds: int) -> list[_Presence]:
    chance = random.Random(stand_id)  # noqa: S311 - no secret: the same crowd on every machine
    found: list[_Presence] = []
    at_s = chance.uniform(0.0, GAP_S[1])
    while at_s < seconds:
        until_s = at_s + chance.uniform(*VISIT_S)
        starts = [at_s, at_s + 2.0] if chance.random() < SECOND_PERSON else [at_s]
        found += [
            _presence(f"{stand_id}/{len(found) + i}", (s, until_s), chance) for i, s in enumerate(starts)
        ]
        at_s = until_s + chance.uniform(*GAP_S)
    return found


def _presence(name: str, span_s: tuple[float, float], chance: random.Random) -> _Presence:
    age, left = chance.uniform(18.0, 70.0), chance.uniform(100.0, 1000.0)
    return _Presence(name=name, from_s=span_s[0], to_s=span_s[1], age_years=age, left_px=left)


def _observation(stand_id: str, index: int, people: list[_Presence]) -> FaceObservations:
    t_s = index / FRAMES_PER_S
    while people and people[0].to_s <= t_s:
        people.pop(0)
    here = [person for person in people[:4] if person.from_s <= t_s < person.to_s]
    return FaceObservations(
        observation_id=derive_id("bench-observation", stand_id, index),
        stand_id=stand_id,
        camera_id="camera-1",
        frame_index=index,
        t_us=START_US + us_from_s(t_s),
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        faces=tuple(_face(person, t_s) for person in here),
        model_version="bench",
    )


def _face(person: _Presence, t_s: float) -> FaceObserved:
    looks = person.looks(t_s)
    return FaceObserved(
        track_id=derive_id("bench-track", person.name),
        box_px=(person.left_px + 3 * t_s % 40, 200.0, 90.0, 120.0),
        score=0.93,
        quality=0.8,
        pose=Pose(yaw_deg=3.0 if looks else 55.0, pitch_deg=-2.0, roll_deg=1.0),
        eyes_open=True,
        expression_scores=(0.3, 0.6, 0.02, 0.02, 0.02, 0.02, 0.02),
        age_years=person.age_years,
        female_probability=0.3 if person.age_years < 40 else 0.8,
    )


def _play(stand_id: str, second: int) -> Play:
    number = second // PLAY_S
    return Play(
        play_id=derive_id("bench-play", stand_id, number),
        stand_id=stand_id,
        campaign_id=f"campaign-{number % 3}",
        creative_id=f"creative-{number % 6}",
        start_us=START_US + second * US_PER_S,
        end_us=START_US + (second + PLAY_S) * US_PER_S,
    )
