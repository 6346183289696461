"""Eras: other options come into force at the end of a window; what is late for those before finds them."""

import msgspec

from processors.measure.closing import watermark_us
from processors.measure.fold import Facts, ended, entered, step
from processors.measure.intake import admitted
from processors.measure.state import StandState
from processors.thresholds import MeasureOptions
from schemas.events import FaceObservations, MeasureInput, Play
from schemas.units import us_from_s


class Era(msgspec.Struct, frozen=True, kw_only=True):
    """A stand with the options that it is measured with."""

    stand: StandState
    options: MeasureOptions


class Eras(msgspec.Struct, frozen=True, kw_only=True):
    """The present era of a stand, and the one before while events may still be late for it.

    Every event belongs to one of them by its time; the present one begins at `now.stand.begins_us`.
    """

    now: Era
    before: Era | None = None


def advanced(eras: Eras, event: MeasureInput, wanted: MeasureOptions) -> tuple[Eras, Facts]:
    """The eras after one event of the stand, and the facts that follow.

    Options other than the present ones come into force with the first event at or after the end of the window
    in which the newest event lies. There everything that is open closes as at the end of a stream, and a new
    state begins, so no instant is measured twice. A stand without frames goes on as it is. A change that
    comes while events may be late for the one before waits until they cannot.

    Args:
        eras: the stand.
        event: an observation, a play, or the end of the stand's sources.
        wanted: the options that shall be in force.
    """
    now = eras.now
    if eras.before is not None:
        return _in_both(now, eras.before, event)
    if now.stand.newest_us is None:
        now = Era(stand=now.stand, options=wanted)
    if isinstance(event, FaceObservations) and now.options != wanted and event.stand_id == now.stand.stand_id:
        return _changing(now, event, wanted)
    now, facts = _stepped(now, event)
    return Eras(now=now), facts


def _stepped(era: Era, event: MeasureInput) -> tuple[Era, Facts]:
    stand, facts = step(era.stand, event, era.options)
    return Era(stand=stand, options=era.options), facts


def _changing(now: Era, frame: FaceObservations, wanted: MeasureOptions) -> tuple[Eras, Facts]:
    """Begin the new era when an admitted frame lies in it: one that is only far ahead begins nothing."""
    length_us = us_from_s(now.options.window_s)
    begins_us = ((now.stand.newest_us or 0) // length_us + 1) * length_us
    stand, frames = admitted(now.stand, frame, now.options)
    stand, facts = entered(stand, tuple(f for f in frames if f.t_us < begins_us), now.options)
    before = Era(stand=stand, options=now.options)
    later = tuple(f for f in frames if f.t_us >= begins_us)
    if not later:
        return Eras(now=before), facts
    eras = _joined(_begun(stand, begins_us, later[0].t_us, wanted), before)
    eras, last = _closing(eras)
    begun, more = entered(eras.now.stand, later, wanted)
    return Eras(now=Era(stand=begun, options=wanted), before=eras.before), facts + last + more


def _begun(stand: StandState, begins_us: int, t_us: int, options: MeasureOptions) -> Era:
    """A new state whose first window begins at the boundary, with the plays that go on there."""
    length_us = us_from_s(options.window_s)
    grid_us = begins_us // length_us * length_us
    begun = StandState(
        stand_id=stand.stand_id,
        begins_us=begins_us,
        newest_us=t_us,
        closed_until_us=grid_us,
        frozen_until_us=grid_us,
        seen=((t_us, t_us),),
        plays=tuple(play for play in stand.plays if play.end_us > begins_us),
        cameras=stand.cameras,
        late_plays=stand.late_plays,
        set_back=stand.set_back,
        again=stand.again,
    )
    return Era(stand=begun, options=options)


def _in_both(now: Era, before: Era, event: MeasureInput) -> tuple[Eras, Facts]:
    """An event goes to the era that it lies in; a play to each that it overlaps, the end to both."""
    begins_us = now.stand.begins_us
    early: Facts = ()
    facts: Facts = ()
    is_early, is_present = _where(event, begins_us)
    if is_early:
        was = before.stand.set_back
        before, early = _stepped(before, event)
        if before.stand.set_back != was:
            return _set_back(now, before, early)
    if is_present:
        now, facts = _stepped(now, event)
    eras, last = _closing(_joined(now, before))
    return eras, early + last + facts


def _set_back(now: Era, before: Era, facts: Facts) -> tuple[Eras, Facts]:
    """The clock was set back to before the boundary: the stand goes on there, with the options of then."""
    stand, last = ended(now.stand, now.options)
    again = before.stand.again
    if again is not None:
        again = msgspec.structs.replace(again, until_us=max(again.until_us, stand.closed_until_us))
    goes_on = msgspec.structs.replace(before.stand, again=again)
    return Eras(now=Era(stand=goes_on, options=before.options)), facts + last


def _where(event: MeasureInput, begins_us: int) -> tuple[bool, bool]:
    """Whether something of an event lies before a boundary, and whether something lies after it."""
    if isinstance(event, FaceObservations):
        return event.t_us < begins_us, event.t_us >= begins_us
    if isinstance(event, Play):
        return event.start_us < begins_us, event.end_us > begins_us or event.start_us >= begins_us
    return True, True


def _joined(now: Era, before: Era) -> Eras:
    """Both eras; where a camera reported without a gap over the boundary, each is observed up to it."""
    begins_us = now.stand.begins_us
    (start, last), first = before.stand.seen[-1], now.stand.seen[0][0]
    if last < first:
        gap_us = first - last
        if gap_us <= us_from_s(before.options.presence_gap_s):
            before = _seeing(before, (*before.stand.seen[:-1], (start, begins_us)))
        if gap_us <= us_from_s(now.options.presence_gap_s):
            now = _seeing(now, ((begins_us, now.stand.seen[0][1]), *now.stand.seen[1:]))
    return Eras(now=now, before=before)


def _seeing(era: Era, seen: tuple[tuple[int, int], ...]) -> Era:
    return Era(stand=msgspec.structs.replace(era.stand, seen=seen), options=era.options)


def _closing(eras: Eras) -> tuple[Eras, Facts]:
    """End the era before when the watermark passes the boundary, and for good when its horizon has passed."""
    before, begins_us = eras.before, eras.now.stand.begins_us
    assert before is not None
    is_over = (eras.now.stand.newest_us or 0) >= begins_us + max(map(_late_us, (before, eras.now)))
    is_due = watermark_us(eras.now.stand, before.options) >= begins_us > before.stand.closed_until_us
    if not (is_over or is_due):
        return eras, ()
    stand, facts = ended(before.stand, before.options)
    left = None if is_over else Era(stand=stand, options=before.options)
    return Eras(now=eras.now, before=left), facts


def _late_us(era: Era) -> int:
    """How late an event may be to enter."""
    return us_from_s(era.options.lateness_s) + us_from_s(era.options.late_horizon_s)
