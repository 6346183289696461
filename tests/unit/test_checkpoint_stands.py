"""States of stands: loaded from checkpoints, skipped past what these cover, written only when changed."""

from typing import Any

import lz4.frame
import msgspec
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
from schemas.metrics import Meter, NoMeter
from tests.replay.measure_scenes import Camera, Person, frames

LOOKER = Person(track="a", from_s=1, to_s=40, looks=((2, 30),))
FOLD = AlignedMeasure(MeasureOptions())


def states_of(kept: dict[str, bytes], meter: Meter | None = None) -> StandStates:
    return StandStates("measure", FOLD, FOLD, kept.get, meter=meter or NoMeter())


def place(offset: int, topic: str = "observations", incarnation: str = "one") -> Place:
    return Place(topic=topic, partition=3, offset=offset, incarnation=incarnation)  # type: ignore[arg-type]


class Counts(NoMeter):
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.found: list[tuple[str, ...]] = []

    def count(self, name: Any, amount: float = 1, **labels: str) -> None:
        self.found.append((name, *labels.values()))


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


def test_an_offset_of_a_topic_made_anew_covers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The state goes on; an offset of the other topic, which is as it was, still counts."""
    before = advanced(states_of({}), 100)
    before.advance("s", place(7, "plays"), before.state("s"))
    counts = Counts()
    after = states_of({"s": before.checkpoint("s")}, counts)
    after.begin({("observations", 3): 1000, ("plays", 3): 8})
    assert not after.covers("s", place(0, incarnation="two"))
    assert after.covers("s", place(7, "plays"))
    assert after.state("s") == before.state("s")
    assert counts.found == [("positions_void", "observations", "recreated")]
    assert "observations partition 3 was deleted and made anew" in caplog.text
    after.advance("s", place(0, incarnation="two"), after.state("s"))
    assert after.covers("s", place(0, incarnation="two"))
    again = states_of({"s": after.checkpoint("s")})
    assert again.covers("s", place(0, incarnation="two"))
    assert not again.covers("s", place(1, incarnation="two"))


def test_a_partition_is_named_in_the_log_once_and_every_stand_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before, counts = states_of({}), Counts()
    for stand in ("a", "b"):
        before.advance(stand, place(5), before.state(stand))
    after = states_of({stand: before.checkpoint(stand) for stand in ("a", "b")}, counts)
    assert not any(after.covers(stand, place(0, incarnation="two")) for stand in ("a", "b"))
    assert len(counts.found) == 2
    assert len(caplog.records) == 1


def without_incarnations(data: bytes) -> bytes:
    """A checkpoint as earlier programs wrote it."""
    plain = msgspec.msgpack.decode(lz4.frame.decompress(data))
    del plain["incarnations"]
    return bytes(lz4.frame.compress(msgspec.msgpack.encode(plain)))


def test_an_old_checkpoint_counts_in_the_topic_that_is_there() -> None:
    old = without_incarnations(advanced(states_of({}), 100).checkpoint("s"))
    last = len(frames("s", Camera(to_s=10, people=(LOOKER,)))) - 1
    states = states_of({"s": old})
    states.begin({("observations", 3): last + 1})
    assert states.covers("s", place(last))
    assert not states.covers("s", place(last + 1))


@pytest.mark.parametrize("old", [False, True])
def test_an_offset_past_the_end_of_the_topic_covers_nothing(old: bool) -> None:
    """The topic was made anew before incarnations were kept, or the brokers have lost its end."""
    kept = advanced(states_of({}), 100).checkpoint("s")
    counts = Counts()
    states = states_of({"s": without_incarnations(kept) if old else kept}, counts)
    states.begin({("observations", 3): 50})
    assert not states.covers("s", place(0))
    assert counts.found == [("positions_void", "observations", "past_end")]
    states.advance("s", place(60), states.state("s"))
    assert states.covers("s", place(55)), "what was taken since counts, also past the end of then"


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
