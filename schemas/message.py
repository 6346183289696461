"""What is about a message and not about the stand: Kafka headers, and their reading."""

from collections.abc import Iterable

import msgspec

Header = tuple[str, bytes]

CAPTURED = "captured_us"
PRODUCED = "produced_us"
PRODUCER = "producer"
REPEATED = "repeated"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Headers of one message. They never enter a figure."""

    producer: str
    """Service and instance, for example `capture@box-3`."""
    produced_us: int
    """Wall clock when it was handed to the broker, us UTC."""
    captured_us: int | None = None
    """Wall clock when the frame that led to this was captured, us UTC: end-to-end latency begins here."""
    repeated: bool = False
    """It may have been sent before (as MQTT's DUP flag): whoever stores it looks whether it is there."""

    def headers(self) -> list[Header]:
        """As Kafka carries them."""
        found = [(PRODUCER, self.producer.encode()), (PRODUCED, str(self.produced_us).encode())]
        if self.captured_us is not None:
            found.append((CAPTURED, str(self.captured_us).encode()))
        if self.repeated:
            found.append((REPEATED, b"1"))
        return found


def captured_us_of(headers: Iterable[Header] | None) -> int | None:
    """When the frame behind a message was captured; anybody may have written its headers.

    Returns:
        us UTC; None when it is not said or not a number.
    """
    value = dict(headers or ()).get(CAPTURED)
    return int(value) if value is not None and value.isdigit() and len(value) < 18 else None


def is_repeated(headers: Iterable[Header] | None) -> bool:
    """Whether a message may have been sent before: its producer said so."""
    return dict(headers or ()).get(REPEATED) == b"1"
