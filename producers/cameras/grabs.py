"""The port of a camera: what grabbing a picture may give, and how it is lost."""

from typing import Protocol

import msgspec

from schemas.errors import DependencyAwayError
from schemas.ports import Pixels


class Grab(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A grabbed picture; `position_us` is its place in a recording, None for a live camera."""

    picture: Pixels
    position_us: int | None


class BadPicture(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of the source could not be decoded; the source goes on."""

    name: str
    cause: str
    detail: str


class EndOfSource(msgspec.Struct, frozen=True, kw_only=True):
    """The source has no more pictures; `missing_frames` is how many its header promised beyond that."""

    missing_frames: int = 0


class CameraLostError(DependencyAwayError):
    """A camera does not open or gives no more pictures.

    Args:
        cause: one of the words that counters use: `empty`, `cannot_open`, `too_large`, `read_failed`.
        detail: a sentence for a person, without credentials.
    """

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class Camera(Protocol):
    """An opened source of pictures, used by one thread at a time."""

    def read(self) -> Grab | BadPicture | EndOfSource:
        """The next picture.

        Raises:
            CameraLostError: the source gives nothing any more.
        """
        ...

    def close(self) -> None:
        """Let the source go; closing twice is harmless."""
        ...
