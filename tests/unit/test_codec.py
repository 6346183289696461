"""The codec: what goes in comes out, bit for bit, in the form that other tools expect."""

import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bounds import LATEST_US, MOST
from schemas.errors import UsageError
from schemas.events import FaceObservations, FaceObserved
from schemas.wire.avsc import EVENTS
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.event_samples import OBSERVATIONS, PLAY, STRANGER, samples

CODEC = AvroCodec(FileRegistry())
NUMBERS = st.floats(-1e9, 1e9)
MAYBE = st.none() | NUMBERS
FACES = st.builds(
    FaceObserved,
    track_id=st.uuids(),
    box_px=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    score=NUMBERS,
    quality=NUMBERS,
    eyes_open=st.none() | st.booleans(),
    expression_scores=st.none() | st.tuples(*[NUMBERS] * 7),
    age_years=MAYBE,
    female_probability=MAYBE,
    member_id=st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=128),
    similarity=MAYBE,
)


def exact(face: FaceObserved) -> bytes:
    """All numbers of a face, bit for bit: -0.0 is not 0.0."""
    rest = (face.age_years, face.female_probability, face.similarity)
    numbers = [*face.box_px, face.score, face.quality, *(face.expression_scores or ())]
    return struct.pack(f"<{len(numbers)}d", *numbers) + repr(rest).encode()


@pytest.mark.parametrize("event", samples(), ids=lambda event: type(event).__name__)
def test_what_is_encoded_is_decoded(event: Any) -> None:
    found = CODEC.decode(CODEC.encode(event))
    assert found == event
    assert repr(found) == repr(event)


@given(
    st.lists(FACES, max_size=3),
    st.integers(0, LATEST_US),
    st.integers(0, MOST),
    st.text(st.sampled_from("aZ09_.@:-é"), min_size=1, max_size=128),
)
def test_any_observation_comes_back_bit_for_bit(
    faces: list[FaceObserved], t_us: int, frame_index: int, stand_id: str
) -> None:
    event = msgspec.structs.replace(
        OBSERVATIONS, faces=tuple(faces), t_us=t_us, frame_index=frame_index, stand_id=stand_id
    )
    found: FaceObservations = CODEC.decode(CODEC.encode(event))
    assert found == event
    assert [exact(face) for face in found.faces] == [exact(face) for face in faces]


def test_whole_numbers_stay_whole_and_floats_stay_floats() -> None:
    face = msgspec.structs.replace(STRANGER, score=1, age_years=30)
    found = CODEC.decode(CODEC.encode(msgspec.structs.replace(OBSERVATIONS, faces=(face,))))
    assert type(found.faces[0].score) is float
    assert type(found.faces[0].age_years) is float
    assert type(found.t_us) is int


def test_every_kind_of_event_has_a_sample() -> None:
    assert {type(event) for event in samples()} == set(EVENTS)


def test_a_message_is_framed_as_confluent_does() -> None:
    ids = {type(event).__name__: CODEC.encode(event)[:5] for event in samples()}
    assert ids["FrameCaptured"] == bytes([0, 0, 0, 0, 1])
    assert ids["DeadLetter"] == bytes([0, 0, 0, 0, 7])


def test_equal_events_give_equal_bytes() -> None:
    again = msgspec.structs.replace(PLAY)
    assert again is not PLAY
    assert CODEC.encode(again) == CODEC.encode(PLAY)


class Refusing:
    """A registry that takes no schema."""

    def id_of(self, subject: str, schema: str) -> int:
        raise UsageError(f"no {subject}")

    def schema_of(self, schema_id: int) -> str:
        raise AssertionError


def test_a_schema_that_the_registry_refuses_stops_the_writer() -> None:
    with pytest.raises(UsageError, match=r"plays\.v1-onlooker\.v1\.Play"):
        AvroCodec(Refusing()).encode(PLAY)
