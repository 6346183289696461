"""Checkpoints: a stand's state together with the offsets that it covers, as the bytes that are kept."""

from collections.abc import Mapping
from typing import Any, Protocol

import lz4.frame
import msgspec

from processors.topology import StageName
from schemas.errors import UsageError
from schemas.topics import Topic

CHECKPOINT_VERSION = 1
"""Raised when the envelope changes; what is inside has a version of its own."""
MOST_BYTES = 64 * 1024 * 1024
"""Of a checkpoint that is unpacked: no stand's state comes near it."""


class Keeper(Protocol):
    """Turns a stage's state of a stand into bytes and back."""

    def kept(self, state: Any) -> bytes:
        """The state as bytes; nothing in them may be a picture or a face template."""
        ...

    def restored(self, kept: bytes) -> Any:
        """The state that goes on from there."""
        ...


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one stand by one stage."""

    checkpoint_version: int = CHECKPOINT_VERSION
    stage: StageName
    stand_id: str
    through: dict[Topic, int]
    """Last offset of each topic that the state has in it; events up to there must not enter again."""
    state: bytes
    incarnations: dict[Topic, str] = {}
    """Which topic of its name each offset counts in; missing in what earlier programs have written."""


class _Versioned(msgspec.Struct):
    checkpoint_version: int


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """MessagePack in an LZ4 frame: a third smaller, at a fifteenth of the cost of deflating it."""
    data: bytes = lz4.frame.compress(msgspec.msgpack.encode(checkpoint))
    return data


def checkpoint_from(data: bytes, stage: StageName) -> Checkpoint:
    """The checkpoint that `checkpoint_bytes` turned into bytes.

    Raises:
        UsageError: it is damaged, of another version, or of another stage.
    """
    try:
        plain = _unpacked(data)
        version = msgspec.msgpack.decode(plain, type=_Versioned).checkpoint_version
        checkpoint = msgspec.msgpack.decode(plain, type=Checkpoint) if version == CHECKPOINT_VERSION else None
    except (RuntimeError, RecursionError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"A checkpoint of {stage} is damaged ({error}); remove its topic to begin anew."
        ) from error
    if checkpoint is None:
        raise UsageError(
            f"A checkpoint of {stage} has version {version}, this program needs {CHECKPOINT_VERSION}: "
            "let the program that wrote it end its streams, then remove the topic."
        )
    if checkpoint.stage != stage:
        raise UsageError(f"A checkpoint of {checkpoint.stage} lies where those of {stage} should be.")
    return checkpoint


def _unpacked(data: bytes) -> bytes:
    """What was packed: a few bytes may say that they are gigabytes."""
    unpacking = lz4.frame.LZ4FrameDecompressor()
    plain: bytes = unpacking.decompress(data, max_length=MOST_BYTES)
    if not unpacking.eof:
        raise RuntimeError(f"it does not end within {MOST_BYTES} bytes")
    return plain


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """A stand's state and the offsets that it covers."""

    state: Any
    through: Mapping[Topic, int]
    incarnations: Mapping[Topic, str]
    unproven: frozenset[Topic] = frozenset()
    """Of `through`, those that have not been compared yet with the topics as they are."""
