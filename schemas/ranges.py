"""Ranges that a setting must keep to: refused when the configuration is read, not when it hurts."""

from typing import Annotated

import msgspec

LONGEST_S = 1e9
"""Thirty years: what is longer is no duration that is meant, and no clock takes it."""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rate = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=LONGEST_S)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
Answer = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
"""How long an answer may take, s: libraries count milliseconds in 32 bits."""
Session = Annotated[float, msgspec.Meta(ge=0.1, le=1_800)]
"""How long a member of a group may be silent, s; brokers allow no more than half an hour."""
Fps = Annotated[float, msgspec.Meta(ge=0.001, le=1_000)]
"""Frames/s."""
Degrees = Annotated[float, msgspec.Meta(ge=0, le=180)]
Bearing = Annotated[float, msgspec.Meta(ge=-360, le=360)]
Edge = Annotated[float, msgspec.Meta(ge=-1, le=2)]
"""A place in or beside a picture, in fractions of its width or height."""
Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
