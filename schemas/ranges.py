"""Ranges that a setting must keep to: refused when the configuration is read, not when it hurts."""

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rate = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Degrees = Annotated[float, msgspec.Meta(ge=0, le=180)]
Count = Annotated[int, msgspec.Meta(ge=1)]
