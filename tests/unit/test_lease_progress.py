"""A worker that stood still must not write, and one that handles nothing although events wait must end."""

import pytest

from processors.runtime.work.lease import Lease, LeaseLostError
from processors.runtime.work.progress import Progress
from tests.facts import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_lease_that_is_renewed_in_time_holds(clock: FakeClock) -> None:
    lease = Lease(10.0, clock.now_s)
    for _ in range(10):
        clock.at_s += 9.9
        lease.renew()
    lease.require()


def test_a_lease_is_lost_after_a_session_without_a_turn(clock: FakeClock) -> None:
    lease = Lease(10.0, clock.now_s)
    clock.at_s += 10.1
    assert not lease.holds
    with pytest.raises(LeaseLostError, match="stood still for 10 s") as lost:
        lease.require()
    assert lost.value.exit_code == 3


def test_a_lost_lease_does_not_come_back(clock: FakeClock) -> None:
    """After a stop the loop turns again, and the heartbeat must not pretend that nothing was."""
    lease = Lease(10.0, clock.now_s)
    clock.at_s += 60
    with pytest.raises(LeaseLostError):
        lease.renew()
    clock.at_s += 0.1
    with pytest.raises(LeaseLostError, match="for 60 s"):
        lease.renew()
    assert not lease.holds


def test_a_worker_without_events_may_wait_for_ever(clock: FakeClock) -> None:
    progress = Progress(60.0, clock.now_s)
    for _ in range(100):
        clock.at_s += 10
        progress.moved(5)
        progress.waiting(0)
        assert progress.complaint() is None


def test_events_that_wait_unhandled_are_complained_about(clock: FakeClock) -> None:
    progress = Progress(60.0, clock.now_s)
    progress.moved(5)
    for _ in range(6):
        clock.at_s += 10
        progress.moved(5)
        progress.waiting(17)
    assert progress.complaint() is None
    clock.at_s += 1
    progress.moved(5)
    words = progress.complaint()
    assert words is not None
    assert "17 events wait" in words


def test_handling_is_progress(clock: FakeClock) -> None:
    progress = Progress(60.0, clock.now_s)
    for handled in range(100):
        clock.at_s += 30
        progress.moved(handled)
        progress.waiting(1_000_000)
        assert progress.complaint() is None


def test_events_begin_to_wait_when_they_come(clock: FakeClock) -> None:
    """A quiet night is no stall: the time counts from the first event that waits."""
    progress = Progress(60.0, clock.now_s)
    clock.at_s += 1000
    progress.moved(5)
    progress.waiting(0)
    clock.at_s += 50
    progress.moved(5)
    progress.waiting(3)
    assert progress.complaint() is None


def test_a_loop_that_hangs_is_complained_about_without_its_help(clock: FakeClock) -> None:
    progress = Progress(60.0, clock.now_s)
    progress.moved(1)
    clock.at_s += 61
    words = progress.complaint()
    assert words is not None
    assert "has not turned" in words
