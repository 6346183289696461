"""The journal of a capture: whole after any death, of use only for the recordings it was written of."""

from pathlib import Path

import msgspec
import pytest

from producers.cameras.sources import SourceSpec
from producers.options import CaptureOptions
from producers.publish.journal import Journal, StandNote, recording_digest
from schemas.errors import UsageError

OPTIONS = CaptureOptions()
NOTE = StandNote(
    recordings={"camera-1": "aa"}, first_us=1, until_us=9, frames={"camera-1": 4}, times_us={"camera-1": 9}
)


def test_what_was_written_is_found_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    journal.put("door", NOTE)
    journal.write()
    assert Journal(tmp_path / "journal.json").note("door", {"camera-1": "aa"}) == NOTE


def test_what_was_not_written_is_not_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    journal.put("door", NOTE)
    assert Journal(tmp_path / "journal.json").note("door", {"camera-1": "aa"}).frames == {}


@pytest.mark.parametrize("recordings", [{}, {"camera-1": "bb"}, {"camera-1": "aa", "camera-2": "aa"}])
def test_a_note_of_other_recordings_is_not_used(tmp_path: Path, recordings: dict[str, str]) -> None:
    journal = Journal(tmp_path / "journal.json")
    journal.put("door", NOTE)
    assert journal.note("door", recordings) == StandNote(recordings=recordings)


@pytest.mark.parametrize(
    ("topics", "of_use"), [({}, True), ({"frames.v1": "one"}, True), ({"frames.v1": "two"}, False)]
)
def test_what_lay_in_a_deleted_topic_is_sent_again(
    tmp_path: Path, topics: dict[str, str], of_use: bool
) -> None:
    """Plays that may be known already are still marked as repeated."""
    noted = msgspec.structs.replace(NOTE, ended=True, played_us=7, topics={"frames.v1": "one"})
    journal = Journal(tmp_path / "journal.json")
    journal.put("door", noted)
    found = journal.note("door", {"camera-1": "aa"}, topics)
    fresh = StandNote(recordings={"camera-1": "aa"}, played_us=7, topics=topics)
    assert found == (noted if of_use else fresh)


def test_the_time_of_a_live_stand_outlives_its_topics(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    journal.put("door", StandNote(until_us=9, topics={"frames.v1": "one"}))
    assert journal.note("door", {}, {"frames.v1": "two"}) == StandNote(
        until_us=9, topics={"frames.v1": "two"}
    )


def test_stands_of_another_configuration_are_kept(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal.json")
    first.put("door", NOTE)
    first.write()
    second = Journal(tmp_path / "journal.json")
    second.put("window", StandNote(first_us=3))
    second.write()
    assert Journal(tmp_path / "journal.json").note("door", {"camera-1": "aa"}) == NOTE


def test_a_half_written_file_beside_it_does_no_harm(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    journal.put("door", NOTE)
    journal.write()
    (tmp_path / "journal.new").write_bytes(b'{"door": {"fra')
    again = Journal(tmp_path / "journal.json")
    assert again.note("door", {"camera-1": "aa"}) == NOTE
    again.put("door", msgspec.structs.replace(NOTE, ended=True))
    again.write()
    assert Journal(tmp_path / "journal.json").note("door", {"camera-1": "aa"}).ended


def test_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    journal = Journal(path)
    journal.put("door", NOTE)
    journal.write()
    path.unlink()
    journal.write()
    assert not path.exists()


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match=r"journal\.json is no journal"):
        Journal(tmp_path / "journal.json")


def test_a_live_stand_of_a_clock_that_was_wrong_is_told() -> None:
    live = StandNote(until_us=100_000_000)
    assert live.is_of_the_future(95_000_000 - 1)
    assert not live.is_of_the_future(95_000_000)
    assert not StandNote().is_of_the_future(0)
    assert not msgspec.structs.replace(live, recordings={"camera-1": "aa"}).is_of_the_future(0)


def file_of(path: Path, data: bytes) -> SourceSpec:
    path.write_bytes(data)
    return SourceSpec(kind="file", target=str(path))


def test_the_digest_is_of_content_not_of_name_or_time(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    one, other = file_of(tmp_path / "a.mp4", data), file_of(tmp_path / "b.mp4", data)
    assert recording_digest(one, OPTIONS) == recording_digest(other, OPTIONS)


@pytest.mark.parametrize("change", [slice(0, 1), slice(-1, None), slice(0, 0)])
def test_the_digest_sees_both_ends_and_the_size(tmp_path: Path, change: slice) -> None:
    data = bytearray(bytes(range(256)) * 1000)
    before = recording_digest(file_of(tmp_path / "a.mp4", bytes(data)), OPTIONS)
    data[change] = b"\xee"
    assert recording_digest(file_of(tmp_path / "a.mp4", bytes(data)), OPTIONS) != before


def test_the_digest_sees_how_the_recording_is_read(tmp_path: Path) -> None:
    spec = file_of(tmp_path / "a.mp4", b"film")
    other = msgspec.structs.replace(OPTIONS, fallback_fps=12.0)
    assert recording_digest(spec, OPTIONS) != recording_digest(spec, other)


def test_the_digest_of_a_folder_sees_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"one")
    spec = SourceSpec(kind="folder", target=str(tmp_path))
    before = recording_digest(spec, OPTIONS)
    assert recording_digest(spec, OPTIONS) == before
    (tmp_path / "2.png").write_bytes(b"two")
    assert recording_digest(spec, OPTIONS) != before
