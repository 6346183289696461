"""Turns a piece of a recording into a golden story, with nobody's names in it.

    python -m tests.replay.story_of RECORDING --stand S [--from T] [--until T] --tell "..." > NAME.jsonl

Stands, cameras, tracks, members, campaigns and creatives get new names, times count from the minute in
which the piece begins, positions and angles are rounded. What MEASURE makes of it now is written as what is
expected: read it before you keep it in `tests/replay/stories`.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from onlooker.recordings.times import instant_us
from producers.replay.order import Choice, replayed
from schemas.events import FaceObservations, FaceObserved, MeasureInput, MeasureOutput, Play, VisitEnded
from schemas.recording.folder import Range, Recording
from schemas.units import US_PER_S
from tests.replay.measure_scenes import Seen, SeenFace, Showing, identity, play, run, seen

MINUTE_US = 60 * US_PER_S
VISIT = ("presence", "dwell", "attention", "longest_look", "time_to_first_look")
COUNTED = ("ots", "watchers", "viewers_1s", "viewers_2s", "impressions", "engaged")


class Names:
    """New names, given in the order in which the old ones are met."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Any], str] = {}

    def of(self, kind: str, name: Any) -> str:
        """The new name, the same for the same old one."""
        number = 1 + sum(known == kind for known, _ in self._known)
        return self._known.setdefault((kind, name), f"{kind}-{number}")


def story_of(events: Iterable[MeasureInput], tell: str) -> Iterator[str]:
    """The lines of a story.

    Args:
        events: of one stand, in the order in which they entered; the end of the stream is left out.
        tell: what happens, in a sentence.

    Yields:
        JSON lines: what is told, the plays, what was seen, what came out.
    """
    kept = [event for event in events if isinstance(event, FaceObservations | Play)]
    base_us = min(event.t_us for event in kept if isinstance(event, FaceObservations))
    base_us -= base_us % MINUTE_US
    names = Names()
    showings = [_showing(event, base_us, names) for event in kept if isinstance(event, Play)]
    sights = [_seen(event, base_us, names) for event in kept if isinstance(event, FaceObservations)]
    yield _line("tell", tell)
    yield from (_line("play", each) for each in showings)
    yield from (_line("seen", each) for each in sights)
    again = [play("s", each) for each in showings] + [seen("s", each) for each in sights]
    _, facts = run("s", sorted(again, key=_begin_us))
    yield from expected(facts)


def expected(facts: Iterable[MeasureOutput]) -> Iterator[str]:
    """The lines that say what must come out.

    Args:
        facts: every version of every fact.

    Yields:
        A line for the last version of each.
    """
    for fact in {identity(fact): fact for fact in facts}.values():
        if isinstance(fact, VisitEnded):
            visit = fact.visit
            found: dict[str, Any] = {
                "started_s": visit.started_us / US_PER_S,
                "ended_s": visit.ended_us / US_PER_S,
            }
            found |= {f"{name}_s": _seconds(getattr(visit, f"{name}_us")) for name in VISIT}
            found |= {"looks": visit.looks, "member_id": visit.member_id, "gender": visit.gender}
            yield _line("visit", found)
        else:
            campaigns = [_counted(each) for each in fact.campaigns]
            yield _line("window", {"start_s": fact.start_us / US_PER_S, "campaigns": campaigns})


def _counted(figures: Any) -> dict[str, Any]:
    return {"creative_id": figures.creative_id} | {name: getattr(figures, name) for name in COUNTED}


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / US_PER_S


def _showing(event: Play, base_us: int, names: Names) -> Showing:
    return Showing(
        creative=names.of("creative", event.creative_id),
        campaign=names.of("campaign", event.campaign_id),
        from_s=(event.start_us - base_us) / US_PER_S,
        to_s=(event.end_us - base_us) / US_PER_S,
    )


def _seen(event: FaceObservations, base_us: int, names: Names) -> Seen:
    return Seen(
        camera=names.of("camera", event.camera_id),
        t_us=event.t_us - base_us,
        size_px=(event.width_px, event.height_px),
        faces=tuple(_face(face, names) for face in event.faces),
    )


def _face(face: FaceObserved, names: Names) -> SeenFace:
    pose, scores = face.pose, face.expression_scores
    return SeenFace(
        track=names.of("track", face.track_id),
        box_px=tuple(round(x) for x in face.box_px),
        pose_deg=None if pose is None else (round(pose.yaw_deg), round(pose.pitch_deg), round(pose.roll_deg)),
        eyes_open=face.eyes_open,
        expression=None if scores is None else tuple(round(score, 2) for score in scores),
        age=None if face.age_years is None else round(face.age_years / 5) * 5,
        female=None if face.female_probability is None else round(face.female_probability, 1),
        member=None if face.member_id is None else names.of("member", face.member_id),
    )


def _begin_us(event: MeasureInput) -> tuple[int, int]:
    return (event.start_us, 0) if isinstance(event, Play) else (getattr(event, "t_us", 0), 1)


def _line(key: str, value: Any) -> str:
    return msgspec.json.encode({key: value}).decode()


def main(arguments: list[str]) -> None:
    """Print the story of a piece of a recording.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("--stand", required=True)
    parser.add_argument("--from", dest="since")
    parser.add_argument("--until")
    parser.add_argument("--tell", default="a piece of a recording")
    asked = parser.parse_args(arguments)
    since, until = (None if text is None else instant_us(text) for text in (asked.since, asked.until))
    choice = Choice(stands=frozenset([asked.stand]), within=Range(from_us=since, until_us=until))
    events = [record.event for record in replayed(Recording(asked.recording), choice)]
    if not any(isinstance(event, FaceObservations) for event in events):
        sys.exit(f"{asked.recording} holds no observation of {asked.stand!r} in that time")
    for line in story_of(events, asked.tell):
        print(line)  # noqa: T201 - this is what the script is for


if __name__ == "__main__":
    main(sys.argv[1:])
