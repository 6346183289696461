"""What the benchmarks send: the same stands, people and plays everywhere, and what MEASURE makes of them."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, cycle
from typing import Any
from uuid import uuid4

import msgspec

from processors.measure.stage import MeasureStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from producers.playlist import PlayFeed, PlaylistOptions, Slot
from schemas.events import FaceObservations, FaceObserved, Play, Pose, VisitEnded, WindowClosed
from schemas.ids import derive_id
from schemas.topics import Topic
from schemas.units import US_PER_S
from sinks.facts.kinds import rows_in

Sent = FaceObservations | Play
Fact = VisitEnded | WindowClosed | Play
FRAMES_PER_S = 10
START_US = 1_700_000_000 * US_PER_S
PLAYLIST = PlaylistOptions(
    slots=tuple(
        Slot(campaign_id=f"campaign-{n % 3}", creative_id=f"creative-{n}", duration_s=10) for n in range(6)
    )
)
VISIT_S, GAP_S = (4.0, 14.0), (2.0, 10.0)
SECOND_PERSON = 0.3
"""Share of visits that somebody else joins after their first two seconds."""
MOST_ROWS = 64
"""No fact becomes more rows: a batch stops so many below its bound."""
replace = msgspec.structs.replace


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """How many stands send for how long."""

    stands: int
    seconds: int

    @property
    def events(self) -> int:
        """Observation events of all stands."""
        return self.stands * self.seconds * FRAMES_PER_S


class _Presence(msgspec.Struct, frozen=True):
    """One person before a stand in [from_s, to_s), looking in the middle half of it."""

    name: str
    from_s: float
    to_s: float
    age_years: float
    left_px: float


def stand_name(number: int) -> str:
    """The id of the n-th stand, from 0."""
    return f"stand-{number:05d}"


def traffic(crowd: Crowd) -> Iterator[Sent]:
    """Everything that the stands send, in order of time.

    Yields:
        `crowd.events` observations (about 0.8 faces each) and a play every ten seconds and stand.
    """
    people = {name: _people(name, crowd.seconds) for name in map(stand_name, range(crowd.stands))}
    plays = [PlayFeed(PLAYLIST, name) for name in people]
    for index in range(crowd.seconds * FRAMES_PER_S):
        t_us = START_US + index * US_PER_S // FRAMES_PER_S
        yield from chain.from_iterable(feed.until(t_us) for feed in plays)
        yield from (_observation(name, index, t_us, there) for name, there in people.items())


def _people(stand_id: str, seconds: int) -> list[_Presence]:
    chance = random.Random(stand_id)  # noqa: S311 - no secret: the same crowd on every machine
    found: list[_Presence] = []
    at_s = chance.uniform(0.0, GAP_S[1])
    while at_s < seconds:
        until_s = at_s + chance.uniform(*VISIT_S)
        for from_s in (at_s, at_s + 2.0) if chance.random() < SECOND_PERSON else (at_s,):
            traits = chance.uniform(18.0, 70.0), chance.uniform(100.0, 1000.0)
            found.append(_Presence(f"{stand_id}/{len(found)}", from_s, until_s, *traits))
        at_s = until_s + chance.uniform(*GAP_S)
    return found


def _observation(stand_id: str, index: int, t_us: int, people: list[_Presence]) -> FaceObservations:
    t_s = index / FRAMES_PER_S
    while people and people[0].to_s <= t_s:
        people.pop(0)
    return FaceObservations(
        observation_id=derive_id("bench-observation", stand_id, index),
        stand_id=stand_id,
        camera_id="camera-1",
        frame_index=index,
        t_us=t_us,
        width_px=1280,
        height_px=720,
        faces=tuple(_face(each, t_s) for each in people[:4] if each.from_s <= t_s < each.to_s),
        model_version="bench",
    )


def _face(person: _Presence, t_s: float) -> FaceObserved:
    quarter_s = (person.to_s - person.from_s) / 4
    looks = person.from_s + quarter_s <= t_s < person.to_s - quarter_s
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


def measure(events: Iterable[Sent], deliver: Callable[[Delivery], None] = lambda _: None) -> None:
    """Carry events through MEASURE in this process; `deliver` hears of them and of what follows."""
    runtime = LocalRuntime({"measure": MeasureStage(MeasureOptions())}, deliver)
    for event in events:
        runtime.publish(topic_of(event), event.stand_id, event)


def facts_of(crowd: Crowd) -> list[Fact]:
    """What is to be stored of the traffic of a crowd: plays, visits and windows, in their order."""
    found: list[Fact] = []

    def deliver(delivery: Delivery) -> None:
        if isinstance(delivery.event, Fact):
            found.append(delivery.event)

    measure(traffic(crowd), deliver)
    return found


def heaps(topics: Sequence[Topic], batch_rows: int) -> list[list[Fact]]:
    """Batches of facts: those of MEASURE over its traffic, again and again under ids that were never there.

    Args:
        topics: `visits` or `campaign_windows`, for each batch.
        batch_rows: of one batch, about; never more.
    """
    facts = facts_of(Crowd(stands=20, seconds=130))
    fresh = {topic: map(_renewed, cycle([f for f in facts if topic_of(f) == topic])) for topic in set(topics)}
    return [list(_batch(fresh[topic], batch_rows)) for topic in topics]


def _renewed(fact: Any) -> Fact:
    own = uuid4()
    if isinstance(fact, WindowClosed):
        return replace(fact, window_id=own, version=1)
    exposures = [replace(each, exposure_id=uuid4(), visit_id=own, version=1) for each in fact.exposures]
    return VisitEnded(visit=replace(fact.visit, visit_id=own, version=1), exposures=tuple(exposures))


def _batch(facts: Iterator[Fact], batch_rows: int) -> Iterator[Fact]:
    rows = 0
    for fact in facts:
        rows += rows_in(fact)
        if rows > batch_rows - MOST_ROWS:
            return
        yield fact
