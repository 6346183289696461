"""The door to OpenCV for people: draws what was seen into pictures and writes pictures and videos."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2

from processors.observe.seen import SeenFace
from processors.observe.traits import label_of
from processors.vision.hush import hushed
from processors.vision.pixels import encode_jpeg
from schemas.errors import LimitReachedError
from schemas.files import naming
from schemas.names import quoted
from schemas.ports import Pixels

Colour = tuple[int, int, int]

LOOKING: Colour = (80, 200, 60)
"""Green (BGR): looks at the stand."""
AWAY: Colour = (60, 150, 255)
"""Orange (BGR): does not."""
_PROBE_BYTES = 1 << 20
INK: Colour = (255, 255, 255)
PAPER: Colour = (30, 30, 30)
JPEG_QUALITY = 90
SMALLEST_DRAWN_PX = 480
"""Smaller pictures are enlarged first, so that the words can be read."""


def drawn(picture: Pixels, faces: Sequence[SeenFace]) -> Pixels:
    """A copy of a picture with everything that was seen drawn in.

    Args:
        picture: (h, w, 3) uint8, BGR.
        faces: the faces seen in it.

    Returns:
        A new picture, enlarged by a whole factor when it was small.
    """
    factor = max(1, math.ceil(SMALLEST_DRAWN_PX / max(1, min(picture.shape[:2]))))
    factor = min(factor, 4)
    canvas = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    for face in faces:
        _draw_face(canvas, face, factor)  # type: ignore[arg-type]
    return canvas  # type: ignore[return-value]


def _draw_face(canvas: Pixels, face: SeenFace, factor: int) -> None:
    colour = LOOKING if face.looking else AWAY
    thick = max(1, round(min(canvas.shape[:2]) / 500))
    left, top, width, height = (round(v * factor) for v in face.box_px)
    cv2.rectangle(canvas, (left, top), (left + width, top + height), colour, thick, cv2.LINE_AA)
    for x, y in face.landmarks_px * factor:
        cv2.circle(canvas, (round(float(x)), round(float(y))), thick, colour, -1, cv2.LINE_AA)
    _draw_gaze(canvas, face, factor, thick + 1)
    _draw_words(canvas, words_of(face), (left, top + height), scale=max(0.4, min(0.8, width / 220)))


def _draw_gaze(canvas: Pixels, face: SeenFace, factor: int, thick: int) -> None:
    """An arrow from the tip of the nose where the head points: to the right when the person turns left."""
    x, y = (float(v) * factor for v in face.landmarks_px[30])
    length = face.box_px[2] * factor * 0.9
    dx = length * math.sin(math.radians(face.pose.yaw_deg))
    dy = -length * math.sin(math.radians(face.pose.pitch_deg))
    tip = (round(x + dx), round(y + dy))
    cv2.arrowedLine(canvas, (round(x), round(y)), tip, (255, 200, 60), thick, cv2.LINE_AA, 0, 0.25)


def words_of(face: SeenFace) -> list[str]:
    """What is written beside a face, a line an item.

    Returns:
        Name or track, age and gender, expression, looking; what is unknown is left out.
    """
    name = face.member_id or ("unknown" if face.compared else None)
    track = f"#{face.track_number}" if face.track_number is not None else None
    age = f"{face.age_years:.0f} y" if face.age_years is not None else None
    gender = None
    if face.female_probability is not None:
        gender = "female" if face.female_probability >= 0.5 else "male"
    expression = label_of(face.expression_scores) if face.expression_scores else None
    looks = (
        f"{'looks' if face.looking else 'away'} {_degrees(face.pose.yaw_deg)}/{_degrees(face.pose.pitch_deg)}"
    )
    lines = [(track, name), (gender, age), (expression,), (looks,)]
    return [" ".join(part for part in line if part) for line in lines if any(line)]


def _degrees(value: float) -> str:
    """Signed whole degrees, and 0 without a sign."""
    return f"{round(value):+d}" if round(value) else "0"


def _draw_words(canvas: Pixels, lines: Sequence[str], corner: tuple[int, int], *, scale: float) -> None:
    """Lines of text below a corner, on a dark ground; moved inside when they would leave the picture."""
    font, step = cv2.FONT_HERSHEY_SIMPLEX, round(30 * scale)
    width = max((cv2.getTextSize(line, font, scale, 1)[0][0] for line in lines), default=0) + 8
    left = max(0, min(corner[0], canvas.shape[1] - width))
    top = max(0, min(corner[1], canvas.shape[0] - step * len(lines) - 6))
    cv2.rectangle(canvas, (left, top), (left + width, top + step * len(lines) + 6), PAPER, -1)
    for i, line in enumerate(lines):
        at = (left + 4, top + step * (i + 1) - round(6 * scale))
        cv2.putText(canvas, line, at, font, scale, INK, 1, cv2.LINE_AA)


def write_picture(path: Path, picture: Pixels) -> None:
    """Write one picture as JPEG.

    Args:
        path: where to.
        picture: (h, w, 3) uint8, BGR.

    Raises:
        OSError: the disk is full or the folder cannot be written; names the picture.
    """
    data = encode_jpeg(picture, JPEG_QUALITY)
    try:
        with naming(path):
            path.write_bytes(data)
    except OSError:
        if path.is_file():
            path.unlink()  # half a picture is none
        raise


class VideoWriter:
    """Writes the drawn frames of one video as WebM, which every browser shows.

    OpenCV says nothing of a disk that is full: at its end the video is read again.
    """

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self.path = path
        self._fps = frames_per_second
        self._writer: cv2.VideoWriter | None = None
        self._frames = 0

    def close(self) -> None:
        """End the file.

        Raises:
            OSError: the disk has not taken it whole; names the video, of which nothing is left.
            LimitReachedError: the same, and the system does not say why.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        found = _frames_in(self.path)
        if found >= self._frames:
            return
        try:
            with naming(self.path):
                _try_to_write_on(self.path)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise
        if not found:
            self.path.unlink(missing_ok=True)
            raise LimitReachedError(f"The video {quoted(self.path)} was not written: is the disk full?")

    def write(self, picture: Pixels) -> None:
        """One more frame; the first decides the size.

        Args:
            picture: (h, w, 3) uint8, BGR.

        Raises:
            OSError: the video cannot be written there; names it.
        """
        self._writer = self._writer or self._begun(picture)
        self._writer.write(picture)
        self._frames += 1

    def _begun(self, picture: Pixels) -> cv2.VideoWriter:
        with self.path.open("ab"):
            """Python says why a file cannot be written, OpenCV does not."""
        height, width = picture.shape[:2]
        with _plainly_named(self.path) as name, hushed():
            writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"VP80"), self._fps, (width, height))
        if not writer.isOpened():
            self.path.unlink()
            raise LimitReachedError(f"The video {quoted(self.path)} cannot be written: OpenCV refuses it.")
        return writer


@contextmanager
def _plainly_named(path: Path) -> Iterator[str]:
    """A name that OpenCV takes: it wants UTF-8, and takes `10:15:00.webm` for a protocol."""
    name = os.path.abspath(path)  # noqa: PTH100 - as it is, links and all
    try:
        name.encode()
    except UnicodeEncodeError:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{folder}/{path.name}"
        finally:
            os.close(folder)
    else:
        yield name


def _frames_in(path: Path) -> int:
    """How many frames a video really holds."""
    with _plainly_named(path) as name, hushed():
        video = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
        frames = 0
        while video.grab():
            frames += 1
        video.release()
    return frames


def _try_to_write_on(path: Path) -> None:
    """Write at the end of a file and take it back: the system then says why no more of it was written."""
    with path.open("ab", buffering=0) as file:
        size_bytes = file.tell()
        file.write(bytes(_PROBE_BYTES))
        os.fsync(file.fileno())
        file.truncate(size_bytes)
