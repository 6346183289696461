"""Writes what was analysed as pictures and videos with everything that was seen drawn in."""

from collections.abc import Iterator
from contextlib import closing
from itertools import chain, count
from pathlib import Path

from onlooker.analyze.files import Analysed
from processors.observe.drawing import VideoWriter, drawn, write_picture
from schemas.files import in_words
from schemas.names import visible
from schemas.units import US_PER_S

DEFAULT_FPS = 25.0
_MOST_STEM = 200


def also_drawn(lines: Iterator[Analysed], folder: Path) -> Iterator[Analysed]:
    """The same values; on their way each is drawn into a file.

    Args:
        lines: analysed pictures and frames, the frames of a video one after another.
        folder: where the files go; made when it is missing.
    """
    with in_words(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
    with closing(_Drawer(folder)) as drawer:
        for line in lines:
            drawer.draw(line)
            yield line


class _Drawer:
    """Draws pictures at once, and a video as soon as its second frame has told its rate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first: Analysed | None = None
        self._video: VideoWriter | None = None

    def draw(self, line: Analysed) -> None:
        """Draw one picture or frame; a broken one has nothing to draw."""
        if line.picture is None:
            return
        if line.record.frame is None:
            write_picture(self._free_path(line.path, ".jpg"), drawn(line.picture, line.faces))
        elif self._first is None or line.path != self._first.path or line.record.frame == 0:
            self.close()
            self._first = line
        else:
            self._video = self._video or self._begun(self._first, line)
            self._video.write(drawn(line.picture, line.faces))

    def close(self) -> None:
        """End the video that is being written; one of a single frame becomes a picture."""
        if self._video is not None:
            self._video.close()
        elif self._first is not None and self._first.picture is not None:
            path = self._free_path(self._first.path, ".jpg")
            write_picture(path, drawn(self._first.picture, self._first.faces))
        self._video = self._first = None

    def _begun(self, first: Analysed, second: Analysed) -> VideoWriter:
        period_us = (second.record.t_us or 0) - (first.record.t_us or 0)
        rate = US_PER_S / period_us if period_us > 0 else DEFAULT_FPS
        video = VideoWriter(self._free_path(first.path, ".webm"), rate)
        if first.picture is not None:
            video.write(drawn(first.picture, first.faces))
        return video

    def _free_path(self, source: Path, suffix: str) -> Path:
        """A path where nothing is yet: no drawing replaces what is analysed, nor another drawing."""
        # A name has 255 bytes at most, and a number and another suffix follow.
        stem = visible(source.stem).replace("\n", " ").encode()[:_MOST_STEM].decode(errors="ignore")
        names = chain([stem + suffix], (f"{stem}-{number}{suffix}" for number in count(2)))
        return next(path for name in names if not (path := self._folder / name).exists())
