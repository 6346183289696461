"""Writes what was analysed as pictures and videos with everything that was seen drawn in."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from onlooker.analysis import Analysed
from processors.vision.drawing import VideoWriter, drawn, write_picture

DEFAULT_FPS = 25.0
US_PER_S = 1_000_000


def also_drawn(lines: Iterator[Analysed], folder: Path) -> Iterator[Analysed]:
    """The same values; on their way each is drawn into a file.

    Args:
        lines: analysed pictures and frames, the frames of a video one after another.
        folder: where the files go; made when it is missing.

    Yields:
        What came in, unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = _Names(folder)
    with ExitStack() as open_video:
        writer: VideoWriter | None = None
        at: Path | None = None
        first: Analysed | None = None
        for line in lines:
            yield line
            if line.picture is None:
                continue
            if line.record.frame is None:
                write_picture(names.of(line.path, ".jpg"), drawn(line.picture, line.faces))
                continue
            if line.path != at:
                open_video.close()
                writer, at, first = None, line.path, line
                continue
            if writer is None and first is not None and first.picture is not None:
                writer = VideoWriter(names.of(line.path, ".webm"), _fps(first, line))
                open_video.enter_context(writer)
                writer.write(drawn(first.picture, first.faces))
            if writer is not None:
                writer.write(drawn(line.picture, line.faces))


def _fps(first: Analysed, second: Analysed) -> float:
    """The rate of a video, from its first two frames."""
    period_us = (second.record.t_us or 0) - (first.record.t_us or 0)
    return US_PER_S / period_us if period_us > 0 else DEFAULT_FPS


class _Names:
    """A free name in a folder for each source: two sources of the same name do not overwrite each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: dict[str, int] = {}

    def of(self, source: Path, suffix: str) -> Path:
        """The path for what was made from a source."""
        count = self._taken.get(source.stem + suffix, 0)
        self._taken[source.stem + suffix] = count + 1
        return self._folder / f"{source.stem}{f'-{count + 1}' if count else ''}{suffix}"
