"""Real sources through OpenCV: clips, synthetic videos, broken files, folders and a camera that dies."""

import csv
import http.server
import os
import random
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from producers.cameras.buffer import FrameBuffer
from producers.cameras.camera import claimed_frames, open_camera
from producers.cameras.grabs import BadPicture, CameraLostError, EndOfSource, Grab
from producers.cameras.merge import event_order, merge_frames
from producers.cameras.sources import SourceSpec, parse_source
from producers.cameras.thread import CameraPlan, CaptureStatus, CaptureThread
from producers.options import CaptureOptions, DropPolicy
from schemas.clocks import Clocks
from schemas.errors import BadPictureError
from schemas.frames import Frame
from schemas.ports import Pixels

DEADLINE_S = 30.0
REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONS = CaptureOptions(folder_fps=1.0)
CLOCKS = Clocks()
START_US = OPTIONS.start_us


def decode(data: bytes) -> Pixels:
    if not data:
        raise BadPictureError("empty", "it is empty")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadPictureError("too_large", "its header claims too many pixels") from error
    if picture is None:
        raise BadPictureError("not_a_picture", "it is no picture")
    return picture.astype(np.uint8)


def write_video(
    path: Path, *, frames: int = 30, fps: float = 12.0, width: int = 64, height: int = 48
) -> Path:
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), fps, (width, height))
    assert writer.isOpened()
    for index in range(frames):
        writer.write(np.full((height, width, 3), 8 * index % 256, np.uint8))
    writer.release()
    return path


def read_all(path: Path, options: CaptureOptions = OPTIONS) -> tuple[list[Grab | BadPicture], EndOfSource]:
    camera = open_camera(parse_source(str(path)), options, decode=decode)
    grabs: list[Grab | BadPicture] = []
    try:
        while not isinstance(given := camera.read(), EndOfSource):
            grabs.append(given)
    finally:
        camera.close()
    return grabs, given


def positions(grabs: Sequence[Grab | BadPicture]) -> list[int | None]:
    return [each.position_us for each in grabs if isinstance(each, Grab)]


def capture(
    spec: SourceSpec, name: str, *, policy: DropPolicy = "wait", options: CaptureOptions = OPTIONS
) -> tuple[CaptureThread, FrameBuffer]:
    buffer = FrameBuffer(8, policy, max_bytes=10**8, is_recording=spec.is_recording)
    plan = CameraPlan(stand_id="stand", camera_id=name, spec=spec)
    thread = CaptureThread(
        plan,
        lambda source: open_camera(source, options, decode=decode),
        buffer=buffer,
        options=options,
        clocks=CLOCKS,
    )
    thread.start()
    return thread, buffer


def run_through(paths: Sequence[Path]) -> tuple[list[Frame], list[CaptureStatus]]:
    parts = [capture(parse_source(str(path)), path.name) for path in paths]
    frames = list(merge_frames([buffer for _, buffer in parts], stop=threading.Event()))
    assert all(thread.join(DEADLINE_S) for thread, _ in parts)
    return frames, [thread.status() for thread, _ in parts]


@pytest.mark.parametrize("name", ["v.mp4", "v.avi", "v.mkv"])
def test_frame_12_of_a_12_fps_video_is_at_one_second(tmp_path: Path, name: str) -> None:
    grabs, end = read_all(write_video(tmp_path / name))
    assert positions(grabs) == [(index * 1_000_000 + 6) // 12 for index in range(30)]
    assert positions(grabs)[12] == 1_000_000
    assert end.missing_frames == 0


def test_a_rate_that_is_no_whole_number_stays_exact(tmp_path: Path) -> None:
    grabs, _ = read_all(write_video(tmp_path / "v.mp4", frames=61, fps=29.97))
    assert positions(grabs)[60] == 2_002_002


def test_rotation_in_the_metadata_is_applied(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4")
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    grab = read_all(path)[0][0]
    assert isinstance(grab, Grab)
    assert grab.picture.shape == (64, 48, 3)


def test_a_damaged_stretch_is_read_over_and_counted(tmp_path: Path) -> None:
    """The library gives no picture for a while, then the rest, which was lost when reading ended there."""
    path = write_noise(tmp_path / "v.mp4", frames=60)
    data = bytearray(path.read_bytes())
    middle = slice(len(data) * 4 // 10, len(data) // 2)
    data[middle] = bytes(range(256)) * (len(data[middle]) // 256) + bytes(len(data[middle]) % 256)
    path.write_bytes(data)
    readings, end = read_all(path)
    good = [index for index, each in enumerate(readings) if isinstance(each, Grab)]
    damaged = [each for each in readings if isinstance(each, BadPicture)]
    assert 0 < len(damaged) < 20
    assert max(good) > 50, "what follows the damage is there"
    assert positions(readings)[-1] == pytest.approx(59 * 1_000_000 / 12, abs=1), "at its own time"
    assert {(each.cause, "cannot be decoded" in each.detail) for each in damaged} == {("damaged", True)}
    assert end.missing_frames == 0


def test_a_name_that_is_not_utf_8_is_opened_all_the_same(tmp_path: Path) -> None:
    """OpenCV ends the process at such a name."""
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    write_video(tmp_path / "v.mp4").rename(path)
    readings, end = read_all(path)
    assert (len(readings), end.missing_frames) == (30, 0)
    assert claimed_frames(SourceSpec(kind="file", target=str(path))) == 30


def write_noise(path: Path, *, frames: int) -> Path:
    """A video whose every frame is large enough to be hit."""
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 12.0, (64, 48))
    noise = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(noise.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    writer.release()
    return path


def test_a_video_cut_short_behind_its_header_ends_with_what_is_missing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    grabs, end = read_all(path)
    assert 0 < len(grabs) < 30
    assert end.missing_frames == 30 - len(grabs)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "cannot_open"),
        (random.Random(1).randbytes(99_999), "cannot_open"),
    ],
)
def test_what_is_no_video_is_an_error_in_words(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(CameraLostError, match=r"v\.mp4") as refusal:
        open_camera(parse_source(str(path)), OPTIONS, decode=decode)
    assert refusal.value.cause == cause


def test_an_mp4_without_its_index_is_an_error_in_words(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4")
    path.write_bytes(path.read_bytes()[:-200])
    frames, (status,) = run_through([path])
    assert frames == []
    assert (status.phase, status.by_cause) == ("ended", {"cannot_open": 1})
    assert status.problem is not None
    assert "cut short" in status.problem


def test_a_video_larger_than_allowed_is_refused_at_opening(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", width=320, height=240)
    with pytest.raises(CameraLostError, match="320 x 240") as refusal:
        open_camera(parse_source(str(path)), CaptureOptions(max_pixels=320 * 240 - 1), decode=decode)
    assert refusal.value.cause == "too_large"
    open_camera(parse_source(str(path)), CaptureOptions(max_pixels=320 * 240), decode=decode).close()


def test_a_recording_that_is_removed_meanwhile_is_an_error_in_words(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4")
    spec = parse_source(str(path))
    path.unlink()
    with pytest.raises(CameraLostError, match="cannot be read"):
        open_camera(spec, OPTIONS, decode=decode)


def test_a_folder_gives_its_pictures_in_natural_order_and_names_the_broken(tmp_path: Path) -> None:
    for index in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((8, 8, 3), index, np.uint8))
    (tmp_path / "3.png").write_bytes(b"no picture")
    (tmp_path / "4.png").write_bytes(b"")
    (tmp_path / "5.png").write_bytes(b"x" * 2_000)
    options = CaptureOptions(folder_fps=2.0, max_picture_bytes=1_000)
    grabs, _ = read_all(tmp_path, options)
    values = [int(each.picture[0, 0, 0]) for each in grabs if isinstance(each, Grab)]
    bad = [(each.name, each.cause) for each in grabs if isinstance(each, BadPicture)]
    assert values == [1, 2, 10]
    assert positions(grabs) == [0, 500_000, 2_500_000]
    assert bad == [("3.png", "not_a_picture"), ("4.png", "empty"), ("5.png", "too_large")]


def test_two_runs_over_the_same_videos_give_the_same_frames(tmp_path: Path) -> None:
    paths = [write_video(tmp_path / f"{fps}.mp4", fps=fps) for fps in (10.0, 12.0, 30.0)]
    first, _ = run_through(paths)
    second, statuses = run_through(paths)
    assert [event_order(frame) for frame in first] == sorted(event_order(frame) for frame in first)
    assert [event_order(frame) for frame in first] == [event_order(frame) for frame in second]
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(first, second, strict=True))
    assert len(first) == sum(status.frames for status in statuses) == 90
    assert first[0].t_us == START_US


@pytest.mark.data
def test_the_clips_are_read_as_their_index_says(data_dir: Path) -> None:
    clips = data_dir / "clips"
    with (clips / "index.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert rows
    for row in rows:
        hundredths = round(float(row["fps"]) * 100)
        camera = open_camera(parse_source(str(clips / row["clip"])), OPTIONS, decode=decode)
        index = 0
        while isinstance(given := camera.read(), Grab):
            assert given.position_us == (200_000_000 * index + hundredths) // (2 * hundredths), row["clip"]
            assert given.picture.shape == (int(row["height"]), int(row["width"]), 3)
            index += 1
        assert given == EndOfSource(missing_frames=0)
        assert index == int(row["frames"]), row["clip"]


@pytest.mark.data
def test_the_broken_files_stop_nothing(data_dir: Path) -> None:
    broken = data_dir / "stills" / "broken"
    frames, statuses = run_through([broken / "truncated.mp4", broken / "zero_bytes.mp4", broken])
    by_name = {status.camera_id: status for status in statuses}
    assert by_name["truncated.mp4"].by_cause == {"cannot_open": 1}
    assert by_name["zero_bytes.mp4"].by_cause == {"empty": 1}
    pictures = [path for path in broken.iterdir() if path.suffix in (".jpg", ".png")]
    assert by_name["broken"].frames == len(frames)
    assert by_name["broken"].frames + by_name["broken"].undecodable == len(pictures)
    assert by_name["broken"].undecodable >= 4


def test_nothing_is_printed_and_no_password_shown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4")
    path.write_bytes(path.read_bytes()[:-200])
    program = """
import sys
from producers.cameras.camera import claimed_frames, open_camera
from producers.options import CaptureOptions
from producers.cameras.grabs import CameraLostError
from producers.cameras.sources import parse_source
for name in sys.argv[1:]:
    try:
        open_camera(parse_source(name), CaptureOptions(open_timeout_s=2.0), decode=None)
    except CameraLostError as error:
        print(error.cause, error)
"""
    sources = [str(path), "usb:63", "http://u:geheim@127.0.0.1:9/x", "rtsp://u:geheim@127.0.0.1:9/x"]
    command = [sys.executable, "-c", program, *sources]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["cannot_open"] * 4
    assert "geheim" not in done.stdout


class MjpegServer:
    """A network camera on the loopback that can die, hang and come back on the same port."""

    def __init__(self, value: int, port: int = 0) -> None:
        self.dead = threading.Event()
        self.hung = threading.Event()
        picture = np.random.default_rng(value).integers(0, 40, (48, 64, 3)).astype(np.uint8) + np.uint8(value)
        body = cv2.imencode(".jpg", picture)[1].tobytes()
        part = (
            b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body) + body + b"\r\n"
        )
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                self._stream()

            def _stream(self) -> None:
                try:
                    while not camera.dead.wait(0.01):  # its frame rate
                        if not camera.hung.is_set():
                            self.wfile.write(part)
                except OSError:
                    return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def die(self) -> None:
        self.dead.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE_S)


def frames_until_bright(buffer: FrameBuffer) -> Iterator[Frame]:
    """Frames up to and with the first of a server whose pictures are bright."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        frame = buffer.get(DEADLINE_S)
        assert frame is not None
        yield frame
        if frame.picture.mean() > 120:
            return
    pytest.fail("the camera did not come back in time")


LIVE = CaptureOptions(backoff_first_s=0.02, backoff_max_s=0.05, read_timeout_s=20.0, freeze_s=20.0)
IMPATIENT = CaptureOptions(backoff_first_s=0.02, backoff_max_s=0.05, read_timeout_s=20.0, freeze_s=1.0)


def test_a_network_camera_that_dies_and_comes_back_is_reopened() -> None:
    first = MjpegServer(value=30)
    spec = parse_source(f"http://127.0.0.1:{first.port}/")
    thread, buffer = capture(spec, "net", policy="drop_oldest", options=LIVE)
    assert all(buffer.get(DEADLINE_S) for _ in range(3))
    first.die()
    second = MjpegServer(value=180, port=first.port)
    frames = list(frames_until_bright(buffer))
    status = thread.status()
    thread.stop()
    assert thread.join(DEADLINE_S)
    second.die()
    assert status.reopened == 1
    assert status.by_cause["read_failed"] == 1
    assert [frame.t_us for frame in frames] == sorted({frame.t_us for frame in frames})
    assert [frame.frame_index for frame in frames] == sorted({frame.frame_index for frame in frames})


def test_a_network_camera_that_hangs_is_reopened() -> None:
    server = MjpegServer(value=30)
    thread, buffer = capture(
        parse_source(f"http://127.0.0.1:{server.port}/"), "net", policy="drop_oldest", options=IMPATIENT
    )
    assert buffer.get(DEADLINE_S)
    server.hung.set()
    deadline_s = time.monotonic() + DEADLINE_S
    while thread.status().lost == 0 and time.monotonic() < deadline_s:
        buffer.get(timeout_s=0.05)
    server.hung.clear()
    while thread.status().reopened == 0 and time.monotonic() < deadline_s:
        buffer.get(timeout_s=0.05)
    reopened = thread.status().reopened
    thread.stop()
    assert thread.join(DEADLINE_S)
    server.die()
    assert reopened >= 1
    assert buffer.counts.captured == buffer.counts.delivered + buffer.counts.dropped + buffer.counts.inside
