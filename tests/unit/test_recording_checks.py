"""Looking after recordings: what is wrong is found, what is old goes, times and durations are read."""

from pathlib import Path

import pytest

from onlooker.recordings.checks import problems, shown
from onlooker.recordings.times import duration_us, instant_us, speed_of, time_words
from schemas.errors import UsageError
from schemas.recording.folder import Recording
from schemas.recording.index import index_path
from schemas.recording.manifest import HOUR_US, read_manifest
from sinks.recording.expiry import expired
from tests.e2e.command import onlooker
from tests.recordings import fill, observations, writer
from tests.streams import START_US


def in_hours(folder: Path, hours: int) -> Path:
    """A recording of ten messages an hour."""
    import msgspec

    given = observations(10 * hours, stands=1, repeated_share=0)[: 10 * hours]
    fill(
        folder,
        [msgspec.structs.replace(r, arrived_us=START_US + i // 10 * HOUR_US) for i, r in enumerate(given)],
    )
    return folder


def test_what_is_whole_has_no_problems(tmp_path: Path) -> None:
    assert list(problems(in_hours(tmp_path / "r", 3))) == []


def test_a_changed_byte_a_missing_file_and_a_hole_are_found(tmp_path: Path) -> None:
    folder = in_hours(tmp_path / "r", 3)
    first, second, third = Recording(folder).files("observations")
    data = bytearray((folder / first.path).read_bytes())
    data[-20] ^= 1
    (folder / first.path).write_bytes(data)
    (folder / second.path).unlink()
    found = list(problems(folder))
    assert any(first.path in words and "is not what was written" in words for words in found)
    assert f"{second.path} is missing." in found
    assert "observations partition 0: offsets 10 to 19 are missing." in found
    (folder / third.path).write_bytes(b"")
    assert any("0 bytes instead of" in words for words in problems(folder))


def test_an_index_that_lies_is_found(tmp_path: Path) -> None:
    folder = in_hours(tmp_path / "r", 1)
    (note,) = Recording(folder).files("observations")
    index = index_path(folder / note.path)
    index.unlink()
    assert list(problems(folder)) == [], "an index can always be made again"


def test_expired_hours_are_gone_and_the_manifest_says_so(tmp_path: Path) -> None:
    folder = in_hours(tmp_path / "r", 4)
    gone = expired(folder, START_US + 2 * HOUR_US, START_US + 9 * HOUR_US)
    assert [each.records for each in gone] == [10, 10]
    manifest = read_manifest(folder)
    assert len(manifest.files) == 2
    assert [each.partitions for each in manifest.expired] == [{0: 9}, {0: 19}]
    assert len(list((folder / "observations").iterdir())) == 4
    assert [record.offset for record in Recording(folder).records("observations")] == list(range(20, 40))
    assert list(problems(folder)) == []
    with writer(folder) as again:
        assert again.positions == {("observations", 0): 40}


def test_when_all_has_expired_a_recorder_still_knows_where_to_go_on(tmp_path: Path) -> None:
    folder = in_hours(tmp_path / "r", 2)
    expired(folder, START_US + 9 * HOUR_US, START_US + 9 * HOUR_US)
    with writer(folder) as again:
        assert again.positions == {("observations", 0): 20}


def test_a_recording_in_use_does_not_expire(tmp_path: Path) -> None:
    folder = in_hours(tmp_path / "r", 2)
    with writer(folder), pytest.raises(UsageError, match="in use"):
        expired(folder, START_US + 9 * HOUR_US, START_US)


def test_a_recorder_may_expire_while_it_records(tmp_path: Path) -> None:
    folder = in_hours(tmp_path / "r", 4)
    with writer(folder) as recording:
        assert recording.expire(START_US + 2 * HOUR_US) == 2
        assert recording.expire(START_US + 2 * HOUR_US) == 0
    assert [record.offset for record in Recording(folder).records("observations")] == list(range(20, 40))
    assert list(problems(folder)) == []


def test_the_summary_is_of_all_files(tmp_path: Path) -> None:
    _, (found,) = shown(in_hours(tmp_path / "r", 3))
    assert (found.files, found.summary.records, found.torn_bytes) == (3, 30, 0)


def test_the_commands_say_what_they_found(tmp_path: Path) -> None:
    folder = in_hours(tmp_path / "r", 2)
    table = onlooker("recording", "show", folder)
    assert table.code == 0
    assert "observations" in table.out
    assert onlooker("recording", "show", folder, "--json").json()["topics"][0]["summary"]["records"] == 20
    (folder / Recording(folder).files("observations")[0].path).unlink()
    broken = onlooker("recording", "verify", folder)
    assert (broken.code, "is missing" in broken.err) == (1, True)
    old = onlooker("recording", "expire", folder, "--older-than", "1h")
    assert old.code == 0
    assert "(10 messages)" in old.out


@pytest.mark.parametrize(
    ("words", "at_us"),
    [
        ("1970-01-01T00:00:01", 1_000_000),
        ("1970-01-01 01:00:00.5+01:00", 500_000),
        ("2026-03-02T10:00", START_US),
    ],
)
def test_instants(words: str, at_us: int) -> None:
    assert instant_us(words) == at_us


def test_durations_and_paces() -> None:
    assert [duration_us(each) for each in ("90s", "10m", "1.5h", "7d")] == [
        90_000_000,
        600_000_000,
        5_400_000_000,
        7 * 86_400_000_000,
    ]
    assert [speed_of(each) for each in ("fast", "real", "x10", "x0.5")] == [None, 1.0, 10.0, 0.5]
    assert time_words(None) == "-"
    for wrong in ("10", "m", "-5m", "10 minutes"):
        with pytest.raises(UsageError, match="is no duration"):
            duration_us(wrong)
    for wrong in ("x0", "quick", "10", "x-1"):
        with pytest.raises(UsageError, match="is no pace"):
            speed_of(wrong)
    with pytest.raises(UsageError, match="is no time"):
        instant_us("yesterday")
