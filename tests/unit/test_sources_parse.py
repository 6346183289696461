"""Names of sources: what is accepted, what is refused with which words, and that no password is shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.cameras.sources import SourceSpec, parse_source, picture_paths, redacted
from schemas.errors import UsageError
from schemas.names import quoted


@pytest.mark.parametrize("text", ["0", "usb:0", "/dev/video0"])
def test_usb_names_mean_the_same_camera(text: str) -> None:
    assert parse_source(text) == SourceSpec(kind="usb", target="0")


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https", "RTSP"])
def test_urls_are_live(scheme: str) -> None:
    spec = parse_source(f"{scheme}://camera.example/stream")
    assert (spec.kind, spec.is_recording) == ("url", False)


@pytest.mark.parametrize(
    "text",
    ["", "nowhere.mp4", "usb:", "usb:x", "ftp://host/x", "rtsp://", "http://[bad/x", "-1", "\0", "x" * 5000],
)
def test_a_wrong_source_is_refused_naming_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError, match="a source is a video file") as refusal:
        parse_source(text)
    assert quoted(text) in str(refusal.value)


def test_file_and_folder_are_recordings_with_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.JPG").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    clip, folder = parse_source("clip.mp4"), parse_source("pictures")
    assert clip == SourceSpec(kind="file", target=str(tmp_path / "clip.mp4"))
    assert folder == SourceSpec(kind="folder", target=str(tmp_path / "pictures"))
    assert clip.is_recording
    assert folder.is_recording


def test_one_picture_is_a_folder_of_one(tmp_path: Path) -> None:
    picture = tmp_path / "face.png"
    picture.write_bytes(b"x")
    spec = parse_source(str(picture))
    assert spec.kind == "folder"
    assert picture_paths(Path(spec.target)) == [picture]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"x")
    with pytest.raises(UsageError, match="holds no picture"):
        parse_source(str(tmp_path))


def test_a_file_named_like_an_index_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "7").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert parse_source("7").kind == "file"
    assert parse_source("usb:7").kind == "usb"


def test_pictures_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("10.jpg", "2.jpg", "a.png", ".hidden.jpg", "1b.JPEG", "02.jpg", "index.csv"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub.jpg").mkdir()
    assert [path.name for path in picture_paths(tmp_path)] == [
        "1b.JPEG",
        "02.jpg",
        "2.jpg",
        "10.jpg",
        "a.png",
    ]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:geheim@10.0.0.5:554/ch1", "rtsp://***@10.0.0.5:554/ch1"),
        ("rtsp://admin:ge@he/im?@10.0.0.5/ch1", "rtsp://***@10.0.0.5/ch1"),
        ("http://host/video?user=admin&pwd=geheim&channel=1", "http://host/video?user=***&pwd=***&channel=1"),
        ("rtsp://host/user=admin_password=geheim_channel=1", "rtsp://host/user=***_password=***_channel=1"),
        ("http://host/video", "http://host/video"),
    ],
)
def test_credentials_are_never_shown(url: str, shown: str) -> None:
    spec = parse_source(url)
    assert spec.shown == shown
    assert "geheim" not in f"{spec!r} {spec}"
    assert spec.target == url


@given(st.text(min_size=1).filter(lambda text: "@" not in text and text.strip()))
def test_any_password_is_redacted(password: str) -> None:
    assert redacted(f"rtsp://u:{password}@host/x") == "rtsp://***@host/x"


def test_a_wrong_url_is_refused_without_its_password() -> None:
    with pytest.raises(UsageError) as refusal:
        parse_source("ftp://u:geheim@host/x")
    assert "geheim" not in str(refusal.value)
