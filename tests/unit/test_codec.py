"""The codec: what goes in comes out, bit for bit, in the form that other tools expect."""

from typing import Any

import pytest

from schemas.avsc import EVENTS
from schemas.codec import AvroCodec
from schemas.registry import FileRegistry
from tests.event_samples import samples

CODEC = AvroCodec(FileRegistry())


@pytest.mark.parametrize("event", samples(), ids=lambda event: type(event).__name__)
def test_what_is_encoded_is_decoded(event: Any) -> None:
    assert CODEC.decode(CODEC.encode(event)) == event


def test_every_kind_of_event_has_a_sample() -> None:
    assert {type(event) for event in samples()} == set(EVENTS)


def test_a_message_is_framed_as_confluent_does() -> None:
    ids = {type(event).__name__: CODEC.encode(event)[:5] for event in samples()}
    assert ids["FrameCaptured"] == bytes([0, 0, 0, 0, 1])
    assert ids["DeadLetter"] == bytes([0, 0, 0, 0, 7])
