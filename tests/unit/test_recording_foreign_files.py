"""A recording from somebody else leads nowhere and ends: pipes, links, sparse files, bombs, topics."""

import json
import os
import signal
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import fastavro
import pytest

from onlooker.recordings.checks import problems, shown
from onlooker.settings.configuration import Settings
from onlooker.wiring.replay import ReplayRequest, execute_replay
from schemas.broker import BrokerOptions
from schemas.errors import CheckFailedError, OnlookerError, UsageError
from schemas.recording.blocks import MAGIC
from schemas.recording.folder import Recording
from schemas.recording.index import index_path
from schemas.recording.manifest import NAME
from schemas.recording.records import Unreadable, recorded_schema
from sinks.ownership import Ownership
from sinks.recording.expiry import expired
from sinks.recording.reading import recorded_of
from sinks.recording.source import Arrived
from sinks.recording.writer import RecordingWriter
from tests.e2e.command import COMMAND, onlooker
from tests.recordings import HandClock, fill, manifest, numbered, observations, writer
from tests.streams import StreamOptions, synthetic
from tests.unit.test_letters_without_pictures import CODEC, PICTURES, frame, holds
from tests.unit.test_recording_strangers import file_sync, said

PATIENCE_S = 10.0
HUGE_BYTES = 1 << 37
Spoil = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good recording that is still open, and a file beside it that belongs to nobody but its owner."""
    fill(tmp_path / "r", observations(10, stands=1))
    said(tmp_path / "r", closed=False, size_bytes=None, sha256=None, summary=None)
    (tmp_path / "victim.txt").write_text("mine")
    return tmp_path / "r"


def hour(folder: Path) -> Path:
    """Its one file."""
    (found,) = (folder / "observations").glob("*.avro")
    return found


def piped(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HUGE_BYTES)


def endless_header(path: Path) -> None:
    """Names and values of no byte, 2^40 of them."""
    with path.open("wb") as file:
        file.write(MAGIC + b"\x80\x80\x80\x80\x80\x80\x40")
        file.truncate(HUGE_BYTES)


def endless_device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def read_all(folder: Path) -> None:
    """As every verb reads it."""
    shown(folder)
    list(Recording(folder).records("observations"))
    found = list(problems(folder))
    if found:
        raise CheckFailedError(found[0])


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (spoil, name)
        for spoil in (piped, sparse, endless_header, endless_device)
        for name in ("manifest", "file", "index")
        if (spoil, name) != (sparse, "file")
    ],
)
def test_no_file_in_it_is_read_for_ever(folder: Path, spoil: Spoil, name: str) -> None:
    paths = {"manifest": folder / NAME, "file": hour(folder), "index": index_path(hour(folder))}
    spoil(paths[name])
    begun_s = time.monotonic()
    if name == "index" and spoil in (sparse, endless_header):
        read_all(folder)  # what is no index is made again
    else:
        with pytest.raises(OnlookerError):
            read_all(folder)
    assert time.monotonic() - begun_s < PATIENCE_S


def number(value: int) -> bytes:
    """As Avro writes it. Source: Avro specification, zigzag."""
    found, rest = bytearray(), value << 1
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*found, rest])


def test_one_record_does_not_fill_the_memory(folder: Path) -> None:
    """Seventy kilobytes that say they are one event with sixty million numbers."""
    schema = recorded_schema("observations")
    numbers = {"name": "numbers", "type": {"type": "array", "items": "long"}, "default": []}
    schema["fields"].insert(0, numbers)
    count = 60_000_000
    packing = zlib.compressobj(9, wbits=-15)
    body = packing.compress(number(count) + bytes(count)) + packing.flush()
    with hour(folder).open("wb") as file:
        fastavro.writer(file, schema, [], codec="deflate")
    sync = file_sync(hour(folder))
    with hour(folder).open("ab") as file:
        file.write(b"\x02" + number(len(body)) + body + sync)
    assert hour(folder).stat().st_size < 200_000
    index_path(hour(folder)).unlink()
    begun_s = time.process_time()
    with pytest.raises(CheckFailedError, match="damaged"):
        list(Recording(folder).records("observations"))
    assert time.process_time() - begun_s < 3.0


def linked_lock(folder: Path) -> None:
    (folder / "lock").unlink(missing_ok=True)
    (folder / "lock").symlink_to(folder.parent / "victim.txt")


def linked_index(folder: Path) -> None:
    index_path(hour(folder)).unlink(missing_ok=True)
    index_path(hour(folder)).symlink_to(folder.parent / "victim.txt")


def linked_file(folder: Path) -> None:
    hour(folder).unlink()
    (folder / "observations" / "2026-01-01T00.avro").symlink_to(folder.parent / "victim.txt")
    said(folder, path="observations/2026-01-01T00.avro")


def gone_on(folder: Path) -> None:
    """As `record` goes on with a recording."""
    with writer(folder) as recording:
        for record in numbered(synthetic(StreamOptions(observations=20, stands=1))):
            recording.add(record)


@pytest.mark.parametrize("link", [linked_lock, linked_index, linked_file])
def test_going_on_with_it_writes_through_no_link(folder: Path, link: Spoil) -> None:
    link(folder)
    with pytest.raises(UsageError):
        gone_on(folder)
    assert (folder.parent / "victim.txt").read_text() == "mine"
    with pytest.raises(UsageError):
        expired(folder, 4_000_000_000_000_000, 4_000_000_000_000_000)
    assert (folder.parent / "victim.txt").read_text() == "mine"


def test_a_new_hour_goes_into_no_linked_folder(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "plays").symlink_to(folder.parent / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        gone_on(folder)
    assert not list((folder.parent / "elsewhere").iterdir())


@pytest.mark.parametrize("at_us", [2**62, -(2**62), 10**17])
def test_times_that_nothing_can_have_are_shown_as_numbers(folder: Path, at_us: int) -> None:
    text = json.loads((folder / NAME).read_text())
    grant = {"reason": "r", "granted_us": at_us, "by": "b", "from_us": at_us, "until_us": at_us}
    (folder / NAME).write_text(json.dumps({**text, "created_us": at_us, "grants": [grant]}))
    ended = onlooker("recording", "show", folder)
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err
    assert f"{at_us} us" in ended.out


@pytest.mark.timeout(60)
@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGINT])
def test_a_replay_of_what_does_not_end_ends_when_asked(folder: Path, signalled: signal.Signals) -> None:
    with hour(folder).open("r+b") as file:
        file.truncate(HUGE_BYTES)
    with subprocess.Popen(
        [*COMMAND, "replay", str(folder), "--no-clickhouse"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        time.sleep(4.0)
        assert process.poll() is None, "it is at work"
        process.send_signal(signalled)
        begun_s = time.monotonic()
        process.wait(30)
        assert time.monotonic() - begun_s < 2.0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


class StoppedError(Exception):
    """What a pulse raises."""


def test_going_on_with_what_does_not_end_can_be_stopped(folder: Path) -> None:
    with hour(folder).open("r+b") as file:
        file.truncate(HUGE_BYTES)
    begun_s = time.monotonic()

    def pulse() -> None:
        if time.monotonic() - begun_s > 0.5:
            raise StoppedError

    with pytest.raises(StoppedError):
        RecordingWriter(folder, manifest(), HandClock().clocks(), pulse)
    assert time.monotonic() - begun_s < PATIENCE_S
    with Ownership(folder / "lock"):
        pass  # it was let go


def test_a_line_of_what_is_expected_has_an_end(folder: Path, tmp_path: Path) -> None:
    sparse(tmp_path / "facts.jsonl")
    with pytest.raises(UsageError, match="line 1 is no output of `replay`"):
        execute_replay(None, ReplayRequest(folder=folder, expect=tmp_path / "facts.jsonl"))


def test_a_replay_mixes_neither_with_the_site_nor_with_what_was_recorded(folder: Path) -> None:
    text = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps({**text, "configuration": {"kafka": {"prefix": "mall"}}}))
    site = Settings(kafka=BrokerOptions(bootstrap="127.0.0.1:1", prefix="site"))
    for settings, prefix in ((None, "mall"), (None, ""), (site, "mall"), (site, "site"), (site, "")):
        request = ReplayRequest(folder=folder, to_kafka=True, prefix=prefix, bootstrap="127.0.0.1:1")
        with pytest.raises(UsageError, match="must not mix with live figures"):
            execute_replay(settings, request)


@pytest.mark.parametrize("topic", ["observations", "plays", "visits", "campaign_windows"])
@pytest.mark.parametrize("kind", ["jpg", "png", "bmp"])
def test_what_was_no_event_is_recorded_without_its_picture(topic: str, kind: str) -> None:
    """Nobody has given leave to record pictures, and a frame on another topic is one."""
    message = Arrived(
        tp=(topic, 0),  # type: ignore[arg-type]
        offset=0,
        key=PICTURES[kind],
        value=frame(PICTURES[kind]),
        arrived_us=1_770_026_400_000_000,
        headers=(),
    )
    event = recorded_of(message, CODEC).event
    assert isinstance(event, Unreadable)
    assert not holds(event.value, PICTURES[kind])
    assert not holds(event.key, PICTURES[kind])
