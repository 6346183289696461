"""Visits: which tracks are one presence of one person, and who that is."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from processors.measure.attention import attend
from processors.measure.segments import Timeline, stack
from processors.measure.state import Trail
from processors.measure.totals import totals_of
from processors.thresholds import MeasureOptions
from schemas.events import GenderLabel
from schemas.ids import derive_id
from schemas.units import us_from_s

AGE_BANDS = (
    (13, "0-12"),
    (18, "13-17"),
    (25, "18-24"),
    (35, "25-34"),
    (45, "35-44"),
    (55, "45-54"),
    (65, "55-64"),
)
"""Upper limits (years, exclusive) and names of the bands; above them all is `65+`."""


class Visiting(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as derived from its tracks at some instant."""

    visit_id: UUID
    started_us: int
    ended_us: int
    timeline: Timeline
    """What happened, all tracks together."""
    approach: Timeline
    """Timeline of the best supported track: boxes of different cameras cannot be compared."""
    age_years: float | None
    """Best estimate, as are the next two."""
    gender: GenderLabel | None
    member_id: str | None


Group = tuple[Trail, ...]
"""The tracks of one visit, by begin."""


def age_band(age_years: float | None) -> str | None:
    """The name of an age's band, None for an unknown age."""
    if age_years is None:
        return None
    return next((name for limit, name in AGE_BANDS if age_years < limit), "65+")


def gender_of(female_probability: float | None) -> GenderLabel | None:
    """The more probable label.

    Args:
        female_probability: 0..1, or None.

    Returns:
        `female` from 0.5 on, else `male`; None when unknown.
    """
    if female_probability is None:
        return None
    return "female" if female_probability >= 0.5 else "male"


def grouped(tracks: Iterable[Trail], as_of_us: int, options: MeasureOptions) -> list[Group]:
    """Join the tracks of a stand into visits, knowing only what was seen by an instant.

    A track joins an earlier visit of the same member when it begins at most `rejoin_s` after that visit's
    end and was recognised before the visit's correction horizon ended. Tracks that were written as one visit
    stay one; tracks that were written as two stay two.

    Returns:
        Groups by begin of their first track.
    """
    rooms = _Parties(as_of_us, options)
    begun = [track for track in tracks if track.first_us <= as_of_us]
    for track in sorted(begun, key=lambda track: (track.first_us, track.track_id.int)):
        rooms.take(track)
    return [tuple(party.tracks) for party in rooms.parties]


def visiting(stand_id: str, group: Group, as_of_us: int, options: MeasureOptions) -> Visiting | None:
    """The visit of a group of tracks by their samples until an instant, None while it is not confirmed."""
    found = [attend(t.attended, t.tail_until(as_of_us), options) for t in group]
    lines = [
        (*t.settled, *done, *((after.run,) if after.run is not None else ()))
        for t, (done, after) in zip(group, found, strict=True)
    ]
    afters = [after for _, after in found]
    ranks = sorted(range(len(group)), key=lambda index: -afters[index].samples)
    timeline = stack([lines[index] for index in ranks])
    presence_us = totals_of(timeline, options).presence_us
    samples = sum(after.samples for after in afters)
    if samples < options.confirm_samples or presence_us < us_from_s(options.confirm_s) or not presence_us:
        return None
    ages = (afters[index].age_years for index in ranks)
    females = (afters[index].female_probability for index in ranks)
    members = (group[index].member_until(as_of_us) for index in ranks)
    return Visiting(
        visit_id=visit_id_of(stand_id, group),
        started_us=timeline[0].start_us,
        ended_us=timeline[-1].end_us,
        timeline=timeline,
        approach=lines[ranks[0]],
        age_years=next((age for age in ages if age is not None), None),
        gender=gender_of(next((p for p in females if p is not None), None)),
        member_id=next((who for who in members if who is not None), None),
    )


def visit_id_of(stand_id: str, group: Group) -> UUID:
    """The id of a visit: the one it was written with, else derived from its first track and begin."""
    written = next((track.visit_id for track in group if track.visit_id is not None), None)
    return written or derive_id("visit", stand_id, str(group[0].track_id), group[0].first_us)


class _Party:
    """A group in the making."""

    def __init__(self) -> None:
        self.tracks: list[Trail] = []
        self.visit_id: UUID | None = None
        self.last_us = 0
        self.member_id: str | None = None

    def welcome(self, track: Trail, as_of_us: int) -> None:
        """Add a track."""
        last_us = track.last_until(as_of_us)
        self.last_us = max(self.last_us, last_us) if self.tracks else last_us
        self.tracks.append(track)
        self.visit_id = self.visit_id or track.visit_id
        self.member_id = track.member_until(as_of_us) or self.member_id


class _Parties:
    """All groups in the making, found by the visit or the member they belong to."""

    def __init__(self, as_of_us: int, options: MeasureOptions) -> None:
        self.parties: list[_Party] = []
        self._by_visit: dict[UUID, _Party] = {}
        self._by_member: dict[str, list[_Party]] = {}
        self._as_of_us = as_of_us
        self._rejoin_us = us_from_s(options.rejoin_s)
        self._horizon_us = us_from_s(options.late_horizon_s)

    def take(self, track: Trail) -> None:
        """Put a track to its group, or begin one with it."""
        party = self._home(track)
        if party is None:
            party = _Party()
            self.parties.append(party)
        party.welcome(track, self._as_of_us)
        if track.visit_id is not None:
            self._by_visit[track.visit_id] = party
        if party.member_id is not None:
            known = self._by_member.setdefault(party.member_id, [])
            if party not in known:
                known.append(party)

    def _home(self, track: Trail) -> _Party | None:
        if track.visit_id is not None and track.visit_id in self._by_visit:
            return self._by_visit[track.visit_id]
        member_id = track.member_until(self._as_of_us)
        if member_id is None:
            return None
        return next((party for party in self._candidates(track) if self._joins(track, party)), None)

    def _candidates(self, track: Trail) -> list[_Party]:
        members = {who for _, who in track.attended.members} | {sample.member_id for sample in track.tail}
        found = [party for who in members if who is not None for party in self._by_member.get(who, ())]
        return sorted(found, key=lambda party: (party.tracks[0].first_us, party.tracks[0].track_id.int))

    def _joins(self, track: Trail, party: _Party) -> bool:
        written_apart = track.visit_id is not None and party.visit_id is not None
        if written_apart or track.first_us > party.last_us + self._rejoin_us:
            return False
        known_by_us = min(self._as_of_us, party.last_us + self._rejoin_us + self._horizon_us)
        return party.member_id is not None and track.member_until(known_by_us) == party.member_id
