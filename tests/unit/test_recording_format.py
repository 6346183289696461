"""Recordings: whatever was flushed comes back equal, in whatever way the writer ended."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from schemas.errors import CheckFailedError, UsageError
from schemas.kinds import kinds
from schemas.recording.folder import Range, Recording
from schemas.recording.index import gaps, index_path, scanned
from schemas.recording.manifest import HOUR_US, NAME, read_manifest
from schemas.recording.records import Recorded, Unreadable
from sinks.recording.writer import RecordingWriter
from tests.event_samples import samples
from tests.recordings import ABOUT, HandClock, fill, observations, writer
from tests.streams import START_US


def test_every_kind_of_event_comes_back_equal(tmp_path: Path) -> None:
    given = [
        Recorded(
            topic=kinds().of(type(event)).topics[0],
            partition=3,
            offset=number,
            arrived_us=START_US,
            event=event,
            about=ABOUT if number % 2 else None,
        )
        for number, event in enumerate(samples())
    ]
    given.append(
        Recorded(
            topic="visits",
            partition=1,
            offset=9,
            arrived_us=START_US,
            event=Unreadable(cause="truncated", key=None, value=b"\x00\x01"),
        )
    )
    fill(tmp_path / "r", given)
    recording = Recording(tmp_path / "r")
    found = [record for topic in recording.topics for record in recording.records(topic)]
    order = {id(each): (each.topic, each.offset) for each in (*given, *found)}
    assert sorted(found, key=lambda each: order[id(each)]) == sorted(given, key=lambda e: order[id(e)])


def test_any_avro_tool_reads_the_events_themselves(tmp_path: Path) -> None:
    given = observations(30)
    fill(tmp_path / "r", given)
    (path,) = (tmp_path / "r" / "observations").glob("*.avro")
    with path.open("rb") as file:
        found: list[Any] = list(fastavro.reader(file))
    assert len(found) == len(given)
    assert [each["offset"] for each in found] == [each.offset for each in given]
    assert found[0]["event"]["stand_id"] == given[0].event.stand_id
    assert found[0]["event"]["t_us"].timestamp() == given[0].event.t_us / 1e6


def _written(folder: Path, count: int) -> tuple[Path, list[Recorded]]:
    """A recording of two blocks whose writer was killed after the second."""
    given = observations(count)
    recording = writer(folder)
    for half in (given[: count // 2], given[count // 2 :]):
        for record in half:
            recording.add(record)
        recording.flush()
    recording._owner.release()
    (path,) = (folder / "observations").glob("*.avro")
    return path, given


def _into(told: list[int]) -> Callable[[Path, int], None]:
    return lambda _, dropped_bytes: told.append(dropped_bytes)


@pytest.mark.parametrize("has_index", [True, False])
def test_cut_at_any_byte_of_its_last_block_a_file_gives_all_others(tmp_path: Path, has_index: bool) -> None:
    path, given = _written(tmp_path / "r", 6)
    whole = path.read_bytes()
    first, last = scanned(path, "observations").notes
    if not has_index:
        index_path(path).unlink()
    for length in range(last.start, len(whole) + 1):
        path.write_bytes(whole[:length])
        told: list[int] = []
        recording = Recording(tmp_path / "r", _into(told))
        found = list(recording.records("observations"))
        is_whole = length == len(whole)
        assert found == (given if is_whole else given[: first.summary.records])
        assert told == ([] if length in (last.start, len(whole)) else [length - last.start])


def test_cut_within_its_header_a_file_is_empty(tmp_path: Path) -> None:
    path, _ = _written(tmp_path / "r", 4)
    whole, header = path.read_bytes(), scanned(path, "observations").notes[0].start
    for length in range(0, header, 7):
        path.write_bytes(whole[:length])
        assert list(Recording(tmp_path / "r").records("observations")) == []


def test_zeros_at_its_end_are_what_a_power_cut_leaves(tmp_path: Path) -> None:
    path, given = _written(tmp_path / "r", 6)
    path.write_bytes(path.read_bytes() + bytes(5_000))
    told: list[int] = []
    assert list(Recording(tmp_path / "r", _into(told)).records("observations")) == given
    assert told == [5_000]
    path.write_bytes(path.read_bytes() + b"\x01")
    with pytest.raises(CheckFailedError, match="begins no block"):
        list(Recording(tmp_path / "r").records("observations"))


@pytest.mark.parametrize("cut", [0, 1, 20, 10_000])
def test_a_later_writer_goes_on_without_gaps_or_doubles(tmp_path: Path, cut: int) -> None:
    path, given = _written(tmp_path / "r", 40)
    data = path.read_bytes()
    path.write_bytes(data[: max(0, len(data) - cut)])
    with writer(tmp_path / "r") as recording:
        kept = recording.positions.get(("observations", 0), 0)
        assert [recording.add(record) for record in given] == [each.offset >= kept for each in given]
        breaks = recording.manifest.breaks
    assert list(Recording(tmp_path / "r").records("observations")) == given
    assert bool(breaks) == (0 < cut < len(data)), "nothing is torn in a file without a byte"
    note = read_manifest(tmp_path / "r").files[0]
    assert note.closed
    assert note.summary is not None
    assert note.summary.partitions[0].count == len(given)
    assert not list(gaps([block.summary for block in scanned(path, "observations").notes]))


def test_hours_are_files_and_offsets_rise_from_file_to_file(tmp_path: Path) -> None:
    given = observations(60)[:42]
    hours = (0, 1, 0, 2)
    moved = [
        msgspec.structs.replace(each, arrived_us=START_US + hours[i // 11] * HOUR_US)
        for i, each in enumerate(given)
    ]
    fill(tmp_path / "r", moved)
    recording = Recording(tmp_path / "r")
    assert [recording.summary(note).records for note in recording.files("observations")] == [11, 22, 9]
    assert list(recording.records("observations")) == moved


def test_a_file_is_closed_when_its_hour_is_over_and_opened_again_for_what_comes_late(tmp_path: Path) -> None:
    given, clock = observations(20), HandClock()
    with writer(tmp_path / "r", clock) as recording:
        for record in given[:10]:
            recording.add(record)
        recording.tick()
        assert not recording.manifest.files[0].closed
        clock.at_us += HOUR_US + 61_000_000
        recording.tick()
        assert recording.manifest.files[0].closed
        late = [msgspec.structs.replace(record, arrived_us=START_US) for record in given[10:20]]
        for record in late:
            recording.add(record)
    assert list(Recording(tmp_path / "r").records("observations")) == [*given[:10], *late]
    (note,) = read_manifest(tmp_path / "r").files
    assert note.summary is not None
    assert note.summary.records == 20


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with writer(tmp_path / "r"), pytest.raises(UsageError, match="in use"):
        writer(tmp_path / "r")


def test_a_topic_made_anew_is_another_source(tmp_path: Path) -> None:
    with writer(tmp_path / "r", topics={"observations": "id-1"}):
        pass
    with pytest.raises(UsageError, match="was made anew"):
        writer(tmp_path / "r", topics={"observations": "id-2"})


def test_a_range_of_event_time_is_found_without_reading_the_rest(tmp_path: Path) -> None:
    given = observations(600, stands=1)
    fill(tmp_path / "r", given)
    (path,) = (tmp_path / "r" / "observations").glob("*.avro")
    blocks = scanned(path, "observations").notes
    assert len(blocks) > 30
    from_us, until_us = START_US + 40_000_000, START_US + 42_000_000
    wanted = [each for each in given if each.t_us is not None and from_us <= each.t_us < until_us]
    broken = bytearray(path.read_bytes())
    broken[blocks[2].start + 6] ^= 0xFF
    path.write_bytes(broken)
    recording = Recording(tmp_path / "r")
    assert list(recording.records("observations", Range(from_us=from_us, until_us=until_us))) == wanted
    with pytest.raises(CheckFailedError, match=r"\.avro: the block at byte \d+ is damaged"):
        list(recording.records("observations"))


def test_a_version_to_come_is_one_clear_sentence(tmp_path: Path) -> None:
    fill(tmp_path / "r", observations(4))
    path = tmp_path / "r" / NAME
    future = {**json.loads(path.read_text()), "format_version": 2, "program_version": "9.1", "files": "other"}
    path.write_text(json.dumps(future))
    with pytest.raises(UsageError, match=r"has format 2, written by onlooker 9\.1; this program reads"):
        Recording(tmp_path / "r")


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no recording"):
        Recording(tmp_path)
    (tmp_path / NAME).write_text("{")
    with pytest.raises(UsageError, match="is no manifest"):
        Recording(tmp_path)


def test_a_full_disk_leaves_no_half_block(tmp_path: Path) -> None:
    given = observations(20)
    recording: RecordingWriter = writer(tmp_path / "r", HandClock())
    for record in given[:10]:
        recording.add(record)
    recording.flush()
    (hour,) = recording._open.values()
    file = hour._file

    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(file, name)

        def write(self, data: bytes) -> int:
            file.write(data[:5])
            raise OSError(28, "No space left on device")

    for record in given[10:]:
        recording.add(record)
    hour._file = Full()
    with pytest.raises(OSError, match="No space"):
        recording.flush()
    hour._file = file
    recording.close()
    assert list(Recording(tmp_path / "r").records("observations")) == given


def _refusal(folder: Path) -> str | None:
    try:
        list(Recording(folder).records("observations"))
    except CheckFailedError as error:
        return str(error)
    return None


def test_whatever_byte_is_damaged_the_words_are_for_a_person(tmp_path: Path) -> None:
    """Deflate has no checksum: a changed value may pass here, and `recording verify` finds it."""
    path, _ = _written(tmp_path / "r", 4)
    whole = path.read_bytes()
    chance = random.Random(3)
    first = scanned(path, "observations").notes[0].start
    index_path(path).unlink()
    places = [*range(60), *chance.sample(range(60, first), 150), *range(first - 16, len(whole), 3)]
    refused = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        words = _refusal(tmp_path / "r")
        refused += words is not None
        assert words is None or words.startswith(str(path)), place
    assert refused > len(places) // 3
