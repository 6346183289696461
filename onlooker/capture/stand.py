"""One stand of a capture: its cameras, its plays, and what of it has arrived."""

from collections.abc import Sequence

import msgspec

from onlooker.cameras.lines import CameraLine
from producers.playlist import PlayFeed
from producers.publish.journal import StandNote


class FrameMark(msgspec.Struct, frozen=True, kw_only=True):
    """What a frame on its way is known by."""

    camera_id: str
    frame_index: int
    t_us: int
    captured_s: float
    """Monotonic."""
    setting: int = 0
    """Of the wall clock by which `t_us` is."""


class CapturedStand:
    """One stand of a capture: its cameras, its plays, what is known to have arrived."""

    def __init__(self, stand_id: str, lines: Sequence[CameraLine], feed: PlayFeed, note: StandNote) -> None:
        self.stand_id = stand_id
        self.lines = lines
        self.feed = feed
        self.note = note
        self.is_others = False
        """Another process was seen to own it."""
        self.follows = False
        """It was taken over: nobody here knows which of its plays the other has sent."""
        self.plays_open = 0
        """Plays that are sent and not yet acknowledged: no frame may be sent before they are."""
        self.setting = 0
        """Of the wall clock by which the note is."""
        self.is_over = False
        """Its `StreamEnded` is sent."""
        self.taken: dict[str, int] = {line.camera_id: 0 for line in lines}
        """Frames that came out of each buffer."""

    def take_over(self, first_us: int | None) -> None:
        """Go on where another process has ended: what we once sent of its plays is no longer the last.

        Args:
            first_us: the stand's first event time as the other knew it, us UTC: both have the same plays.
        """
        self.is_others, self.follows = False, True
        first_us = self.note.first_us if first_us is None else first_us
        self.note = msgspec.structs.replace(self.note, first_us=first_us, until_us=None, played_us=None)
        self.feed = self.feed.anew(first_us)

    @property
    def has_ended(self) -> bool:
        """Whether all its sources have ended and every frame has come through."""
        return all(
            line.buffer.ended and line.buffer.counts.delivered == self.taken[line.camera_id]
            for line in self.lines
        )
