"""The door to OpenCV for cameras: opens files, USB cameras and URLs and reads their pictures."""

import os
from collections import deque
from pathlib import Path

import cv2

from producers.cameras.event_time import PositionClock, frame_rate, nominal_us
from producers.cameras.folder import Decode, FolderCamera, folder_rate
from producers.cameras.grabs import BadPicture, Camera, CameraLostError, EndOfSource, Grab
from producers.cameras.sources import SourceSpec, picture_paths
from producers.options import CaptureOptions
from schemas.files import require_readable, words_of
from schemas.ports import Pixels
from schemas.units import US_PER_S

_MS_PER_S = 1_000
_FFMPEG_QUIET = "-8"
_MOST_FRAMES = 1e9
MOST_DAMAGED = 250
"""So many frames in a row that cannot be decoded are read over: ten seconds of a camera."""
END_FRAMES = 3
"""A file whose last frame lies so few frames before its stated end is whole."""


def open_camera(spec: SourceSpec, options: CaptureOptions, *, decode: Decode) -> Camera:
    """An opened source; the caller closes it.

    Args:
        spec: what to open.
        options: rates, limits and time-outs.
        decode: turns the bytes of a picture file into pixels (used for folders only).

    Raises:
        CameraLostError: it does not open, is empty or claims absurd dimensions.
    """
    if spec.kind == "folder":
        return FolderCamera(Path(spec.target), options, decode=decode)
    _silence_opencv()
    if spec.kind == "file":
        return VideoFile(spec, options)
    return LiveCamera(spec, options)


def claimed_frames(spec: SourceSpec) -> int | None:
    """How many frames a recording says it has: for a progress bar, never for a figure.

    Returns:
        None when it does not say, or says something absurd.
    """
    if spec.kind == "folder":
        return len(picture_paths(Path(spec.target)))
    _silence_opencv()
    capture = _opened_file(spec.target)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    return int(count) if 0 < count < _MOST_FRAMES else None


def claimed_us(spec: SourceSpec, options: CaptureOptions) -> int | None:
    """How long a recording says it is, us; None when it does not say, or says something absurd."""
    frames = claimed_frames(spec)
    if frames is None:
        return None
    if spec.kind == "folder":
        return nominal_us(frames, folder_rate(Path(spec.target), options))
    capture = _opened_file(spec.target)
    rate = frame_rate(capture.get(cv2.CAP_PROP_FPS), options.fallback_fps)
    capture.release()
    return nominal_us(frames, rate)


class VideoFile:
    """A video file: positions from its time stamps, rotation from its metadata applied."""

    def __init__(self, spec: SourceSpec, options: CaptureOptions) -> None:
        self._shown = spec.shown
        _require_content(spec)
        self._capture = _opened_file(spec.target)
        _require_open(self._capture, spec, options)
        rate = frame_rate(self._capture.get(cv2.CAP_PROP_FPS), options.fallback_fps)
        self._clock = PositionClock(rate)
        self._claimed = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._rate = rate
        self._max_pixels = options.max_pixels
        self._read = 0
        self._last_us = 0
        self._waiting: deque[Grab | BadPicture] = deque()

    def read(self) -> Grab | BadPicture | EndOfSource:
        """The next picture, or one that is damaged, or the end.

        Raises:
            CameraLostError: a picture is too large, or there is none at all.
        """
        if not self._waiting:
            self._read_on()
        return self._waiting.popleft() if self._waiting else self._end()

    def _read_on(self) -> None:
        """Read the next picture, also behind a damaged stretch; at the end nothing comes of it."""
        for damaged in range(MOST_DAMAGED):
            picture = _next_picture(self._capture, self._shown, self._max_pixels)
            if picture is not None:
                self._waiting.extend([self._damaged] * damaged)
                self._read += 1 + damaged
                self._last_us = self._clock.position_us(self._capture.get(cv2.CAP_PROP_POS_MSEC))
                self._waiting.append(Grab(picture=picture, position_us=self._last_us))
                return

    @property
    def _damaged(self) -> BadPicture:
        words = f"a picture after {self._last_us / US_PER_S:.1f} s cannot be decoded"
        return BadPicture(name=self._shown, cause="damaged", detail=words)

    def close(self) -> None:
        """Let the file go."""
        self._capture.release()

    def _end(self) -> EndOfSource:
        if self._read == 0:
            raise CameraLostError("cannot_open", f"{self._shown} holds no picture that can be decoded.")
        if not 0 < self._claimed < _MOST_FRAMES:
            return EndOfSource()
        # The number in a header is often a guess from duration and rate: what ends when it should is whole.
        ends_us = nominal_us(max(0, int(self._claimed) - END_FRAMES), self._rate)
        missing = 0 if self._last_us >= ends_us else max(0, int(self._claimed) - self._read)
        return EndOfSource(missing_frames=missing)


class LiveCamera:
    """A USB camera or a URL; its frames have no position, the caller stamps them."""

    def __init__(self, spec: SourceSpec, options: CaptureOptions) -> None:
        self._shown = spec.shown
        self._max_pixels = options.max_pixels
        if spec.kind == "usb":
            self._capture = cv2.VideoCapture(int(spec.target), cv2.CAP_V4L2)
        else:
            self._capture = cv2.VideoCapture(spec.target, cv2.CAP_FFMPEG, _url_settings(options))
        _require_open(self._capture, spec, options)

    def read(self) -> Grab | BadPicture | EndOfSource:
        """The next picture.

        Raises:
            CameraLostError: nothing came within the read time-out, or the stream ended.
        """
        picture = _next_picture(self._capture, self._shown, self._max_pixels)
        if picture is None:
            raise CameraLostError("read_failed", f"{self._shown} gives no more pictures.")
        return Grab(picture=picture, position_us=None)

    def close(self) -> None:
        """Let the camera go."""
        self._capture.release()


def _opened_file(target: str) -> cv2.VideoCapture:
    """A video file; the library would end the process at a name that is not UTF-8, so it is given a number.

    One decoding thread: perception has the cores, and order and memory stay the same everywhere.
    """
    settings = [cv2.CAP_PROP_N_THREADS, 1]
    path = os.path.abspath(target)  # noqa: PTH100 - as it is: `10:15:00.mp4` alone would be a protocol
    try:
        path.encode()
    except UnicodeEncodeError:
        with Path(path).open("rb") as file:
            return cv2.VideoCapture(f"/proc/self/fd/{file.fileno()}", cv2.CAP_FFMPEG, settings)
    return cv2.VideoCapture(path, cv2.CAP_FFMPEG, settings)


def _silence_opencv() -> None:
    # FFmpeg inside OpenCV prints to stderr by itself; this variable, read at its first use, is its only knob.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _FFMPEG_QUIET)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _url_settings(options: CaptureOptions) -> list[int]:
    read_s = min(options.read_timeout_s, options.freeze_s)
    return [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(options.open_timeout_s * _MS_PER_S),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(read_s * _MS_PER_S),
        cv2.CAP_PROP_N_THREADS, 1,
    ]  # fmt: skip


def _require_content(spec: SourceSpec) -> None:
    path = Path(spec.target)
    try:
        require_readable(path)
        empty = path.stat().st_size == 0
    except OSError as error:
        raise CameraLostError(
            "cannot_open", f"{spec.shown} cannot be read: {words_of(error, path)}."
        ) from error
    if empty:
        raise CameraLostError("empty", f"{spec.shown} is empty (0 bytes).")


def _require_open(capture: cv2.VideoCapture, spec: SourceSpec, options: CaptureOptions) -> None:
    if not capture.isOpened():
        raise CameraLostError("cannot_open", f"{spec.shown} does not open: {_mend(spec)}.")
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if width * height > options.max_pixels:
        capture.release()
        raise _too_large(spec.shown, int(width), int(height))


def _mend(spec: SourceSpec) -> str:
    if spec.kind == "file":
        return "it is cut short, damaged or no video"
    if spec.kind == "usb":
        return "check that it is plugged in, that no other program holds it and that this user may use it"
    return "check the address, the network, and the user name and password in it"


def _too_large(shown: str, width_px: int, height_px: int) -> CameraLostError:
    detail = f"{shown} has pictures of {width_px} x {height_px} pixels, more than max_pixels allows."
    return CameraLostError("too_large", detail)


def _next_picture(capture: cv2.VideoCapture, shown: str, max_pixels: int) -> Pixels | None:
    try:
        came, picture = capture.read()
    except cv2.error as error:
        raise CameraLostError("read_failed", f"{shown} cannot be read on: {error.err}.") from error
    if not came or picture is None:
        return None
    height_px, width_px = picture.shape[:2]
    if height_px * width_px > max_pixels:
        raise _too_large(shown, width_px, height_px)
    return picture  # type: ignore[return-value]
