"""A day at two stands for reprocessing: measured live into a database, and recorded."""

from pathlib import Path

from onlooker.settings.configuration import Settings
from onlooker.wiring.replay_core import build_core
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from schemas.events import MeasureInput, StreamEnded
from schemas.ports import RowStore
from schemas.units import us_from_s
from sinks.service.local import LocalSink
from tests.recordings import fill, numbered
from tests.replay.measure_scenes import Camera, Person, Showing, by_time, frames, play

START_US = 1_772_445_600_000_000
"""2026-03-02 10:00 UTC."""
MINUTES = 5
STRICTER = Settings(measure=MeasureOptions(impression_s=3.0))
"""Presence of two seconds is no impression any more."""
CAMPAIGNS = {"door": "coffee", "hall": "bikes"}
PRESENCE_S = {"door": 2.0, "hall": 10.0}
"""At the door people pass, in the hall they stay."""


def day() -> list[MeasureInput]:
    """Every twenty seconds somebody comes to each of two stands; one of them is there when a minute ends."""
    events: list[MeasureInput] = []
    for stand_id, stay_s in PRESENCE_S.items():
        people = tuple(
            Person(
                track=f"{stand_id}-{at_s}",
                from_s=at_s,
                to_s=at_s + stay_s,
                looks=((at_s, at_s + stay_s / 2),),
            )
            for at_s in range(5, 60 * MINUTES - 12, 20)
        )
        crossing = Person(track=f"{stand_id}-crossing", from_s=115.0, to_s=125.0, left_px=50.0)
        camera = Camera(to_s=60.0 * MINUTES, period_s=0.2, people=(*people, crossing))
        shown = (
            Showing(
                creative=f"spot-{at_s // 10 % 2}", campaign=CAMPAIGNS[stand_id], from_s=at_s, to_s=at_s + 10
            )
            for at_s in range(0, 60 * MINUTES, 10)
        )
        events += frames(stand_id, camera, START_US)
        events += [play(stand_id, each, START_US) for each in shown]
    return [*by_time(events), *(StreamEnded(stand_id=stand_id) for stand_id in PRESENCE_S)]


def minute_us(number: int) -> int:
    """Begin of a minute of the day, us UTC."""
    return START_US + us_from_s(60.0 * number)


def measured_live(store: RowStore, events: list[MeasureInput], source: str = "live") -> None:
    """Write what the pipeline measures with its defaults."""
    writer = LocalSink(store, run_id=source)
    core = build_core(Settings(), "observations", gallery=None, writer=writer, expected=None, output=None)
    for event in events:
        core.emit(topic_of(event), event)
    core.end(whole=True)


def recorded(folder: Path, events: list[MeasureInput]) -> Path:
    """The same as a recording."""
    fill(folder, numbered(events))
    return folder
