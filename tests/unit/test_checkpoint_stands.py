"""States of stands: loaded from checkpoints, skipped past what these cover, written only when changed."""

import pytest

from processors.measure.aligned import AlignedMeasure
from processors.runtime.work.checkpoint import (
    CHECKPOINT_VERSION,
    Checkpoint,
    checkpoint_bytes,
    checkpoint_from,
)
from processors.runtime.work.stands import StandStates
from processors.runtime.work.traffic import Place
from processors.thresholds import MeasureOptions
from schemas.errors import UsageError
from schemas.metrics import NoMeter
from tests.replay.measure_scenes import Camera, Person, frames

LOOKER = Person(track="a", from_s=1, to_s=40, looks=((2, 30),))
FOLD = AlignedMeasure(MeasureOptions())


def states_of(kept: dict[str, bytes]) -> StandStates:
    return StandStates("measure", FOLD, FOLD, kept.get, meter=NoMeter())


def place(offset: int, topic: str = "observations") -> Place:
    return Place(topic=topic, partition=3, offset=offset)  # type: ignore[arg-type]


def advanced(states: StandStates, events: int) -> StandStates:
    for offset, event in enumerate(frames("s", Camera(to_s=events / 10, people=(LOOKER,)))):
        after, _ = FOLD.step(states.state("s"), event)
        states.advance("s", place(offset), after)
    return states


def test_a_checkpoint_goes_on_where_the_state_was() -> None:
    before = advanced(states_of({}), 100)
    after = states_of({"s": before.checkpoint("s")})
    assert after.state("s") == before.state("s")
    assert after.checkpoint("s") == before.checkpoint("s")


def test_events_that_a_checkpoint_covers_are_known_by_topic() -> None:
    before = advanced(states_of({}), 100)
    before.advance("s", place(7, "plays"), before.state("s"))
    after = states_of({"s": before.checkpoint("s")})
    last = len(frames("s", Camera(to_s=10, people=(LOOKER,)))) - 1
    assert after.covers("s", place(last))
    assert not after.covers("s", place(last + 1))
    assert after.covers("s", place(7, "plays"))
    assert not after.covers("s", place(8, "plays"))
    assert not after.covers("other", place(0))


def test_only_what_changed_is_written() -> None:
    states = advanced(states_of({}), 10)
    states.state("looked at")
    assert states.changed() == {"s": 3}
    states.saved()
    assert states.changed() == {}
    states.advance("s", place(11), states.state("s"))
    assert states.changed() == {"s": 3}


def test_what_is_forgotten_is_loaded_anew() -> None:
    kept: dict[str, bytes] = {}
    states = advanced(states_of(kept), 50)
    kept["s"] = states.checkpoint("s")
    as_kept = states.state("s")
    advanced(states, 100)
    assert states.state("s") != as_kept
    states.forget()
    assert states.changed() == {}
    assert states.state("s") == as_kept


def test_a_checkpoint_of_another_version_is_refused() -> None:
    other = Checkpoint(
        checkpoint_version=CHECKPOINT_VERSION + 1, stage="measure", stand_id="s", through={}, state=b""
    )
    with pytest.raises(UsageError, match=f"version {CHECKPOINT_VERSION + 1}") as refused:
        states_of({"s": checkpoint_bytes(other)}).state("s")
    assert refused.value.exit_code == 2


def test_a_state_of_another_version_is_refused() -> None:
    """What is inside the envelope has a version too: here the stand's."""
    states = advanced(states_of({}), 10)
    envelope = checkpoint_from(states.checkpoint("s"), "measure")
    newer = envelope.state.replace(b"\xadstate_version\x01", b"\xadstate_version\x63")
    assert newer != envelope.state
    other = Checkpoint(stage="measure", stand_id="s", through={}, state=newer)
    with pytest.raises(UsageError, match="version 99"):
        states_of({"s": checkpoint_bytes(other)}).state("s")


@pytest.mark.parametrize("damaged", [b"", b"not deflated", checkpoint_bytes.__name__.encode()])
def test_a_damaged_checkpoint_is_refused(damaged: bytes) -> None:
    with pytest.raises(UsageError, match="damaged"):
        states_of({"s": damaged}).state("s")


def test_a_checkpoint_of_another_stage_is_refused() -> None:
    other = Checkpoint(stage="observe", stand_id="s", through={}, state=b"")
    with pytest.raises(UsageError, match="lies where those of measure"):
        states_of({"s": checkpoint_bytes(other)}).state("s")
