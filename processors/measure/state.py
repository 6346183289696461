"""The state of one stand: frozen values that go into a checkpoint and come back equal."""

from bisect import bisect_right
from operator import attrgetter
from uuid import UUID

import msgspec

from processors.measure.attention import Attended
from processors.measure.samples import Sample
from processors.measure.segments import Interval, Segment
from schemas.events import FaceObservations, Play
from schemas.stretches import Stretches
from schemas.units import US_PER_S

STATE_VERSION = 1
"""Raised when the shape or the meaning of the state changes; a checkpoint of another version is refused."""

TIME = attrgetter("t_us")


class Trail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one track has left: what is settled, and the samples that late ones may still join."""

    track_id: UUID
    first_us: int
    last_us: int
    tail: tuple[Sample, ...]
    """Samples inside the correction horizon, by time, none twice."""
    settled: tuple[Segment, ...] = ()
    attended: Attended = msgspec.field(default=Attended(), name="reading")
    """Of the settled samples; checkpoints call it by its first name."""
    visit_id: UUID | None = None
    """The visit it was written with, once it was."""
    recognised: bool = False
    """Whether any sample ever carried a member."""

    def tail_until(self, as_of_us: int) -> tuple[Sample, ...]:
        """The samples of the tail with t <= as_of_us."""
        if self.last_us <= as_of_us:
            return self.tail
        return self.tail[: bisect_right(self.tail, as_of_us, key=TIME)]

    def last_until(self, as_of_us: int) -> int:
        """Time of the last sample with t <= as_of_us; the track must have begun by then."""
        if self.last_us <= as_of_us:
            return self.last_us
        samples = self.tail_until(as_of_us)
        settled = self.attended.last
        return samples[-1].t_us if samples else settled.t_us if settled is not None else self.first_us

    def member_until(self, as_of_us: int) -> str | None:
        """The member recognised last by an instant, None when none was."""
        if not self.recognised:
            return None
        for sample in reversed(self.tail_until(as_of_us)):
            if sample.member_id is not None:
                return sample.member_id
        return next((who for t_us, who in reversed(self.attended.members) if t_us <= as_of_us), None)


class Written(msgspec.Struct, frozen=True, array_like=True):
    """What was written of one fact: its highest version, and a fingerprint of its content."""

    version: int
    fingerprint: bytes
    as_of_us: int
    """Visits: end of the visit when it was written."""
    final: bool = False


class Again(msgspec.Struct, frozen=True, array_like=True):
    """A time that comes again: until `until_us`, since an event whose time and number tell it from others."""

    first_us: int
    first_index: int
    until_us: int


class LateCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Events that changed nothing, by cause."""

    observations_late: int = 0
    """Older than the correction horizon."""
    observations_ahead: int = 0
    """Far ahead of the clock, and contradicted by the next event."""
    plays_late: int = 0
    plays_invalid: int = 0
    """End not after start, or longer than `max_play_s`."""
    plays_repeated: int = 0


class StandState(msgspec.Struct, frozen=True, kw_only=True):
    """All that MEASURE knows of one stand."""

    stand_id: str
    state_version: int = STATE_VERSION
    begins_us: int = 0
    """The first window begins here: what was before has been measured with other options."""
    newest_us: int | None = None
    """Newest event time; the watermark is this minus `lateness_s`."""
    next_due_us: int = 0
    """Nothing has to be written before the watermark reaches this."""
    closed_until_us: int = 0
    """All windows that end here or earlier have been closed."""
    frozen_until_us: int = 0
    """All windows that end here or earlier are beyond correction."""
    seen: tuple[Interval, ...] = ()
    """When cameras reported: frames at most `presence_gap_s` apart are one interval."""
    tracks: dict[UUID, Trail] = {}
    parted: tuple[Trail, ...] = ()
    """Earlier parts of tracks that came back after more than `rejoin_s`."""
    plays: tuple[Play, ...] = ()
    waiting: tuple[FaceObservations, ...] = ()
    """Events far ahead of the clock, or behind it by a clock that was set back, until others confirm it."""
    visits: dict[UUID, Written] = {}
    windows: dict[int, Written] = {}
    models: dict[str, int] = {}
    """First event time of each model version."""
    ignored: LateCounts = LateCounts()
    cameras: dict[str, Stretches] = {}
    """What each camera has sent: tells a clock that was set back from what is sent again."""
    late_plays: tuple[Play, ...] = ()
    """The last ones: they are of a time to which the clock may be set back by frames that come after them."""
    set_back: int = 0
    """How often the stand's time was begun anew because the clock was set back."""
    again: Again | None = None
    """The time that comes again since the clock was set back."""

    @property
    def all_tracks(self) -> tuple[Trail, ...]:
        """Every track, in no particular order."""
        return (*self.tracks.values(), *self.parted)

    def ignoring(self, cause: str, count: int = 1) -> "StandState":
        """The state after events that changed nothing, by a cause of `LateCounts`."""
        known = getattr(self.ignored, cause)
        ignored = msgspec.structs.replace(self.ignored, **{cause: known + count})
        return msgspec.structs.replace(self, ignored=ignored)

    def model_version_until(self, as_of_us: int) -> str:
        """The model version in use at an instant: that which began last by then; empty when none had."""
        begun = [(t_us, version) for version, t_us in self.models.items() if t_us <= as_of_us]
        return max(begun, default=(0, ""))[1]


def whole_second_us(t_us: int) -> int:
    """The first whole second at or after an instant: closing looks around once a second, not once a track."""
    return -(-t_us // US_PER_S) * US_PER_S
