"""The chaos test's own parts: streams that repeat, plans that leave nobody out, progress that is progress."""

from collections import Counter
from itertools import pairwise
from typing import get_args

import msgspec
import pytest

from schemas.events import FaceObservations, Play, StreamEnded
from tests.chaos.options import ChaosOptions, long_form, short_form
from tests.chaos.plan import Kind, planned
from tests.chaos.progress import Progress, has_moved
from tests.streams import StreamOptions, stand_ids, synthetic

SMALL = StreamOptions(observations=3000, seed=4, stands=3, late_share=0.05, repeated_share=0.01)


def test_the_same_options_give_the_same_stream() -> None:
    assert list(synthetic(SMALL)) == list(synthetic(SMALL))
    other = msgspec.structs.replace(SMALL, seed=5)
    assert list(synthetic(other)) != list(synthetic(SMALL))


def test_a_stream_holds_what_a_stand_sends() -> None:
    events = list(synthetic(SMALL))
    observations = [each for each in events if isinstance(each, FaceObservations)]
    assert len({each.observation_id for each in observations}) == 3000
    assert len(observations) > 3000, "some come twice"
    times = [each.t_us for each in observations if each.stand_id == "synthetic-00"]
    assert any(after < before - 1_000_000 for before, after in pairwise(times)), "some late"
    assert any(each.faces for each in observations)
    assert any(not each.faces for each in observations)
    assert [each.stand_id for each in events[-3:] if isinstance(each, StreamEnded)] == stand_ids(SMALL)


def test_plays_come_before_what_they_show() -> None:
    begun: dict[str, int] = {}
    newest: dict[str, int] = {}
    for event in synthetic(SMALL):
        if isinstance(event, Play):
            assert event.start_us > newest.get(event.stand_id, 0)
            begun[event.stand_id] = event.end_us
        elif isinstance(event, FaceObservations):
            newest[event.stand_id] = max(newest.get(event.stand_id, 0), event.t_us)
            assert begun[event.stand_id] > newest[event.stand_id], "some creative is always shown"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("form", [short_form, long_form])
def test_a_plan_strikes_everybody(form: type[ChaosOptions], seed: int) -> None:
    options = form(seed=seed)
    plan = planned(options)
    assert plan == planned(options)
    counts = Counter(strike.kind for strike in plan)
    assert set(counts) == set(get_args(Kind))
    assert sorted(strike.number for strike in plan) == list(range(1, len(plan) + 1))
    assert all(0 < strike.at_s <= options.feed_s for strike in plan if strike.at_s is not None)
    assert all(0 < strike.at_share < 1 for strike in plan if strike.at_share is not None)
    assert all((strike.at_s is None) != (strike.at_share is None) for strike in plan)


def progress(ends: tuple[int, int], done: tuple[int, int]) -> Progress:
    places = [("observations", 0), ("observations", 1)]
    return Progress(
        at_s=0.0,
        ends=dict(zip(places, ends, strict=True)),
        committed={"measure": dict(zip(places, done, strict=True))},
    )


@pytest.mark.parametrize(
    ("ends", "done", "moved"),
    [
        ((10, 10), (3, 4), False),
        ((10, 10), (4, 4), False),
        ((10, 10), (4, 5), True),
        ((10, 4), (4, 4), True),
        ((3, 4), (3, 4), False),
    ],
)
def test_a_group_has_moved_when_every_partition_with_work_has(
    ends: tuple[int, int], done: tuple[int, int], moved: bool
) -> None:
    assert has_moved(progress((9, 9), (3, 4)), progress(ends, done), "measure") is moved


def test_lag_is_what_is_not_committed() -> None:
    assert progress((10, 10), (3, 4)).lag("measure") == 13
    assert progress((10, 10), (3, 4)).total("observations") == 20
