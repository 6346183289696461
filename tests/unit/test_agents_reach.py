"""How far a worker is: nothing enters twice, nothing is skipped, and only what is new is committed."""

from faust.types import TP

from processors.runtime.agents.reach import Reach

A, B = TP("t", 0), TP("t", 1)


def test_an_assignment_begins_at_its_offsets() -> None:
    reach = Reach()
    reach.begin({A: 5, B: 0})
    assert reach.has(A, 4)
    assert not reach.has(A, 5)
    assert reach.take(A, 5)
    assert reach.has(A, 5)
    assert reach.reached(A) == 5
    reach.handle(A, 5)
    assert reach.reached(A) == 6


def test_a_later_event_waits_for_those_before_it() -> None:
    reach = Reach()
    reach.begin({A: 5, B: 0})
    assert not reach.take(A, 7)
    assert not reach.take(A, 8)
    assert reach.missing() == {A: 5}
    assert reach.take(B, 0)
    assert reach.missing() == {A: 5}
    assert reach.take(A, 5)
    assert reach.missing() == {}
    assert reach.take(A, 6)


def test_only_what_is_new_is_committed() -> None:
    reach = Reach()
    reach.begin({A: 0, B: 0})
    assert reach.uncommitted() == {}
    for offset in range(3):
        reach.take(A, offset)
        reach.handle(A, offset)
    assert reach.uncommitted() == {A: 3}
    reach.commit({A: 3})
    assert reach.uncommitted() == {}
    reach.take(B, 0)
    reach.handle(B, 0)
    assert reach.uncommitted() == {B: 1}


def test_what_is_taken_is_not_yet_committed() -> None:
    reach = Reach()
    reach.begin({A: 0})
    reach.take(A, 0)
    assert reach.uncommitted() == {}
    assert reach.reached(A) == 0
