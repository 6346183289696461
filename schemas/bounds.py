"""What a value of an event may be: checked when a message is read, so that every store can hold it."""

from typing import Annotated

import msgspec

from schemas.units import US_PER_MS

LATEST_US = 10_413_791_999_999_999
"""2299-12-31 23:59:59.999999 UTC, the last instant of ClickHouse's DateTime64(6)."""
MOST = 2**63 - 1
"""The largest integer that Avro knows."""
MOST_FACES = 1000
FRAME_BYTES = 4 * 1024 * 1024 + 64 * 1024
"""The largest message with a picture, its headers included; no other event is larger."""
LETTER_BYTES = FRAME_BYTES + 192 * 1024
"""The largest dead letter: it holds such a message whole, and says why it was set aside."""
MOST_LABEL = 256
MOST_WORDS = 4096

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"\A[\w.@:-]+\Z")]
"""Name of a stand, camera, campaign or creative: the alphabet that configurations keep to."""
MemberId = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"\A[^\x00-\x1f\x7f]+\Z")]
"""Name of a loyal customer, as enrolled; no control characters."""
Label = Annotated[str, msgspec.Meta(max_length=MOST_LABEL)]
"""A version or a word."""
Words = Annotated[str, msgspec.Meta(max_length=MOST_WORDS)]
"""A sentence for a person."""
InstantUs = Annotated[int, msgspec.Meta(ge=0, le=LATEST_US)]
"""Event time, microseconds UTC."""
DurationUs = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
SecondUs = Annotated[int, msgspec.Meta(ge=0, le=(2**32 - 1) * US_PER_MS)]
"""A duration whose milliseconds fill 32 bits at most."""
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
SmallCount = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Whole32 = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""A number of a partition."""
SizePx = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Number = Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]
"""A finite measurement; neither NaN nor infinity, nor so large that its square overflows."""
