"""One rule for all verbs: which files are pictures and videos, which are passed over, how much is read."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from onlooker.analyze.drawn import also_drawn
from onlooker.analyze.files import Analysed, Eyes, analysed, files_of
from onlooker.analyze.records import Record
from onlooker.people.plan import read_plan
from producers.cameras.grabs import CameraLostError, EndOfSource, Grab
from producers.cameras.media import picture_bytes
from producers.cameras.sources import picture_paths
from producers.options import CaptureOptions
from schemas.errors import BadPictureError
from schemas.ports import Pixels

PIXELS: Pixels = np.zeros((48, 64, 3), dtype=np.uint8)
PASSED_OVER = (
    "._1.jpg",
    ".hidden.png",
    ".Trashes/2.jpg",
    "$RECYCLE.BIN/3.jpg",
    "__MACOSX/._1.jpg",
    "@eaDir/4.jpg",
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder as a Mac, a Windows machine and a network drive leave it."""
    for name in ("1.jpg", "2.JPG", "3.heic", *PASSED_OVER):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"noise")
    return tmp_path


def test_all_verbs_mean_the_same_pictures(shop: Path) -> None:
    assert [path.name for path in files_of([shop])] == ["1.jpg", "2.JPG", "3.heic"]
    assert [path.name for path in picture_paths(shop)] == ["1.jpg", "2.JPG"]
    members = shop.parent / "members"
    members.mkdir()
    shop.rename(members / "Jane")
    (person,) = read_plan(members).people
    assert [path.name for path in person.pictures] == ["1.jpg", "2.JPG", "3.heic"]


def test_a_picture_that_has_to_be_converted_is_named_and_says_how(tmp_path: Path) -> None:
    path = tmp_path / "3.heic"
    path.write_bytes(b"noise")
    with pytest.raises(BadPictureError, match="heif-convert") as caught:
        picture_bytes(path, 1000)
    assert caught.value.cause == "unsupported"


def test_of_a_file_that_is_too_large_nothing_is_read(tmp_path: Path) -> None:
    """A sparse file of six gibibytes takes no room on the disk, and would take all of the memory."""
    path = tmp_path / "1.jpg"
    path.touch()
    os.truncate(path, 6 * 1024**3)
    with pytest.raises(BadPictureError, match="max_picture_bytes") as caught:
        picture_bytes(path, 64 * 1024**2)
    assert caught.value.cause == "too_large"


def test_a_folder_with_the_name_of_a_picture_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").mkdir()
    with pytest.raises(BadPictureError, match="is no file"):
        picture_bytes(tmp_path / "1.jpg", 1000)


class _Recorded:
    """A camera over a file that FFmpeg reads."""

    def __init__(self) -> None:
        self._left = 2

    def read(self) -> Any:
        self._left -= 1
        return Grab(picture=PIXELS, position_us=0) if self._left >= 0 else EndOfSource()

    def close(self) -> None:
        self._left = 0


def eyes(*, is_a_video: bool) -> Eyes:
    """Eyes for which nothing is a picture."""

    def decode(_: bytes) -> Pixels:
        raise BadPictureError("not_a_picture", "it is no picture")

    def opened(*_: Any) -> Any:
        if not is_a_video:
            raise CameraLostError("unreadable", "it is no video")
        return _Recorded()

    return Eyes(
        decode=decode,
        observe_still=lambda _: (),
        new_video_observer=lambda _: lambda *_: (),
        open_camera=opened,
        options=CaptureOptions(),
    )


def test_a_video_of_an_unknown_name_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "channel-3.rec"
    path.write_bytes(b"noise")
    assert [line.record.frame for line in analysed([path], eyes(is_a_video=True))] == [0, 1]
    (line,) = analysed([path], eyes(is_a_video=False))
    assert line.record.error == "not_a_picture: it is no picture"


def drawings(*names: str) -> Iterator[Analysed]:
    """Pictures to be drawn."""
    for name in names:
        yield Analysed(record=Record(source=name), path=Path(name), picture=PIXELS)


def test_no_drawing_replaces_what_is_analysed_or_another_drawing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"the original")
    names = ("a.jpg", "a.png", "a-2.jpg")
    list(also_drawn(drawings(*names), tmp_path))
    assert (tmp_path / "a.jpg").read_bytes() == b"the original"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2-2.jpg", "a-2.jpg", "a-3.jpg", "a.jpg"]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    list(also_drawn(drawings(*names), tmp_path))
    assert before.items() <= {path.name: path.read_bytes() for path in tmp_path.iterdir()}.items()


def test_a_name_that_is_not_utf_8_is_shown_with_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    path.write_bytes(b"noise")
    (line,) = analysed(files_of([tmp_path]), eyes(is_a_video=False))
    assert line.record.source == f"{tmp_path}/caf\\xe9.jpg"
    assert msgspec.json.decode(msgspec.json.encode(line.record))["error"].startswith("not_a_picture")
    frames = list(analysed([path.rename(tmp_path / os.fsdecode(b"caf\xe9.rec"))], eyes(is_a_video=True)))
    assert [frame.record.frame for frame in frames] == [0, 1]
