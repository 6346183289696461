"""What workers keep of stands is read by the next release: its shape does not change without its version."""

import hashlib
from collections.abc import Mapping

import msgspec
import pytest

from processors.measure.aligned import AlignedMeasure, AlignedState
from processors.measure.state import STATE_VERSION, StandState
from processors.observe.keeping import CAMERAS_VERSION, CameraKeeper, KeptCameras
from processors.runtime.work.checkpoint import (
    CHECKPOINT_VERSION,
    Checkpoint,
    checkpoint_bytes,
    checkpoint_from,
)
from processors.thresholds import MeasureOptions

SHAPES = [
    (Checkpoint, CHECKPOINT_VERSION, "8723408eb36d222d"),
    (KeptCameras, CAMERAS_VERSION, "0bd8a42acde88453"),
    (StandState, STATE_VERSION, "247e714f526edf18"),
    (AlignedState, STATE_VERSION, "9cc21446b8554f67"),
]


def shape_of(kind: type) -> str:
    schema = msgspec.json.schema(kind)
    plain = _plain({"$ref": schema["$ref"]}, schema["$defs"])
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]


def _plain(schema: object, kinds: Mapping[str, object]) -> object:
    """The schema without its words and the names of its kinds: these may be improved, no byte shows them."""
    if isinstance(schema, dict):
        named = {**schema, "$ref": kinds[schema["$ref"].rpartition("/")[2]]} if "$ref" in schema else schema
        words = ("description", "title")
        return {key: _plain(value, kinds) for key, value in named.items() if key not in words}
    return [_plain(each, kinds) for each in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize(("kind", "version", "known"), SHAPES)
def test_a_shape_belongs_to_its_version(kind: type, version: int, known: str) -> None:
    """A new shape needs a new version here and a new line; old ones are refused with words, never misread.

    A field that may be missing needs a new line only: what is older is read without it.
    """
    assert (version, shape_of(kind)) == (version, known)


# What version 1 wrote, as bytes in hexadecimal: every later program must read it or refuse it.
MEASURE_1 = (
    "04224d18684067010000000000003f28010000f13c85b2636865636b706f696e745f76657273696f6e01a57374616765"
    "a76d656173757265a87374616e645f6964a173a77468726f75676882ac6f62736572766174696f6e7307a5706c617973"
    "3700607465c50112840a00576e64c4ef8f3c0011ad1e00056400f116a96e65776573745f7573c0ab6e6578745f647565"
    "5f757300af636c6f7365645f756e74696c11006666726f7a656e1100f207a47365656e90a6747261636b7380a6706172"
    "746564908400f81e90a777616974696e6790a676697369747380a777696e646f777380a66d6f64656c7380a769676e6f"
    "72656485b1c400795f6c61746500b2130071616865616400aa590002200012ad0c0092696e76616c696400ae0f009772"
    "6570656174656400d400f000a468656c6490a764726f707065640000000000"
)
OBSERVE_1 = (
    "04224d18684062000000000000009f5d000000f03085b2636865636b706f696e745f76657273696f6e01a57374616765"
    "a76f627365727665a87374616e645f6964a173a77468726f75676881a66672616d6573032a00d57465c41b82af63616d"
    "65726173440090a763616d657261739000000000"
)


def test_the_first_versions_can_be_read() -> None:
    measure = checkpoint_from(bytes.fromhex(MEASURE_1), "measure")
    fold = AlignedMeasure(MeasureOptions())
    assert measure.through == {"observations": 7, "plays": 1}
    assert fold.restored(measure.state) == fold.new_state("s")
    observe = checkpoint_from(bytes.fromhex(OBSERVE_1), "observe")
    assert CameraKeeper().restored(observe.state) == {}


def test_a_checkpoint_is_written_the_same_way_twice() -> None:
    once = Checkpoint(stage="measure", stand_id="s", through={"plays": 1}, state=b"x")
    assert checkpoint_bytes(once) == checkpoint_bytes(once)
