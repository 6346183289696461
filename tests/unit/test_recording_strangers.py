"""A recording from somebody else is data: it says neither what is deleted nor how long reading takes."""

import json
import time
from pathlib import Path
from typing import Any

import fastavro
import pytest

from onlooker.recordings.checks import problems, shown
from onlooker.settings.configuration import CameraSettings, Settings, StandSettings
from onlooker.wiring.replay import settings_of
from processors.thresholds import MeasureOptions
from schemas.errors import CheckFailedError, UsageError
from schemas.recording.folder import Recording
from schemas.recording.manifest import NAME
from schemas.recording.records import recorded_schema
from sinks.recording.expiry import expired
from tests.recordings import fill, observations

FAR_US = 4_000_000_000_000_000
PATIENCE_S = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good recording, and a file beside it that belongs to nobody but its owner."""
    fill(tmp_path / "r", observations(10, stands=1))
    (tmp_path / "victim.txt").write_text("mine")
    return tmp_path / "r"


def said(folder: Path, **changes: Any) -> None:
    """What a stranger writes into the note of the first file."""
    manifest = json.loads((folder / NAME).read_text())
    manifest["files"][0] |= changes
    (folder / NAME).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "path",
    [
        "../victim.txt",
        "/etc/passwd",
        "observations/../../victim.txt",
        "observations/2026-01-01T00.avro\n",
        "observations\\2026-01-01T00.avro",
        "",
    ],
)
def test_a_manifest_cannot_name_a_file_that_is_not_of_the_recording(folder: Path, path: str) -> None:
    said(folder, path=path)
    with pytest.raises(UsageError, match=r"is no manifest of a recording.*path"):
        expired(folder, FAR_US, FAR_US)
    assert (folder.parent / "victim.txt").read_text() == "mine"


def test_a_link_cannot_lead_out_of_the_recording(folder: Path) -> None:
    (note,) = Recording(folder).files("observations")
    (folder / note.path).parent.rename(folder.parent / "elsewhere")
    (folder / "observations").symlink_to(folder.parent / "elsewhere")
    with pytest.raises(UsageError, match="lies outside of the recording"):
        expired(folder, FAR_US, FAR_US)
    assert list((folder.parent / "elsewhere").iterdir())


def test_a_few_bytes_cannot_be_read_for_ever(folder: Path) -> None:
    """An array of nulls takes no byte an item: 4 kB said 2^40 of them, and nothing answered any more."""
    (note,) = Recording(folder).files("observations")
    schema = recorded_schema("observations")
    nulls = {"name": "nulls", "type": {"type": "array", "items": "null"}, "default": []}
    schema["fields"].insert(0, nulls)
    with (folder / note.path).open("wb") as file:
        fastavro.writer(file, schema, [])
        file.write(block(b"\x80\x80\x80\x80\x80\x80\x01" + b"\x00" * 8, file_sync(folder / note.path)))
    said(folder, closed=False, size_bytes=None, sha256=None, summary=None)
    for path in (folder / "observations").glob("*.idx"):
        path.unlink()
    begun_s = time.monotonic()
    with pytest.raises(CheckFailedError, match="an array has items that take no byte"):
        list(Recording(folder).records("observations"))
    with pytest.raises(CheckFailedError, match="take no byte"):
        shown(folder)
    assert any("take no byte" in words for words in problems(folder))
    assert time.monotonic() - begun_s < PATIENCE_S


def test_a_recording_says_how_it_was_measured_and_nothing_else(folder: Path) -> None:
    """Its brokers would be sent this site's password, and its files and limits are a stranger's."""
    manifest = json.loads((folder / NAME).read_text())
    manifest["configuration"] = {
        "stands": [{"stand_id": "door", "cameras": [{"source": "0"}]}],
        "measure": {"window_s": 30},
        "kafka": {"bootstrap": "stranger:9092", "security": "SASL_SSL", "username": "you"},
        "clickhouse": {"url": "clickhouse://stranger"},
        "registry": {"url": "https://stranger", "username": "you"},
        "data_dir": "/victim",
        "models": {"mesh": "/victim.onnx"},
        "people": {"gallery": "/victim"},
        "capture": {"max_pixels": 10**12},
    }
    (folder / NAME).write_text(json.dumps(manifest))
    stand = StandSettings(stand_id="door", cameras=(CameraSettings(source="0"),))
    measured = Settings(stands=(stand,), measure=MeasureOptions(window_s=30))
    assert settings_of(Recording(folder)) == measured


def file_sync(path: Path) -> bytes:
    """What ends each block of a file that holds nothing yet."""
    return path.read_bytes()[-16:]


def block(body: bytes, sync: bytes) -> bytes:
    """One record as a block. Source: Apache Avro specification, object container files."""
    return b"\x02" + bytes([2 * len(body)]) + body + sync
