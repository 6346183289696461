"""Which recordings the figures of a run come from: others must not replace them without a word."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from onlooker.recordings.times import time_words
from schemas.durable import write_whole
from schemas.errors import UsageError

FILE = "measured.json"
"""In the data directory."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The recordings of one stand that were measured together."""

    digest: str
    """Of their content and of how their time is told."""
    sources: tuple[str, ...]
    """Their names, for people."""
    from_us: int
    """Event time of the first frame, us UTC."""
    until_us: int
    """Event time of the last frame, us UTC; what the files say until they are read."""

    def meets(self, other: "Measured") -> bool:
        """Whether both lie, be it in part, in the same event time."""
        return self.from_us <= other.until_us and other.from_us <= self.until_us


class StandMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured at one stand."""

    recordings: tuple[Measured, ...] = ()
    slowest_fps: float | None = None
    """The lowest rate of its cameras in any run, frames/s; None: not known."""


Stands = dict[str, StandMeasured]
"""By stand."""


class MeasuredRecordings:
    """What was measured into each database, in a file that is always whole.

    Args:
        folder: the data directory; made if need be.
        place: the database: figures in another one are not replaced.

    Raises:
        UsageError: the file is none of ours.
    """

    def __init__(self, folder: Path, place: str) -> None:
        self._path = folder / FILE
        self._place = place
        self._all = _read(self._path)
        self._written = msgspec.json.encode(self._all)

    def claim(self, wanted: Mapping[str, Measured]) -> None:
        """Take note of recordings before they are measured; the same again changes nothing.

        Args:
            wanted: by stand.

        Raises:
            UsageError: the figures of other recordings would be replaced, or mixed with these.
        """
        for stand_id, new in wanted.items():
            for old in self._of(stand_id).recordings:
                if old.digest != new.digest and old.meets(new):
                    raise UsageError(_refusal(stand_id, old, new))
        self.note(wanted)

    def note(self, found: Mapping[str, Measured]) -> None:
        """Take note of how far recordings go."""
        for stand_id, new in found.items():
            known = {each.digest: each for each in self._of(stand_id).recordings}
            until_us = max(new.until_us, known.get(new.digest, new).until_us)
            known[new.digest] = msgspec.structs.replace(new, until_us=until_us)
            self._put(stand_id, recordings=tuple(known.values()))
        self._write()

    def note_rates(self, rates: Mapping[str, float]) -> None:
        """Take note of the rates, frames/s by stand, at which a run saw them."""
        for stand_id, fps in rates.items():
            slowest_fps = self._of(stand_id).slowest_fps
            self._put(stand_id, slowest_fps=fps if slowest_fps is None else min(fps, slowest_fps))
        self._write()

    @property
    def slowest(self) -> dict[str, float]:
        """The lowest rate by stand, frames/s, where one is known."""
        stands = self._all.get(self._place, {})
        return {name: each.slowest_fps for name, each in stands.items() if each.slowest_fps is not None}

    def _of(self, stand_id: str) -> StandMeasured:
        return self._all.get(self._place, {}).get(stand_id, StandMeasured())

    def _put(self, stand_id: str, **changes: object) -> None:
        changed = msgspec.structs.replace(self._of(stand_id), **changes)
        self._all.setdefault(self._place, {})[stand_id] = changed

    def _write(self) -> None:
        content = msgspec.json.encode(self._all)
        if content != self._written:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, msgspec.json.format(content))
            self._written = content


def _refusal(stand_id: str, old: Measured, new: Measured) -> str:
    same = old.sources == new.sources
    what = "has changed since it was measured" if same else "is another recording"
    return (
        f"{', '.join(new.sources)} {what}: the stand {stand_id!r} already has figures of "
        f"{', '.join(old.sources)} from {time_words(old.from_us)} to {time_words(old.until_us)} (UTC), which "
        "would be replaced or mixed. Say when it was filmed with --start-at (`start_at` of the camera), name "
        "another stand in a --config (`stand_id`), or measure into another --data-dir."
    )


def _read(path: Path) -> dict[str, Stands]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Stands])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"{path} does not say which recordings were measured ({error}): move it away, and nothing "
            "is known of those before."
        ) from error
