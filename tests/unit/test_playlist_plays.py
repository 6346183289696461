"""Plays from a playlist: gap-free, split anywhere, opening hours, and a feed that follows event time."""

from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.playlist import (
    OpeningHours,
    PlayFeed,
    Playlist,
    PlaylistOptions,
    Slot,
    playlist_from,
    plays_between,
)
from schemas.errors import UsageError
from schemas.events import Play
from schemas.units import US_PER_S, us_of

S = 1_000_000
HOUR = 3_600 * S
DAY = 24 * HOUR
SLOTS = (
    Slot(campaign_id="coffee", creative_id="morning", duration_s=10.0),
    Slot(campaign_id="shoes", creative_id="run", duration_s=5.5),
)


def plays(playlist: Playlist, start_us: int, end_us: int) -> list[Play]:
    return list(plays_between(playlist, "stand", start_us=start_us, end_us=end_us))


def spans(found: list[Play]) -> list[tuple[str, float, float]]:
    return [(play.creative_id, play.start_us / S, play.end_us / S) for play in found]


def test_slots_loop_from_the_anchor() -> None:
    found = plays(Playlist(slots=SLOTS, anchor_us=100 * S), 0, 120 * S)
    assert spans(found) == [("morning", 100, 110), ("run", 110, 115.5), ("morning", 115.5, 125.5)]
    assert {play.stand_id for play in found} == {"stand"}


def test_ids_depend_on_stand_slot_and_start_only() -> None:
    playlist = Playlist(slots=SLOTS, anchor_us=0)
    first, again = plays(playlist, 0, 60 * S), plays(playlist, 0, 60 * S)
    other = list(plays_between(playlist, "other", start_us=0, end_us=60 * S))
    assert first == again
    assert len({play.play_id for play in first + other}) == len(first) + len(other)


def test_far_from_the_anchor_costs_nothing_and_stays_exact() -> None:
    playlist = Playlist(slots=SLOTS, anchor_us=0)
    start_us = 15_500_000 * 10**7
    assert spans(plays(playlist, start_us, start_us + 1)) == [("morning", start_us / S, start_us / S + 10)]


hours = st.none() | st.builds(
    OpeningHours,
    opens=st.sampled_from(["00:00", "09:00", "18:00"]),
    closes=st.sampled_from(["00:00", "09:00", "17:59"]),
    time_zone=st.sampled_from(["UTC", "Europe/Paris", "America/New_York"]),
)
lengths = st.lists(st.integers(300, 86_400), min_size=1, max_size=4)


@st.composite
def playlists(draw: st.DrawFn) -> Playlist:
    slots = tuple(
        Slot(campaign_id="c", creative_id=str(i), duration_s=s) for i, s in enumerate(draw(lengths))
    )
    return Playlist(slots=slots, anchor_us=draw(st.integers(-2 * DAY, 2 * DAY)), opening=draw(hours))


@given(playlists(), st.lists(st.integers(-3 * DAY, 3 * DAY), min_size=3, max_size=3))
def test_splitting_an_interval_anywhere_gives_the_same_plays(playlist: Playlist, cuts: list[int]) -> None:
    start_us, cut_us, end_us = sorted(cuts)
    whole = plays(playlist, start_us, end_us)
    assert whole == plays(playlist, start_us, cut_us) + plays(playlist, cut_us, end_us)


@given(playlists())
def test_plays_have_no_gap_but_at_night_and_never_overlap(playlist: Playlist) -> None:
    found = plays(playlist, -4 * DAY, 4 * DAY)
    assert found
    assert all(playlist.anchor_us <= play.start_us < play.end_us for play in found)
    gaps = [later.start_us - earlier.end_us for earlier, later in pairwise(found)]
    assert all(gap >= 0 for gap in gaps)
    assert playlist.opening is not None or not any(gaps)
    assert sum(gap > 0 for gap in gaps) <= 8


def test_opening_hours_cut_the_last_play_and_begin_anew() -> None:
    opening = OpeningHours(opens="09:00", closes="09:01", time_zone="UTC")
    slots = (
        Slot(campaign_id="a", creative_id="long", duration_s=45.0),
        Slot(campaign_id="a", creative_id="next", duration_s=45.0),
    )
    nine = 9 * 3600
    found = plays(Playlist(slots=slots, anchor_us=0, opening=opening), 0, DAY + 9 * HOUR + 1)
    day_s = 86_400
    assert spans(found) == [
        ("long", nine, nine + 45),
        ("next", nine + 45, nine + 60),
        ("long", nine + day_s, nine + day_s + 45),
    ]


def test_opening_hours_may_pass_midnight_and_follow_the_time_zone() -> None:
    opening = OpeningHours(opens="22:00", closes="02:00", time_zone="Europe/Paris")
    slots = (Slot(campaign_id="a", creative_id="x", duration_s=3600.0),)
    summer = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()) * S
    found = plays(Playlist(slots=slots, anchor_us=0, opening=opening), summer, summer + DAY)
    hours_utc = [(play.start_us - summer) // HOUR for play in found]
    assert hours_utc == [
        20,
        21,
        22,
        23,
    ]  # midnight and 01:00 UTC belong to neither night: 02:00 in Paris is over


def test_an_interval_after_midnight_sees_the_night_that_began_before() -> None:
    opening = OpeningHours(opens="22:00", closes="02:00")
    slots = (Slot(campaign_id="a", creative_id="x", duration_s=3600.0),)
    found = plays(Playlist(slots=slots, anchor_us=0, opening=opening), DAY, DAY + 3 * HOUR)
    assert [(play.start_us - DAY) // HOUR for play in found] == [0, 1]


def test_the_anchor_is_the_first_event_unless_configured() -> None:
    when = datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert playlist_from(PlaylistOptions(slots=SLOTS), 42).anchor_us == 42
    assert playlist_from(PlaylistOptions(slots=SLOTS, anchor=when), 42).anchor_us == 5 * S


def test_an_unknown_time_zone_is_refused() -> None:
    opening = OpeningHours(opens="09:00", closes="18:00", time_zone="Mars/Olympus")
    with pytest.raises(UsageError, match="Mars/Olympus"):
        playlist_from(PlaylistOptions(slots=SLOTS, opening=opening), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": [{"campaign_id": "c", "creative_id": "x", "duration_s": 0}]},
        {"slots": [{"campaign_id": "", "creative_id": "x", "duration_s": 5}]},
        {"slots": [], "opening": {"opens": "24:00", "closes": "18:00"}},
        {"slots": [], "anchor": "2026-01-01T00:00:00"},
        {"slot": []},
    ],
)
def test_a_wrong_playlist_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, PlaylistOptions)


def test_no_slots_no_plays() -> None:
    assert plays(Playlist(slots=(), anchor_us=0), 0, DAY) == []
    assert PlayFeed(PlaylistOptions(), "stand").until(5) == ()


def test_the_feed_begins_with_the_play_that_is_running() -> None:
    when = datetime(1970, 1, 1, tzinfo=UTC)
    feed = PlayFeed(PlaylistOptions(slots=SLOTS, anchor=when), "stand")
    assert spans(list(feed.until(12 * S))) == [("run", 10, 15.5)]
    assert feed.until(13 * S) == ()
    assert spans(list(feed.until(15_500_000))) == [("morning", 15.5, 25.5)]
    assert feed.until(14 * S) == ()


@given(st.lists(st.integers(0, 200 * S), min_size=1, max_size=30).map(sorted))
def test_the_feed_hands_out_every_play_once_whatever_the_steps(events: list[int]) -> None:
    options = PlaylistOptions(slots=SLOTS)
    feed = PlayFeed(options, "stand")
    fed = [play for t_us in events for play in feed.until(t_us)]
    assert fed == plays(playlist_from(options, events[0]), events[0], events[-1] + 1)


def test_the_feed_leaves_out_the_plays_of_a_stand_that_was_switched_off() -> None:
    feed = PlayFeed(PlaylistOptions(slots=SLOTS), "stand")
    feed.until(0)
    years_us = 15_500_000 * 10**8 + 12 * S
    assert spans(list(feed.until(years_us))) == [("run", (years_us - 2 * S) / S, (years_us + 3.5 * S) / S)]
    assert feed.until(years_us + S) == ()


@pytest.mark.parametrize(
    ("day", "opens", "closes", "minutes"),
    [
        ("2026-03-29", "02:30", "03:00", 30),
        ("2026-03-29", "02:30", "03:15", 45),
        ("2026-03-29", "02:15", "02:45", 30),
        ("2026-10-25", "02:15", "02:45", 30),
        ("2026-10-25", "01:30", "02:30", 60),
        ("2026-10-25", "02:30", "03:00", 90),
    ],
)
def test_hours_in_the_night_of_the_clock_change_are_played(
    day: str, opens: str, closes: str, minutes: int
) -> None:
    opening = OpeningHours(opens=opens, closes=closes, time_zone="Europe/Berlin")
    slot = Slot(campaign_id="c", creative_id="x", duration_s=60)
    midnight_us = us_of(datetime.fromisoformat(f"{day}T00:00+00:00"))
    playlist = Playlist(slots=(slot,), anchor_us=0, opening=opening)
    start_us = midnight_us - 2 * 3600 * US_PER_S
    plays = list(plays_between(playlist, "door", start_us=start_us, end_us=start_us + 20 * 3600 * US_PER_S))
    assert sum(play.end_us - play.start_us for play in plays) == minutes * 60 * US_PER_S
    assert len({play.play_id for play in plays}) == len(plays)
