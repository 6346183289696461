"""The blocks of an Avro object container file: written whole, walked over, and the torn last one noticed."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from schemas.errors import CheckFailedError

SYNC_BYTES = 16
MAGIC = b"Obj\x01"
MOST_BLOCK_BYTES = 1 << 28
"""Nobody writes larger blocks: a number beyond it is damage."""
MOST_HEADER_BYTES = 16 * 1024 * 1024
"""Nor a larger header: it holds a schema."""
_MOST_ENTRIES = 1000
_MOST_VARINT_BYTES = 10


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says about itself. Source: Apache Avro specification, object container files."""

    metadata: dict[str, bytes]
    sync: bytes
    end: int
    """Where the first block begins, bytes."""

    @property
    def codec(self) -> str:
        """How blocks are packed."""
        return self.metadata.get("avro.codec", b"null").decode(errors="replace")

    @property
    def schema(self) -> str:
        """The schema of its records, as JSON; whatever is damaged in it shows when it is read."""
        return self.metadata.get("avro.schema", b"").decode(errors="replace")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Where a block lies."""

    start: int
    body: int
    """Where its packed records begin, bytes."""
    size_bytes: int
    """Of them."""
    count: int

    @property
    def end(self) -> int:
        """Where the next block begins."""
        return self.body + self.size_bytes + SYNC_BYTES


class TornError(Exception):
    """What was being written when the writer died; everything before it is whole."""


def read_header(file: BinaryIO) -> Header:
    """The header of a file, which may be at any position.

    Raises:
        TornError: it ends too early.
        CheckFailedError: it is no Avro file.
    """
    file.seek(0)
    magic = file.read(len(MAGIC))
    if magic != MAGIC[: len(magic)]:
        raise CheckFailedError("it is no Avro file")
    metadata: dict[str, bytes] = {}
    entries = 0
    while count := _varint(file):
        if count < 0:
            _varint(file)
        for _ in range(abs(count)):
            entries += 1
            name = _exactly(file, _varint(file))
            metadata[name.decode(errors="replace")] = _exactly(file, _varint(file))
            if entries > _MOST_ENTRIES or file.tell() > MOST_HEADER_BYTES:
                raise CheckFailedError("its header does not end")
    sync = _exactly(file, SYNC_BYTES)
    return Header(metadata=metadata, sync=sync, end=file.tell())


def blocks_from(file: BinaryIO, start: int, sync: bytes) -> Iterator[Block]:
    """Walk over the whole blocks of a file without reading what is in them.

    Args:
        file: an Avro file.
        start: where a block begins.
        sync: what ends each block.

    Raises:
        TornError: the file ends within a block.
        CheckFailedError: a block in its middle is damaged.
    """
    end = file.seek(0, 2)
    while start < end:
        block = _block_at(file, start, end)
        file.seek(block.end - SYNC_BYTES)
        if file.read(SYNC_BYTES) != sync:
            raise CheckFailedError(f"the block at byte {start} does not end where it should")
        yield block
        start = block.end


def body_of(file: BinaryIO, block: Block, codec: str) -> bytes:
    """The records of a block, unpacked.

    Raises:
        CheckFailedError: it cannot be unpacked.
    """
    file.seek(block.body)
    packed = file.read(block.size_bytes)
    if codec == "null":
        return packed
    if codec != "deflate":
        raise CheckFailedError(f"its blocks are packed by {codec}: only null and deflate are read here")
    unpacking = zlib.decompressobj(wbits=-15)
    try:
        body = unpacking.decompress(packed, MOST_BLOCK_BYTES)
    except zlib.error as error:
        raise CheckFailedError(f"the block at byte {block.start} is damaged: {error}") from error
    if not unpacking.eof:
        raise CheckFailedError(f"the block at byte {block.start} is damaged: it does not end")
    return body


def block_bytes(body: bytes, count: int, sync: bytes, codec: str) -> bytes:
    """Encoded records as a block of a file.

    Returns:
        Count, size, packed records, sync.
    """
    if codec == "deflate":
        packing = zlib.compressobj(wbits=-15)
        body = packing.compress(body) + packing.flush()
    return _encoded(count) + _encoded(len(body)) + body + sync


def _block_at(file: BinaryIO, start: int, end: int) -> Block:
    file.seek(start)
    count, size_bytes = _varint(file), _varint(file)
    if not (0 < count <= MOST_BLOCK_BYTES and 0 < size_bytes <= MOST_BLOCK_BYTES):
        raise CheckFailedError(f"at byte {start} begins no block")
    block = Block(start=start, body=file.tell(), size_bytes=size_bytes, count=count)
    if block.end > end:
        raise TornError(start)
    return block


def _varint(file: BinaryIO) -> int:
    """A zig-zag number of variable length."""
    found = 0
    for place in range(_MOST_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            raise TornError
        found |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return (found >> 1) ^ -(found & 1)
    raise CheckFailedError("a number is too long")


def _encoded(number: int) -> bytes:
    rest = number << 1
    found = bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    found.append(rest)
    return bytes(found)


def _exactly(file: BinaryIO, size_bytes: int) -> bytes:
    if not 0 <= size_bytes <= MOST_HEADER_BYTES:
        raise CheckFailedError("its header is damaged")
    found = file.read(size_bytes)
    if len(found) < size_bytes:
        raise TornError
    return found
