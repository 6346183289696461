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
    (Checkpoint, CHECKPOINT_VERSION, "3da5f68b4d8c3ee8"),
    (KeptCameras, CAMERAS_VERSION, "0bd8a42acde88453"),
    (StandState, STATE_VERSION, "4c8419e33ebbcad5"),
    (AlignedState, STATE_VERSION, "bd662df4100c474c"),
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

    A field that earlier programs leave alone and that may be missing needs a new line only.
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
# The same version since options may change: between the boundary and the horizon, with both eras.
MEASURE_1_CHANGING = (
    "04224d1868402507000000000000593c030000f14185b2636865636b706f696e745f76657273696f6e01a57374616765"
    "a76d656173757265a87374616e645f6964a173a77468726f75676881ac6f62736572766174696f6e7303a57374617465"
    "c506d787a52c0067c50123de0010380011ad2100056000f407a9626567696e735f7573ce03938700a96e65776573740f"
    "0090ab6e6578745f6475651100f00204c4b400af636c6f7365645f756e74696c15000035007aaf66726f7a656e150071"
    "a47365656e91925600010500f12da6747261636b7380a670617274656490a5706c61797390a777616974696e6790a676"
    "697369747380a777696e646f777380a66d6f64656c7381a26d314100a8a769676e6f72656485b1f200795f6c61746500"
    "b2130071616865616400aa610002200012ad0c0092696e76616c696400ae0f008c7265706561746564f700f103a46865"
    "6c6490a764726f7070656400a76f705d0141de001aa65501f1147380a76c6f6f6b696e67aa68797374657265736973a9"
    "656e7465725f646567cb403400010062a96c656176651300113e12007200a9696e74656c1300213680140063ad657965"
    "735f59015073cb3fd9990100e19aa96d61785f6761705f73cb3fe02900a400ae70726573656e6365180012f0180050aa"
    "6d696e5f9200002c0010c93e00f505999aaf636f6e6669726d5f73616d706c657303a9110041cb3fd3330100c2a87265"
    "6a6f696e5f73cb40244a0030ac696d6400007b0200280012f01600f202ad656e67616765645f73636f7265cb40491700"
    "14b3170050617474656e2301004a00021c006a00b066756c6c1a0012141b0035b46578640043616e676c210112460e01"
    "17b21e00b1666163655f7078cb405000010041b176616cff0070737570706f7274a300031b0135ab7265840042cd012c"
    "a84502009000038c0110aa2802406e6573731400014e00300000ae1400625f686f72697abc0003a50110aa7b01306a75"
    "6d7c0120404e2a00310000b21000034401036d03012800004b0200540020f5182700bf00a66265666f7265c501217803"
    "14087d023a02625a7403015f03031b020474030d7003026c03a19392000092ce01312d00050011924d000105000f7a03"
    "290f76034913ae5803125f33010f5f03ffa4031f030f5f035050000000000000000000"
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
    assert measure.incarnations == {}, "added since, and not needed"
    assert fold.restored(measure.state) == fold.new_state("s")
    observe = checkpoint_from(bytes.fromhex(OBSERVE_1), "observe")
    assert CameraKeeper().restored(observe.state) == {}


def test_a_checkpoint_between_two_options_can_be_read() -> None:
    """Whatever options the worker has that reads it: the stand has those that it was kept with."""
    kept = checkpoint_from(bytes.fromhex(MEASURE_1_CHANGING), "measure").state
    for options in (MeasureOptions(), MeasureOptions(window_s=20.0), MeasureOptions(window_s=30.0)):
        state = AlignedMeasure(options).restored(kept)
        assert state.options == MeasureOptions(window_s=20.0)
        assert state.stand.begins_us == 60_000_000
        assert state.before is not None
        assert state.before.options == MeasureOptions()
        assert state.before.stand.newest_us == 40_000_000


def test_a_checkpoint_without_options_is_taken_as_made_with_the_present_ones() -> None:
    kept = checkpoint_from(bytes.fromhex(MEASURE_1), "measure").state
    assert AlignedMeasure(MeasureOptions(window_s=20.0)).restored(kept).options.window_s == 20.0


def test_a_checkpoint_is_written_the_same_way_twice() -> None:
    once = Checkpoint(stage="measure", stand_id="s", through={"plays": 1}, state=b"x")
    assert checkpoint_bytes(once) == checkpoint_bytes(once)
