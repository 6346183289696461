"""Analyses files: every picture, every frame of every video, one record each; broken ones with an error."""

import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from onlooker.analyze.records import Record, face_as_json
from processors.observe.seen import SeenFace
from producers.cameras.grabs import BadPicture, Camera, CameraLostError, EndOfSource
from producers.cameras.media import (
    PICTURE_SUFFIXES,
    VIDEO_SUFFIXES,
    is_foreign,
    is_picture,
    is_video,
    picture_bytes,
    shown_files,
)
from producers.cameras.sources import SourceSpec
from producers.options import CaptureOptions
from schemas.errors import BadPictureError, UsageError
from schemas.names import quoted, sendable
from schemas.ports import Pixels

VideoObserver = Callable[[Pixels, int], tuple[SeenFace, ...]]
"""Sees the faces of the next frame at its event time, us; remembers the frames before."""


class Analysed(msgspec.Struct, frozen=True, kw_only=True):
    """A record together with what it was made from, for whoever wants to draw it."""

    record: Record
    path: Path
    cause: str | None = None
    """Why there is nothing, in the word that counters use; None where there is something."""
    picture: Pixels | None = None
    faces: Sequence[SeenFace] = ()

    def __repr__(self) -> str:
        return f"Analysed({self.record.source}, frame={self.record.frame}, faces={len(self.faces)})"


class Eyes(msgspec.Struct, frozen=True, kw_only=True):
    """What an analysis needs, handed over: decoding, stills, videos, cameras."""

    decode: Callable[[bytes], Pixels]
    observe_still: Callable[[Pixels], tuple[SeenFace, ...]]
    new_video_observer: Callable[[str], VideoObserver]
    """Given the name of the video."""
    open_camera: Callable[[SourceSpec, CaptureOptions], Camera]
    options: CaptureOptions


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files that paths mean: named ones, and all shown pictures and videos below folders, sorted.

    Raises:
        UsageError: A path does not exist, or a folder holds neither picture nor video.
        OSError: A path, or a folder below it, cannot be read.
    """
    files: list[Path] = []
    for path in paths:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except FileNotFoundError as error:
            if path.is_symlink():
                raise
            raise UsageError(f"There is no file or folder {quoted(path)}.") from error
        files += _files_inside(path) if is_folder else [path]
    return files


def _files_inside(folder: Path) -> list[Path]:
    inside = [path for path in shown_files(folder) if is_picture(path) or is_video(path) or is_foreign(path)]
    if not inside:
        known = " ".join(sorted(PICTURE_SUFFIXES | VIDEO_SUFFIXES))
        raise UsageError(f"The folder {quoted(folder)} holds neither a picture nor a video ({known}).")
    return sorted(inside)


def analysed(files: Sequence[Path], eyes: Eyes) -> Iterator[Analysed]:
    """Everything that is seen in files, in their order: a value a picture or frame, some with an `error`."""
    for path in files:
        if is_video(path):
            yield from _video(path, eyes)
        elif is_picture(path) or is_foreign(path):
            yield _still(path, eyes)
        else:
            yield from _either(path, eyes)


def _either(path: Path, eyes: Eyes) -> Iterator[Analysed]:
    """A file that somebody named although its name says nothing: recorders have many names for videos."""
    still = _still(path, eyes)
    if still.cause != "not_a_picture":
        yield still
        return
    frames = _video(path, eyes)
    first = next(frames, still)
    yield still if first.cause else first
    yield from frames


def _still(path: Path, eyes: Eyes) -> Analysed:
    try:
        picture = eyes.decode(picture_bytes(path, eyes.options.max_picture_bytes))
    except BadPictureError as error:
        return _broken(path, error.cause, str(error))
    faces = eyes.observe_still(picture)
    return Analysed(record=_record(path, picture, faces), path=path, picture=picture, faces=faces)


def _video(path: Path, eyes: Eyes) -> Iterator[Analysed]:
    source = SourceSpec(kind="file", target=str(path))
    try:
        with closing(eyes.open_camera(source, eyes.options)) as camera:
            yield from _frames(path, camera, eyes.new_video_observer(sendable(path.name)))
    except CameraLostError as error:
        yield _broken(path, error.cause, str(error))


def _frames(path: Path, camera: Camera, observe: VideoObserver) -> Iterator[Analysed]:
    index = 0
    while not isinstance(grab := camera.read(), EndOfSource):
        if isinstance(grab, BadPicture):
            yield _broken(path, grab.cause, grab.detail)
            continue
        t_us = grab.position_us or 0
        faces = observe(grab.picture, t_us)
        record = _record(path, grab.picture, faces, frame=index, t_us=t_us)
        yield Analysed(record=record, path=path, picture=grab.picture, faces=faces)
        index += 1


def _record(
    path: Path,
    picture: Pixels,
    faces: Sequence[SeenFace],
    *,
    frame: int | None = None,
    t_us: int | None = None,
) -> Record:
    height, width = picture.shape[:2]
    return Record(
        source=sendable(str(path)),
        frame=frame,
        t_us=t_us,
        width_px=width,
        height_px=height,
        faces=[face_as_json(face) for face in faces],
    )


def _broken(path: Path, cause: str, detail: str) -> Analysed:
    return Analysed(
        record=Record(source=sendable(str(path)), error=f"{cause}: {detail}"), path=path, cause=cause
    )
