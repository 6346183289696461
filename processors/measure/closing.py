"""Closing: what has to be written when the watermark passes, and what may be forgotten after it."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator
from uuid import UUID

import msgspec

from processors.measure.attention import attend
from processors.measure.exposures import visit_ended
from processors.measure.state import TIME, StandState, Trail, Written, whole_second_us
from processors.measure.visits import Group, grouped, visit_id_of, visiting
from processors.measure.windows import touched, window_closed
from processors.thresholds import MeasureOptions
from schemas.events import MeasureOutput, VisitEnded, WindowClosed
from schemas.units import US_PER_S, us_from_s

SETTLE_EVERY_US = 10 * US_PER_S
"""How much of a track's tail may lie behind the horizon before it is settled."""


def watermark_us(state: StandState, options: MeasureOptions) -> int:
    """The stand's watermark in whole seconds: what is due is looked at once a second, whatever comes between.

    Args:
        state: the stand; it must have seen an event.
        options: `lateness_s`.

    Returns:
        Newest event time minus the lateness, us, rounded down to a second.
    """
    return ((state.newest_us or 0) - us_from_s(options.lateness_s)) // US_PER_S * US_PER_S


def closed(
    state: StandState, options: MeasureOptions, *, ended: bool = False
) -> tuple[StandState, tuple[MeasureOutput, ...]]:
    """Write every window and visit that is due, then forget what cannot change any more.

    A window is written when the watermark passes its end, a visit when it passes the last sample by
    `rejoin_s`; each is derived again when its correction horizon has passed, and written with a higher
    version if it came out different.

    Args:
        state: the stand.
        options: the thresholds.
        ended: the sources have ended: whatever is open is written as it stands.

    Returns:
        The new state, and the facts: windows by start, then visits by begin.
    """
    if state.newest_us is None:
        return state, ()
    state, windows = _windows(state, options, ended=ended)
    state, visits = _visits(state, options, ended=ended)
    state = _trimmed(state, options)
    return msgspec.structs.replace(state, next_due_us=_next_due_us(state, options)), (*windows, *visits)


def _windows(
    state: StandState, options: MeasureOptions, *, ended: bool
) -> tuple[StandState, list[WindowClosed]]:
    length_us = us_from_s(options.window_s)
    mark_us = watermark_us(state, options)
    upto_us = (state.newest_us or 0) + length_us if ended else mark_us
    closing_us = max(state.closed_until_us, upto_us // length_us * length_us)
    oldest_us = mark_us - us_from_s(options.late_horizon_s)
    frozen_us = max(state.frozen_until_us, oldest_us // length_us * length_us)
    written, facts = dict(state.windows), []
    for start in touched(state, state.frozen_until_us, closing_us, options):
        end = start + length_us
        if ended or end > state.closed_until_us or end <= frozen_us:
            from_us = state.begins_us if start < state.begins_us < end else start
            fact = window_closed(state, (from_us, end), options)
            entry = _entry(written.get(start), fact, end) if fact is not None else None
            if fact is not None and entry is not None:
                written[start] = entry
                facts.append(msgspec.structs.replace(fact, version=entry.version))
    kept = {start: entry for start, entry in written.items() if start >= frozen_us}
    changed = msgspec.structs.replace(
        state, windows=kept, closed_until_us=closing_us, frozen_until_us=frozen_us
    )
    return changed, facts


def _visits(
    state: StandState, options: MeasureOptions, *, ended: bool
) -> tuple[StandState, list[VisitEnded]]:
    mark_us, horizon_us = watermark_us(state, options), us_from_s(options.late_horizon_s)
    written, facts = dict(state.visits), []
    named: dict[tuple[UUID, int], UUID] = {}
    for group in grouped(state.all_tracks, state.newest_us or 0, options):
        last_us = max(track.last_us for track in group)
        over_us = last_us + us_from_s(options.rejoin_s)
        final = mark_us > over_us + horizon_us
        known = written.get(visit_id_of(state.stand_id, group))
        if not (ended or (mark_us > over_us and _is_news(known, last_us, final=final))):
            continue
        fact = _visit(state, group, options)
        if fact is None:
            continue
        visit_id = fact.visit.visit_id
        entry = _entry(known, fact, last_us)
        if entry is not None:
            facts.append(_numbered(fact, entry.version))
        latest = entry or known
        if latest is not None:
            written[visit_id] = msgspec.structs.replace(latest, as_of_us=last_us, final=final)
        named |= {(track.track_id, track.first_us): visit_id for track in group}
    changed = msgspec.structs.replace(
        state,
        visits=written,
        tracks={track_id: _named(track, named) for track_id, track in state.tracks.items()},
        parted=tuple(_named(track, named) for track in state.parted),
    )
    return changed, facts


def _is_news(known: Written | None, last_us: int, *, final: bool) -> bool:
    return known is None or known.as_of_us != last_us or (final and not known.final)


def _visit(state: StandState, group: Group, options: MeasureOptions) -> VisitEnded | None:
    visit = visiting(state.stand_id, group, state.newest_us or 0, options)
    if visit is None:
        return None
    models = state.model_version_until(visit.ended_us)
    return visit_ended(state.stand_id, visit, state.plays, models, options)


def _numbered(fact: VisitEnded, version: int) -> VisitEnded:
    return VisitEnded(
        visit=msgspec.structs.replace(fact.visit, version=version),
        exposures=tuple(msgspec.structs.replace(each, version=version) for each in fact.exposures),
    )


def _named(track: Trail, named: dict[tuple[UUID, int], UUID]) -> Trail:
    visit_id = named.get((track.track_id, track.first_us), track.visit_id)
    if visit_id == track.visit_id:
        return track
    return msgspec.structs.replace(track, visit_id=visit_id)


def _entry(known: Written | None, fact: VisitEnded | WindowClosed, as_of_us: int) -> Written | None:
    """What to note of a fact; None when it was written just so before."""
    fingerprint = hashlib.blake2b(msgspec.msgpack.encode(fact), digest_size=16).digest()
    if known is not None and known.fingerprint == fingerprint:
        return None
    return Written(known.version + 1 if known is not None else 1, fingerprint, as_of_us)


def _trimmed(state: StandState, options: MeasureOptions) -> StandState:
    """Forget what is over, and settle of what stays the samples that no late one can join."""
    horizon_us = watermark_us(state, options) - us_from_s(options.late_horizon_s)
    oldest_us = min(horizon_us - us_from_s(options.rejoin_s), state.frozen_until_us)
    groups = grouped(state.all_tracks, state.newest_us or 0, options)
    kept = [group for group in groups if max(track.last_us for track in group) >= oldest_us]
    alive = {(track.track_id, track.first_us) for group in kept for track in group}
    ids = {visit_id_of(state.stand_id, group) for group in kept}
    seen_us = state.frozen_until_us - us_from_s(options.presence_gap_s)
    needed_us = min([oldest_us, *(first_us for _, first_us in alive)])
    return msgspec.structs.replace(
        state,
        tracks={
            track_id: _settled(track, horizon_us, options)
            for track_id, track in state.tracks.items()
            if (track_id, track.first_us) in alive
        },
        parted=tuple(
            _settled(track, horizon_us, options)
            for track in state.parted
            if (track.track_id, track.first_us) in alive
        ),
        visits={visit_id: entry for visit_id, entry in state.visits.items() if visit_id in ids},
        plays=tuple(play for play in state.plays if play.end_us > needed_us),
        seen=tuple(span for span in state.seen if span[1] >= seen_us),
    )


def _settled(track: Trail, oldest_us: int, options: MeasureOptions) -> Trail:
    if not track.tail or track.tail[0].t_us >= oldest_us - SETTLE_EVERY_US:
        return track
    index = bisect_left(track.tail, oldest_us, key=TIME)
    segments, attended = attend(track.attended, track.tail[:index], options)
    return msgspec.structs.replace(
        track, settled=track.settled + segments, attended=attended, tail=track.tail[index:]
    )


def _next_due_us(state: StandState, options: MeasureOptions) -> int:
    length_us, horizon_us = us_from_s(options.window_s), us_from_s(options.late_horizon_s)
    mark_us = watermark_us(state, options)
    dues = [state.closed_until_us + length_us, state.frozen_until_us + length_us + horizon_us]
    for track in state.all_tracks:
        dues.extend(_dues_us(track, options))
    return whole_second_us(min(due for due in dues if due > mark_us))


def _dues_us(track: Trail, options: MeasureOptions) -> Iterator[int]:
    """When something may have to be done about a track, as instants of the watermark."""
    horizon_us, length_us = us_from_s(options.late_horizon_s), us_from_s(options.window_s)
    over_us = track.last_us + us_from_s(options.rejoin_s) + 1
    yield over_us
    yield over_us + horizon_us
    yield (track.last_us // length_us + 1) * length_us + horizon_us
    if track.tail:
        yield track.tail[0].t_us + horizon_us + SETTLE_EVERY_US + 1
