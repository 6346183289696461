"""The parts of `bench stream` that need no server: statistics, verdicts, traffic, its command line."""

import os
import time
from contextlib import nullcontext
from pathlib import Path
from threading import Event

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from onlooker.lab.stream.agents import Line, latencies_of
from onlooker.lab.stream.bench import (
    _RUNNERS,
    PARTS,
    Failed,
    Request,
    bench_stream,
    busy_words,
    machine,
    parts_from,
)
from onlooker.lab.stream.density import LIMIT_MS, highest_sustained, judged, stand_counts
from onlooker.lab.stream.figures import Run, Sides, compare, latency_of, percentile, speed_of
from onlooker.lab.stream.input import Crowd, heaps, traffic
from onlooker.lab.stream.latency import RowTimes
from onlooker.lab.stream.measure import bench_measure, passed
from onlooker.lab.stream.page import markdown_of, measured_parts, print_found
from onlooker.lab.stream.sink import RowCounter, ready
from onlooker.lab.stream.site import broker, in_thread
from onlooker.settings.configuration import Settings
from processors.topology import topic_of
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError, UsageError
from schemas.events import FaceObservations, Play, VisitEnded
from schemas.topics import Topic
from sinks.facts.kinds import rows_in
from tests.e2e.command import onlooker as command

SIDES = Sides(ours="ours", floor="floor", unit="events")


def run(count: int, seconds: float, size_bytes: int | None = None) -> Run:
    return Run(count=count, seconds=seconds, size_bytes=size_bytes)


def test_a_speed_is_the_median_with_its_spread() -> None:
    speed = speed_of([run(100, 1.0, 2_000_000), run(100, 2.0, 2_000_000), run(100, 4.0, 2_000_000)])
    assert (speed.per_s, speed.lowest_per_s, speed.highest_per_s) == (50.0, 25.0, 100.0)
    assert speed.mb_per_s == 1.0
    assert speed.runs == 3


def test_a_share_is_taken_turn_by_turn() -> None:
    """A machine that is half as fast in one turn is so for both: the share does not move."""
    found = compare(
        SIDES,
        ours=[run(80, 1.0), run(40, 1.0), run(80, 1.0)],
        floor=[run(100, 1.0), run(50, 1.0), run(100, 1.0)],
    )
    assert found.share == found.share_lowest == found.share_highest == 0.8
    assert found.holds is None


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        (replace(SIDES, aim="share", least_share=0.8), True),
        (replace(SIDES, aim="share", least_share=0.81), False),
        (replace(SIDES, aim="speed", least_per_s=80), True),
        (replace(SIDES, aim="speed", least_per_s=81), False),
    ],
)
def test_an_aim_is_judged_by_the_median(asked: Sides, holds: bool) -> None:
    found = compare(asked, ours=[run(80, 1.0)], floor=[run(100, 1.0)])
    assert found.holds is holds
    assert found.aim == asked.aim


def test_turns_without_their_floor_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        compare(SIDES, ours=[run(1, 1.0), run(1, 1.0)], floor=[run(1, 1.0)])


@given(st.lists(st.integers(0, 10**9), min_size=1), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(
    values: list[int], share: float
) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values)


def test_latencies_are_said_in_ms() -> None:
    found = latency_of([1_000 * ms for ms in range(1, 101)])
    assert (found.count, found.p50_ms, found.p95_ms, found.p99_ms) == (100, 50.0, 95.0, 99.0)
    assert latency_of([]).p95_ms is None


def test_what_holds_after_a_failure_was_luck() -> None:
    assert highest_sustained([(1, True), (2, True), (3, False), (4, True)]) == 2
    assert highest_sustained([(1, False), (2, True)]) == 0
    assert highest_sustained([]) == 0


def test_frames_that_never_came_through_are_late() -> None:
    sent = list(range(100))
    good = judged(2, sent, dict.fromkeys(sent, 10000))
    assert good.held
    assert (good.handled, good.latency.p95_ms) == (100, 10.0)
    lost = judged(2, sent, dict.fromkeys(sent[:90], 10000))
    assert not lost.held
    assert (lost.handled, lost.latency.p50_ms, lost.latency.p95_ms) == (90, 10.0, None)
    assert not judged(2, [], {}).held


def test_a_large_machine_gets_more_stands_at_a_time() -> None:
    assert stand_counts(2, 4) == [1, 2, 3, 4]
    assert stand_counts(16, 13) == [4, 8, 12]
    assert stand_counts(16, 0) == [1]


def test_the_limit_itself_is_in_time() -> None:
    assert judged(1, [1], {1: LIMIT_MS * 1000}).held
    assert not judged(1, [1], {1: LIMIT_MS * 1000 + 100}).held


def test_a_pass_is_timed_from_the_end_of_the_first_batch() -> None:
    lines: list[Line] = [(1_000_000, 1.0, [None] * 7), (2_000_000, 1.5, [None] * 2), (3_000_000, 1.8, [None])]
    clock, cpu = passed(lines)
    assert (clock.count, clock.seconds) == (3, 2.0)
    assert cpu.count == 3
    assert cpu.seconds == pytest.approx(0.8)


def test_lines_are_read_when_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "handled.jsonl"
    assert latencies_of(path) == {}
    path.write_text("[1500, 0.1, [1000, null]]\n[2600, 0.2, [20", encoding="utf-8")
    assert latencies_of(path) == {1000: 500}
    with path.open("a", encoding="utf-8") as file:
        file.write("00]]\n")
    assert latencies_of(path) == {1000: 500, 2000: 600}


def test_traffic_is_the_same_every_time() -> None:
    crowd = Crowd(stands=3, seconds=21)
    events = list(traffic(crowd))
    assert events == list(traffic(crowd))
    frames = [event for event in events if isinstance(event, FaceObservations)]
    plays = [event for event in events if isinstance(event, Play)]
    assert len(frames) == crowd.events == 630
    assert len(plays) == 3 * 3
    assert any(frame.faces for frame in frames)
    assert any(not frame.faces for frame in frames)
    assert [frame.t_us for frame in frames] == sorted(frame.t_us for frame in frames)


def test_facts_have_ids_of_their_own_in_every_turn() -> None:
    topics: tuple[Topic, ...] = ("visits", "visits", "campaign_windows")
    first, second = (heaps(topics, 1_000) for _ in range(2))
    assert tuple(topic_of(fact) for heap in first for fact in heap[:1]) == topics
    assert all(900 < sum(map(rows_in, heap)) <= 1_000 for heap in first)
    ids = [fact.visit.visit_id for heap in (*first, *second) for fact in heap if isinstance(fact, VisitEnded)]
    exposures = [
        each.exposure_id
        for heap in (*first, *second)
        for fact in heap
        if isinstance(fact, VisitEnded)
        for each in fact.exposures
    ]
    assert len(set(ids)) == len(ids) > 100
    assert len(set(exposures)) == len(exposures) > 100


def test_columns_lie_ready_in_the_kinds_of_the_table() -> None:
    found = ready(
        {"n": [1, 2], "at": [1_000_000, 2_000_000], "name": ["a", None]},
        {"n": "UInt64", "at": "DateTime64(6, 'UTC')", "name": "LowCardinality(Nullable(String))"},
    )
    assert str(found["n"].dtype) == "uint64"
    assert found["at"].astype("datetime64[us]").astype(int).tolist() == [1_000_000, 2_000_000]
    assert found["name"].tolist() == ["a", None]


def test_rows_are_timed_from_the_end_of_the_first_batch() -> None:
    counter, done = RowCounter(10), []
    counter.when_done = lambda: done.append(True)
    for rows in (100, 6, 5, 70):
        counter.count("rows_written", rows, table="visits")
        counter.count("batches_written")
    assert counter.rows == 11, "neither the first batch nor what comes when enough are written"
    assert counter.seconds is not None
    assert done == [True]


def test_measure_stands_next_to_decoding_alone() -> None:
    values, messages = bench_measure(Crowd(stands=2, seconds=30), repeat=2)
    assert values.ours.runs == messages.floor.runs == 2
    assert values.floor == messages.floor
    assert messages.ours.mb_per_s is not None
    assert values.aim is not None


def test_the_end_of_a_block_ends_what_runs_beside_it() -> None:
    heard: list[str] = []

    def beside(stop: Event) -> None:
        heard.append("ended" if stop.wait(10) else "left alone")

    with in_thread(beside):
        assert heard == []
    assert heard == ["ended"]


def test_what_fails_beside_a_block_is_raised_at_its_end() -> None:
    def beside(_: Event) -> None:
        raise DependencyAwayError("no broker answers")

    with pytest.raises(DependencyAwayError, match="no broker answers"), in_thread(beside):
        pass


def test_the_age_of_a_row_says_when_its_frame_was_captured() -> None:
    rows, now_us = RowTimes(), time.time_ns() // 1000
    rows.observe("row_latency_seconds", 0.25, table="visits")
    rows.observe("row_latency_seconds", 0.25, table="plays")
    rows.observe("insert_seconds", 0.25, table="visits")
    ((captured_us, latency_us),) = rows.found
    assert latency_us == 250_000
    assert captured_us == pytest.approx(now_us - 250_000, abs=1_000_000)


def test_parts_run_in_their_own_order() -> None:
    assert parts_from(None) == PARTS
    assert parts_from("sink, publish") == ("publish", "sink")
    with pytest.raises(UsageError, match=r"no part 'speed'.*publish, faust"):
        parts_from("speed")


def test_the_machine_is_named() -> None:
    found = machine(0.5)
    assert found.cpu
    assert found.cores == len(os.sched_getaffinity(0))
    assert found.load_before == 0.5


def test_only_what_was_asked_for_is_measured() -> None:
    words: list[str] = []
    found = bench_stream(Settings(), Request(parts=("measure",), repeat=1, quick=True), words.append)
    assert list(found.parts) == ["measure"]
    assert words[-1] == "The fold of MEASURE in one process"


def test_a_busy_machine_is_told() -> None:
    assert busy_words(1.0, 2) == ""
    assert "load 1.1 on 2 cores" in busy_words(1.1, 2)


def test_a_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "start.sh"
    tool.write_text("#!/bin/sh\necho 'Kafka needs Java 17 or newer' >&2\nexit 3\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setattr("onlooker.lab.stream.site.TOOL", tmp_path)
    with (
        pytest.raises(DependencyAwayError, match=r"Java 17 or newer.*--bootstrap"),
        broker(None, tmp_path),
    ):
        pass


def test_an_installation_without_the_script_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onlooker.lab.stream.site.TOOL", tmp_path / "nowhere")
    with pytest.raises(DependencyAwayError, match="--bootstrap"), broker(None, tmp_path):
        pass


def test_the_command_prints_json_alone() -> None:
    done = command("bench", "stream", "--only", "measure", "--quick", "--repeat", "1", "--json")
    assert done.code == 0, done.err
    found = done.json()
    assert found["parts"]["measure"][0]["floor_name"] == "reading the Avro alone"
    assert found["machine"]["cores"] >= 1
    assert "MEASURE" in done.err


def test_a_part_that_does_not_exist_is_wrong_usage() -> None:
    done = command("bench", "stream", "--only", "speed")
    assert done.code == 2
    assert "no part 'speed'" in done.err


def test_results_become_a_page() -> None:
    found = bench_stream(Settings(), Request(parts=("measure",), repeat=1, quick=True), lambda _: None)
    density = {
        "steps": [
            {"stands": 1, "latency": {"count": 50, "p50_ms": 20.4, "p95_ms": 50.0, "p99_ms": 60.0}},
            {"stands": 2, "latency": {"count": 99, "p50_ms": 20.4, "p95_ms": None, "p99_ms": None}},
        ],
        "highest": 1,
        "stopped_by": "latency",
        "meaning": "From here to there.",
    }
    result = msgspec.to_builtins(found)
    result["parts"]["density"] = density
    page = markdown_of(result)
    assert page.count("| MEASURE, ") == 2
    assert "| 1 | 50 | 20 | 50 | 60 |\n| 2 | 99 | 20 | - | - |\n" in page
    assert "**1 stands** (stopped by: latency). From here to there." in page


def test_without_java_the_command_says_so_and_ends_with_3(tmp_path: Path) -> None:
    for tool in Path("/usr/bin").iterdir():
        if tool.name != "java":
            (tmp_path / tool.name).symlink_to(tool)
    done = command("bench", "stream", "--only", "publish", environment={"PATH": str(tmp_path)})
    assert done.code == 3
    assert "Java 17" in done.err
    assert "--bootstrap" in done.err
    assert "Traceback" not in done.err


def test_a_part_that_fails_does_not_lose_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise DependencyAwayError("no broker answers")

    monkeypatch.setitem(_RUNNERS, "sink", (away, "The sink"))
    monkeypatch.setattr("onlooker.lab.stream.bench.broker", lambda *_: nullcontext(BrokerOptions()))
    request = Request(parts=("measure", "sink"), repeat=1, quick=True)
    found = bench_stream(Settings(), request, lambda _: None)
    assert found.parts["sink"] == Failed(failed="no broker answers")
    result = msgspec.to_builtins(found)
    assert list(measured_parts(result)) == ["measure"]
    assert "MEASURE, events" in markdown_of(result)
    console = Console(record=True, width=80)
    print_found(found, console)
    assert "Not measured: no broker answers" in console.export_text()
