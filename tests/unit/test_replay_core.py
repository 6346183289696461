"""Replays: the facts of a recording are those of the run that was recorded, byte for byte, and again."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from onlooker.recordings.digest import StreamDigest, canonical
from onlooker.recordings.expect import Expected
from onlooker.wiring.replay import ReplayRequest, execute_replay
from processors.measure.stage import MeasureStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from schemas.errors import CheckFailedError, UsageError
from schemas.events import StreamEnded
from schemas.recording.records import Recorded
from tests.recordings import HandClock, fill, numbered, writer
from tests.replay.measure_scenes import Camera, Person, Showing, frames, play
from tests.streams import START_US, StreamOptions, synthetic

OPTIONS = StreamOptions(observations=4_000, stands=3, cameras=2, arrivals_per_s=0.4)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, Any]]]:
    """A recording of an embedded run with its facts, and the facts as the run itself gave them."""
    folder = tmp_path_factory.mktemp("run") / "r"
    return folder, recorded(folder, synthetic(OPTIONS))


def recorded(folder: Path, events: Iterable[Any]) -> list[tuple[str, Any]]:
    """Record an embedded run over some events; the facts that it found."""
    clock = HandClock()
    facts: list[tuple[str, Any]] = []
    with writer(folder, clock, source="run") as recording:

        def deliver(delivery: Delivery) -> None:
            clock.at_us += 700
            recording.add(
                Recorded(
                    topic=delivery.topic,
                    partition=0,
                    offset=delivery.offset,
                    arrived_us=clock.at_us,
                    event=delivery.event,
                )
            )
            recording.tick()
            if delivery.topic in ("visits", "campaign_windows"):
                facts.append((delivery.topic, delivery.event))

        runtime = LocalRuntime({"measure": MeasureStage(MeasureOptions())}, deliver)
        for event in events:
            runtime.publish(topic_of(event), event.stand_id, event)
    return facts


def test_a_recording_of_a_clock_that_was_set_gives_the_same_facts_again(tmp_path: Path) -> None:
    """Three hours back, by mistake half an hour more, and ahead again."""
    events: list[Any] = []
    for number, start_s in enumerate((10_800, 100, -1_700, 300)):
        start_us = START_US + start_s * 1_000_000
        person = Person(track=f"p{number}", from_s=2, to_s=30, looks=((3, 20),))
        seen = frames("s", Camera(to_s=70, first_index=700 * number, people=(person,)), start_us=start_us)
        shown = [play("s", Showing(creative="k", from_s=at, to_s=at + 35), start_us) for at in (0, 35)]
        events += [shown[0], *seen[:350], shown[1], *seen[350:]]
    facts = recorded(tmp_path / "r", [*events, StreamEnded(stand_id="s")])
    digest = StreamDigest()
    for topic, fact in facts:
        digest.take(topic, fact)  # type: ignore[arg-type]
    found = replay(tmp_path / "r")
    assert found["digest"] == digest.facts()
    assert sum(fact.observed_us for topic, fact in facts if topic == "campaign_windows") == 4 * 69_900_000


def replay(folder: Path, **options: Any) -> dict[str, Any]:
    summary = execute_replay(None, ReplayRequest(folder=folder, **options))
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(summary))
    return found


def test_a_replay_gives_the_facts_of_the_run_byte_for_byte(
    run: tuple[Path, list[tuple[str, Any]]], tmp_path: Path
) -> None:
    folder, facts = run
    assert len(facts) > 60
    found = replay(folder, output=tmp_path / "facts.jsonl", expect=folder)
    lines = [json.loads(line) for line in (tmp_path / "facts.jsonl").read_bytes().splitlines()]
    assert [(line["topic"], line["event"]) for line in lines] == [
        (topic, json.loads(canonical(event))) for topic, event in facts
    ]
    digest = StreamDigest()
    for topic, event in facts:
        digest.take(topic, event)  # type: ignore[arg-type]
    assert found["digest"] == digest.facts()
    assert replay(folder, expect=tmp_path / "facts.jsonl")["digest"] == found["digest"]


def test_the_digest_depends_on_the_order_of_a_stand_and_on_nothing_else(
    run: tuple[Path, list[tuple[str, Any]]],
) -> None:
    def digest_of(facts: list[tuple[str, Any]]) -> str:
        digest = StreamDigest()
        for topic, event in facts:
            digest.take(topic, event)  # type: ignore[arg-type]
        return digest.facts()

    _, facts = run
    plain = digest_of(facts)
    by_topic = sorted(facts, key=lambda fact: fact[0])
    assert digest_of(by_topic) == plain, "topics have no order among each other"
    assert digest_of(facts[:50] + facts[20:]) == plain, "what a worker sends again counts once"
    visits = [i for i, (topic, event) in enumerate(facts) if topic == "visits"]
    same = [i for i in visits if facts[i][1].visit.stand_id == facts[visits[0]][1].visit.stand_id]
    swapped = list(facts)
    swapped[same[0]], swapped[same[1]] = facts[same[1]], facts[same[0]]
    assert digest_of(swapped) != plain
    assert digest_of(facts[:-1]) != plain


def test_the_order_in_which_partitions_were_recorded_changes_nothing(tmp_path: Path) -> None:
    """A recorder that catches up reads one partition after the other, and plays when they come."""
    stands = [f"synthetic-{number:02}" for number in range(3)]
    events = list(synthetic(OPTIONS))
    lanes = [
        list(numbered((e for e in events if e.stand_id == stand), partition=number))
        for number, stand in enumerate(stands)
    ]
    fill(tmp_path / "live", sorted((r for lane in lanes for r in lane), key=lambda r: r.arrived_us))
    behind = [r for lane in reversed(lanes) for r in lane]
    fill(tmp_path / "behind", sorted(behind, key=lambda r: r.topic))
    assert replay(tmp_path / "behind")["digest"] == replay(tmp_path / "live")["digest"]


def test_the_first_difference_is_shown(run: tuple[Path, list[tuple[str, Any]]], tmp_path: Path) -> None:
    folder, _ = run
    path = tmp_path / "facts.jsonl"
    replay(folder, output=path)
    lines = path.read_bytes().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if b'"topic":"visits"' in line and i > 30)
    changed = json.loads(lines[place])
    was = changed["event"]["visit"]["looks"]
    changed["event"]["visit"]["looks"] = was + 7
    path.write_bytes(b"".join([*lines[:place], json.dumps(changed).encode() + b"\n", *lines[place + 1 :]]))
    with pytest.raises(CheckFailedError) as caught:
        replay(folder, expect=path)
    assert f"visit.looks: expected {was + 7}, found {was}" in str(caught.value)
    assert f"visits of the stand {changed['stand_id']}, number " in str(caught.value)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(CheckFailedError, match="one more than expected"):
        replay(folder, expect=path)
    path.write_bytes(b"".join([*lines, lines[-1]]))
    with pytest.raises(CheckFailedError, match="did not come"):
        replay(folder, expect=path)


def test_what_is_no_output_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"a": 1}\n')
    with pytest.raises(UsageError, match="line 1 is no output"):
        Expected(path).end()


def test_stands_and_ranges_are_chosen(run: tuple[Path, list[tuple[str, Any]]], tmp_path: Path) -> None:
    folder, _ = run
    path = tmp_path / "some.jsonl"
    found = replay(
        folder,
        stands=("synthetic-01",),
        from_us=START_US + 10_000_000,
        until_us=START_US + 40_000_000,
        output=path,
    )
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert {line["stand_id"] for line in lines} == {"synthetic-01"}
    starts = [e["event"]["visit"]["started_us"] for e in lines if e["topic"] == "visits"]
    assert starts
    assert min(starts) >= START_US + 10_000_000
    assert 500 < found["events"]["observations"] < 700
    plays = [c for e in lines if e["topic"] == "campaign_windows" for c in e["event"]["campaigns"]]
    assert plays, "plays that began before the range and run in it count"


def test_shifted_to_now_facts_are_the_same_but_for_times_and_ids(
    run: tuple[Path, list[tuple[str, Any]]], tmp_path: Path
) -> None:
    folder, facts = run
    path = tmp_path / "now.jsonl"
    found = replay(folder, shift_to_now=True, output=path)
    visits = [
        json.loads(line)["event"]["visit"] for line in path.read_bytes().splitlines() if b"visit_id" in line
    ]
    before = [msgspec.to_builtins(event.visit) for topic, event in facts if topic == "visits"]
    assert found["facts"]["visits"] == len(before)
    key = ("stand_id", "attention_us", "dwell_us", "looks", "version")
    assert sorted([v[k] for k in key] for v in visits) == sorted([v[k] for k in key] for v in before)
    assert not {v["visit_id"] for v in visits} & {v["visit_id"] for v in before}
    assert min(v["started_us"] for v in visits) > START_US + 86_400_000_000


def test_a_topic_that_was_not_recorded_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "r", numbered(list(synthetic(StreamOptions(observations=20, stands=1)))))
    with pytest.raises(UsageError, match="has no frames: it holds observations, plays"):
        replay(tmp_path / "r", topic="frames")
    with pytest.raises(UsageError, match="must not mix with live figures"):
        replay(tmp_path / "r", to_kafka=True)
