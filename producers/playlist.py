"""A play feed from a playlist: slots looped from an anchor, inside opening hours, derived and repeatable."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from schemas.bounds import LATEST_US, Id
from schemas.errors import UsageError
from schemas.events import Play
from schemas.ids import derive_id
from schemas.units import EPOCH, US_PER_S, us_from_s, us_of

_DAY = timedelta(days=1)
_MAX_SILENCE_US = 86_400 * US_PER_S
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z")]


class Slot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One creative of one campaign, shown for `duration_s` seconds (at least a tenth)."""

    campaign_id: Id
    creative_id: Id
    duration_s: Annotated[float, msgspec.Meta(ge=0.1, le=86_400)]


class OpeningHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the screen is on, every day: from `opens` to `closes`, local time `HH:MM` of `time_zone`.

    A closing time at or before the opening time is the next day's. Hours that begin in the hour which
    daylight saving skips are kept, at their whole length, an hour later by the clock. Where an hour comes
    twice, times in it mean its first coming: what opens before it and closes after it is open through both.
    """

    opens: TimeOfDay
    closes: TimeOfDay
    time_zone: str = "UTC"


class PlaylistOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The playlist of a stand as configured."""

    slots: tuple[Slot, ...] = ()
    anchor: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """When the loop begins; None: at the stand's first event."""
    opening: OpeningHours | None = None
    """None: the screen is always on."""


class Playlist(msgspec.Struct, frozen=True, kw_only=True):
    """Slots looped from `anchor_us` (us UTC) on; with opening hours the loop begins anew every day."""

    slots: tuple[Slot, ...]
    anchor_us: int
    opening: OpeningHours | None = None


def playlist_from(options: PlaylistOptions, first_event_us: int) -> Playlist:
    """The playlist with its anchor settled: the stand's first event time where none is configured.

    Raises:
        UsageError: the time zone is unknown, or nobody would believe the anchor.
    """
    if options.opening is not None:
        _zone(options.opening)
    if options.anchor is not None and not 0 <= us_of(options.anchor) <= LATEST_US:
        raise UsageError(
            f"The playlist's anchor {options.anchor.isoformat()} is before 1970 or after 2299: no play can "
            "be dated so. Say when its loop began."
        )
    anchor_us = first_event_us if options.anchor is None else us_of(options.anchor)
    return Playlist(slots=options.slots, anchor_us=anchor_us, opening=options.opening)


def plays_between(playlist: Playlist, stand_id: str, *, start_us: int, end_us: int) -> Iterator[Play]:
    """The plays that begin in [start_us, end_us); splitting it anywhere gives the same plays.

    Returns:
        Plays in the order of their start, without gaps inside opening hours; closing cuts the last one short.
    """
    if not playlist.slots:
        return
    for open_us, close_us in _open_spans(playlist, start_us, end_us):
        for play in _looped(playlist.slots, stand_id, open_us=open_us, close_us=close_us, from_us=start_us):
            if play.start_us >= end_us:
                break
            if play.start_us >= start_us:
                yield play


class PlayFeed:
    """Hands out a stand's plays as its event time goes on, each once, in order.

    A stand that was silent for more than a day is taken for switched off: its plays meanwhile are left out.
    So are those of a time that never was, because the wall clock was set: there the feed begins anew.

    Args:
        options: the playlist as configured.
        stand_id: the stand they are shown on.
        first_us: the stand's first event time, us UTC, when an earlier process has seen it.
        fed_us: plays that began before this, us UTC, were handed out by an earlier process.
    """

    def __init__(
        self,
        options: PlaylistOptions,
        stand_id: str,
        *,
        first_us: int | None = None,
        fed_us: int | None = None,
    ) -> None:
        self._options = options
        self._stand_id = stand_id
        self._playlist = None if first_us is None else playlist_from(options, first_us)
        self._fed_us = fed_us
        self.setting = 0
        """Of the wall clock by which it feeds."""

    def anew(self, first_us: int | None) -> "PlayFeed":
        """A feed of the same playlist that begins with the play that is running then.

        Args:
            first_us: the stand's first event time, us UTC; None: not known yet.
        """
        feed = PlayFeed(self._options, self._stand_id, first_us=first_us)
        feed.setting = self.setting
        return feed

    def until(self, t_us: int, setting: int = 0) -> tuple[Play, ...]:
        """The plays that have begun up to an event and were not handed out yet, to go before it.

        Args:
            t_us: event time, us UTC; the first one also brings the play that is running then.
            setting: of the wall clock by which that is; an event of an earlier one brings nothing any more.
        """
        if setting > self.setting:
            self._begin_anew(setting)
        elif setting < self.setting:
            return ()
        fed_us = self._fed_us
        if fed_us is not None and t_us < fed_us:
            return ()
        if self._playlist is None:
            self._playlist = playlist_from(self._options, t_us)
        begins = fed_us is None or t_us - fed_us > _MAX_SILENCE_US
        start_us = t_us - self._longest_us() if fed_us is None or begins else fed_us
        self._fed_us = t_us + 1
        plays = plays_between(self._playlist, self._stand_id, start_us=start_us, end_us=t_us + 1)
        return tuple(play for play in plays if not begins or play.end_us > t_us)

    def _begin_anew(self, setting: int) -> None:
        """Forget what was fed by another setting; a loop without an anchor begins at the next event."""
        self.setting, self._fed_us = setting, None
        if self._options.anchor is None:
            self._playlist = None

    def _longest_us(self) -> int:
        return max((us_from_s(slot.duration_s) for slot in self._options.slots), default=0)


def _looped(
    slots: tuple[Slot, ...], stand_id: str, *, open_us: int, close_us: int | None, from_us: int
) -> Iterator[Play]:
    """Plays of one open span, beginning with the round that runs at `from_us`."""
    durations_us = [us_from_s(slot.duration_s) for slot in slots]
    round_us = sum(durations_us)
    start_us = open_us + max(0, from_us - open_us) // round_us * round_us
    while True:
        for slot, duration_us in zip(slots, durations_us, strict=True):
            end_us = start_us + duration_us
            if close_us is not None and start_us >= close_us:
                return
            yield _play(slot, stand_id, start_us, end_us if close_us is None else min(end_us, close_us))
            start_us = end_us


def _play(slot: Slot, stand_id: str, start_us: int, end_us: int) -> Play:
    return Play(
        play_id=derive_id("play", stand_id, slot.campaign_id, slot.creative_id, start_us),
        stand_id=stand_id,
        campaign_id=slot.campaign_id,
        creative_id=slot.creative_id,
        start_us=start_us,
        end_us=end_us,
    )


def _open_spans(playlist: Playlist, start_us: int, end_us: int) -> Iterator[tuple[int, int | None]]:
    """Spans in which the screen is on, not before the anchor, that overlap the interval."""
    if playlist.opening is None:
        yield playlist.anchor_us, None
        return
    zone = _zone(playlist.opening)
    first_us = max(start_us, playlist.anchor_us)
    day = _local_date(first_us, zone) - _DAY
    while day <= _local_date(max(first_us, end_us), zone):
        open_us, close_us = _opening_of(playlist.opening, day, zone)
        if max(open_us, playlist.anchor_us) < close_us:
            yield max(open_us, playlist.anchor_us), close_us
        day += _DAY


def _opening_of(opening: OpeningHours, day: date, zone: ZoneInfo) -> tuple[int, int]:
    opens, closes = time.fromisoformat(opening.opens), time.fromisoformat(opening.closes)
    last_day = day if closes > opens else day + _DAY
    open_us = us_of(datetime.combine(day, opens, tzinfo=zone))
    close_us = us_of(datetime.combine(last_day, closes, tzinfo=zone))
    if close_us <= open_us:  # it opens in an hour that is skipped
        length = datetime.combine(last_day, closes) - datetime.combine(day, opens)
        close_us = open_us + round(length.total_seconds() * US_PER_S)
    return open_us, close_us


def _local_date(t_us: int, zone: ZoneInfo) -> date:
    return (EPOCH + timedelta(microseconds=t_us)).astimezone(zone).date()


def _zone(opening: OpeningHours) -> ZoneInfo:
    try:
        return ZoneInfo(opening.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(
            f"The time zone {opening.time_zone!r} is unknown: name one like UTC or Europe/Paris."
        ) from error
