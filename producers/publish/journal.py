"""The journal of a capture: what the brokers have acknowledged, so that a killed capture goes on after it."""

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from producers.cameras.sources import SourceSpec, picture_paths
from producers.options import CaptureOptions
from schemas.bounds import Count, InstantUs
from schemas.durable import write_whole
from schemas.errors import UsageError
from schemas.foreign import read_bounded
from schemas.units import US_PER_S

log = logging.getLogger(__name__)
_UNKNOWN: Mapping[str, str] = MappingProxyType({})
_ENDS_BYTES = 64 * 1024
_MOST_BYTES = 64 * 1024 * 1024
_FOLDER_FPS_ONCE = 1.0
_MAX_AHEAD_US = 5 * US_PER_S
"""More than a camera may be ahead of a clock that goes right."""
_LIFE = 1_000_000
"""A process that was killed may have sent fewer frames than this that its journal does not know."""


class StandNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one stand."""

    recordings: dict[str, str] = {}
    """Digest of each recording by camera: a note of other recordings is of no use."""
    first_us: InstantUs | None = None
    """The stand's first event time, us UTC: where a playlist without an anchor begins."""
    until_us: InstantUs | None = None
    """Event time of the last acknowledged frame, us UTC."""
    frames: dict[str, Count] = {}
    """By camera, the index of the last frame that is acknowledged with all before it."""
    times_us: dict[str, InstantUs] = {}
    """By camera, the event time of that frame, us UTC."""
    played_us: InstantUs | None = None
    """Start of the last play that may have been sent, us UTC."""
    ended: bool = False
    """All recordings have ended, and the brokers know it."""
    topics: dict[str, str] = {}
    """What the brokers called the topics when this was noted: what lay in one made anew since is gone."""

    def is_of_the_future(self, now_us: int) -> bool:
        """Whether a live stand was noted by a clock that was wrong: its time cannot be gone on with.

        Returns:
            True when it is ahead of the clock now; recordings have a time of their own.
        """
        return not self.recordings and (self.until_us or 0) > now_us + _MAX_AHEAD_US


class Journal:
    """Notes of stands in a file that is always whole; its folder is there.

    Raises:
        UsageError: it is not a journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes = _read(path)
        self._written = dict(self._notes)

    def note(
        self, stand_id: str, recordings: Mapping[str, str], topics: Mapping[str, str] = _UNKNOWN
    ) -> StandNote:
        """What an earlier process noted; a fresh note if there is none, or it is of no use.

        Args:
            stand_id: the stand.
            recordings: digest of each recording by camera; a note of others is of no use.
            topics: what the brokers call the topics now, as far as it is known. What was noted of recordings
                in topics that are no more is of no use either, save which plays may be known.
        """
        found = self._notes.get(stand_id)
        if found is None or found.recordings != recordings:
            return StandNote(recordings=dict(recordings), topics=dict(topics))
        if recordings and any(topics.get(name, known) != known for name, known in found.topics.items()):
            log.warning(
                "%s: what Kafka had of its recordings was deleted with a topic: all is sent", stand_id
            )
            return StandNote(recordings=dict(recordings), topics=dict(topics), played_us=found.played_us)
        return msgspec.structs.replace(found, topics={**found.topics, **topics})

    def put(self, stand_id: str, note: StandNote) -> None:
        """Take a note of what is known now of a stand; `write` makes it last."""
        self._notes[stand_id] = note

    def write(self) -> None:
        """Make what was noted last, if there is anything new.

        Raises:
            OSError: the disk is full or gone.
        """
        if self._notes == self._written:
            return
        write_whole(self._path, msgspec.json.format(msgspec.json.encode(self._notes)))
        self._written = dict(self._notes)


def next_life(last_index: int | None) -> int:
    """The number of a live camera's first frame after an earlier process: numbers never come again.

    So whoever sees a higher number at an earlier time knows that a clock was set back.

    Args:
        last_index: what is noted as the last that arrived; None: nothing is.
    """
    return 0 if last_index is None else (last_index // _LIFE + 1) * _LIFE


def recording_digest(spec: SourceSpec, options: CaptureOptions) -> str:
    """What tells a recording, a file or a folder, and how it is read, from others.

    Returns:
        A digest over size and both ends of a file, or names, sizes and times of a folder's pictures, and over
        the options.

    Raises:
        OSError: it cannot be read.
    """
    # Journals are older than a rate that is not given: it counts as the one that was in force then.
    folder_fps = options.folder_fps or _FOLDER_FPS_ONCE
    digest = hashlib.sha256(f"{options.start_us} {folder_fps} {options.fallback_fps}".encode())
    if spec.kind == "folder":
        for path in picture_paths(Path(spec.target)):
            status = path.stat()
            digest.update(f"\0{path.name}\0{status.st_size}\0{status.st_mtime_ns}".encode())
        return digest.hexdigest()
    digest.update(_ends_of(Path(spec.target)))
    return digest.hexdigest()


def content_digest(spec: SourceSpec, options: CaptureOptions) -> str:
    """The same for a recording that may have been copied: nothing of it but its content and its names.

    Returns:
        A digest over size and both ends of a file, or of each of a folder's pictures, and over the options.

    Raises:
        OSError: it cannot be read.
    """
    if spec.kind != "folder":
        plain = msgspec.structs.replace(options, folder_fps=None)
        return recording_digest(spec, plain)
    digest = hashlib.sha256(f"{options.start_us} {options.folder_fps}".encode())
    for path in picture_paths(Path(spec.target)):
        digest.update(b"\0" + os.fsencode(path.name) + b"\0" + _ends_of(path))
    return digest.hexdigest()


def _ends_of(path: Path) -> bytes:
    """Both ends of a file, and its size."""
    with path.open("rb") as file:
        first = file.read(_ENDS_BYTES)
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, size_bytes - _ENDS_BYTES))
        return first + file.read(_ENDS_BYTES) + f"\0{size_bytes}".encode()


def _read(path: Path) -> dict[str, StandNote]:
    try:
        text = read_bounded(path, _MOST_BYTES, "journal of a capture")
        return msgspec.json.decode(text, type=dict[str, StandNote])
    except FileNotFoundError:
        return {}
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(
            f"{path} is no journal of a capture ({error}): move it away, and recordings begin at their start."
        ) from error
