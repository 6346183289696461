"""OBSERVE after a restart: the same tracks go on, identities hold, and no template was written anywhere."""

import struct
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.describe import Described
from processors.observe.identity import Gallery, IdentityOptions, IdentityVote, Match, Recogniser
from processors.observe.keeping import CameraKeeper, KeptCameras
from processors.observe.observer import CameraState
from schemas.errors import UsageError
from schemas.ids import derive_id
from schemas.ports import Floats
from tests.unit.test_observe import PERIOD_US, _good_faces, observer_of, picture, standing

__all__ = ["_good_faces"]
KEEPER = CameraKeeper()


def resumed(state: CameraState) -> CameraState:
    return KEEPER.restored(KEEPER.kept({state.camera_id: state}))[state.camera_id]


def test_tracks_go_on_after_a_restart() -> None:
    world = {
        **standing(range(10), (100, 100, 40, 40), (300, 100, 40, 40)),
        **standing(range(10, 14), (300, 100, 40, 40)),
        **standing(range(14, 30), (100, 100, 40, 40), (300, 100, 40, 40)),
    }
    observer, _ = observer_of(world)
    state = CameraState(stand_id="s", camera_id="c")
    ids = []
    for frame in range(30):
        if frame in (5, 12, 20):
            state = resumed(state)
        state, faces = observer.step(state, picture(frame), frame * PERIOD_US)
        ids.append({face.track_id for face in faces})
    assert len(set.union(*ids)) == 2
    assert [len(each) for each in ids] == [2] * 10 + [1] * 4 + [2] * 16


def test_a_restart_keeps_what_is_known_of_a_track() -> None:
    observer, _ = observer_of(standing(range(20), (100, 100, 40, 40)))
    state = CameraState(stand_id="s", camera_id="c")
    for frame in range(10):
        state, _ = observer.step(state, picture(frame), frame * PERIOD_US)
    after = resumed(state)
    (known,), (before,) = after.described.values(), state.described.values()
    assert (known.traits, known.gaze, known.match) == (before.traits, before.gaze, before.match)
    assert (after.active, after.hidden, after.last_number) == (state.active, state.hidden, state.last_number)
    assert after.last_us == 9 * PERIOD_US
    assert before.template is not None
    assert (known.template, known.vote, after.scene) == (None, None, None)


@given(st.lists(st.floats(-1, 1, width=32).filter(lambda x: abs(x) > 1e-3), min_size=8, max_size=128))
def test_no_template_vote_or_picture_is_in_a_checkpoint(values: list[float]) -> None:
    """Not as bytes of either precision, and not as numbers."""
    template = np.array(values, dtype=np.float32)
    known = Described(
        template=template,
        vote=IdentityVote(weight=0.123456789, weighted_similarities=template.astype(np.float64)),
        match=Match(person_id="ann", similarity=0.5),
    )
    camera = CameraState(
        stand_id="s", camera_id="c", described={derive_id("track", 1): known}, scene=template.reshape(1, -1)
    )
    kept = KEEPER.kept({"c": camera})
    for number in (*values, 0.123456789):
        for code in ("<f", ">f", "<d", ">d"):
            if abs(number) not in (0.5, 1.0):
                assert struct.pack(code, number) not in kept
    assert "ann" in repr(msgspec.msgpack.decode(kept, type=KeptCameras))


def recogniser() -> Recogniser:
    rows = np.eye(128, dtype=np.float32)
    return Recogniser(Gallery({"ann": rows[:2], "bob": rows[2:4]}), IdentityOptions())


def vote_for(row: Floats, known: Described) -> Described:
    """What `Describer` does with a face that was embedded."""
    from processors.observe.describe import DescribeOptions, Describer, View

    faculties: Any = type("Faculties", (), {"templates": _Always(row)})
    describer = Describer(faculties, recogniser(), DescribeOptions())
    view = cast(View, type("View", (), {"landmarks_px": np.zeros((68, 2), np.float32), "picture": None}))
    return describer._with_template(known, view, 1)


class _Always:
    def __init__(self, row: Floats) -> None:
        self.row = row

    def extract_robust(self, *_: Any) -> Floats:
        return self.row


def test_an_identity_holds_until_a_vote_names_another() -> None:
    rows = np.eye(128, dtype=np.float32)
    ann = Described(match=Match(person_id="ann", similarity=0.6), resumed=True)
    nobody = vote_for(rows[100], ann)
    assert nobody.match == ann.match
    bob = vote_for(rows[2], ann)
    assert bob.match is not None
    assert bob.match.person_id == "bob"


def test_without_a_restart_a_vote_for_nobody_counts() -> None:
    rows = np.eye(128, dtype=np.float32)
    ann = Described(match=Match(person_id="ann", similarity=0.6))
    assert vote_for(rows[100], ann).match is None


def test_another_version_is_refused() -> None:
    other = msgspec.msgpack.encode(KeptCameras(cameras_version=99, cameras=()))
    with pytest.raises(UsageError, match="version 99"):
        KEEPER.restored(other)
    with pytest.raises(UsageError, match="damaged"):
        KEEPER.restored(b"\xc1")
