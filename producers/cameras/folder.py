"""A folder of pictures as a recording: natural order, a given rate, broken pictures named and skipped."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from producers.cameras.event_time import frame_rate, nominal_us
from producers.cameras.grabs import BadPicture, EndOfSource, Grab
from producers.cameras.media import picture_bytes
from producers.cameras.sources import picture_paths
from producers.options import CaptureOptions
from schemas.errors import BadPictureError, UsageError
from schemas.names import quoted
from schemas.ports import Pixels

Decode = Callable[[bytes], Pixels]
"""Bytes of a picture file to (h, w, 3) uint8 BGR; raises BadPictureError."""


def folder_rate(path: Path, options: CaptureOptions) -> Fraction:
    """How many pictures of a folder, or of a picture alone, lie in a second.

    Raises:
        UsageError: nobody has said so: without it no time of what they show is known.
    """
    fps = options.folder_fps
    if fps is None:
        what = "a folder of pictures" if path.is_dir() else "a picture"
        raise UsageError(
            f"{quoted(path)} is {what}, and nothing says how many were taken in a second: say it "
            "with --fps (`capture.folder_fps`) if a camera took them one after the other. Pictures "
            "of no camera are looked at with `onlooker analyze`."
        )
    return frame_rate(fps, fps)


class FolderCamera:
    """Reads a folder's pictures one after the other; a broken one keeps its place in time."""

    def __init__(self, path: Path, options: CaptureOptions, *, decode: Decode) -> None:
        self._paths = picture_paths(path)
        self._rate: Fraction = folder_rate(path, options)
        self._max_bytes = options.max_picture_bytes
        self._decode = decode
        self._next = 0

    def read(self) -> Grab | BadPicture | EndOfSource:
        """The next picture, or why it could not be decoded, or the end."""
        if self._next >= len(self._paths):
            return EndOfSource()
        index, path = self._next, self._paths[self._next]
        self._next += 1
        try:
            picture = self._decode(picture_bytes(path, self._max_bytes))
        except BadPictureError as error:
            return BadPicture(name=path.name, cause=error.cause, detail=str(error))
        return Grab(picture=picture, position_us=nominal_us(index, self._rate))

    def close(self) -> None:
        """Forget the pictures that are left."""
        self._next = len(self._paths)
