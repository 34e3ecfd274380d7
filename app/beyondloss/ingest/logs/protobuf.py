"""Just enough of the protocol buffer wire format to read TensorBoard events; no schema, no dependency.

https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class DamagedMessage(ValueError):
    """The bytes are not a message."""


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) in order: an int for varints, the raw bytes for everything else."""
    offset, end = 0, len(data)
    while offset < end:
        tag, offset = _varint(data, offset)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, offset = _varint(data, offset)
            yield number, value
            continue
        if kind == BYTES:
            length, offset = _varint(data, offset)
        elif kind == FIXED64:
            length = 8
        elif kind == FIXED32:
            length = 4
        else:
            raise DamagedMessage(f"wire type {kind}")
        if offset + length > end:
            raise DamagedMessage("a field is longer than its message")
        yield number, data[offset : offset + length]
        offset += length


def float64(data: int | bytes) -> float:
    return float(struct.unpack("<d", data)[0]) if isinstance(data, bytes) and len(data) == 8 else float("nan")


def float32(data: int | bytes) -> float:
    return float(struct.unpack("<f", data[:4])[0]) if isinstance(data, bytes) and len(data) >= 4 else float("nan")


def signed(value: int | bytes) -> int:
    """An int64 as written in a varint: negative numbers take all 64 bits."""
    if isinstance(value, bytes):
        raise DamagedMessage("a number was expected")
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if offset >= len(data) or shift > 63:
            raise DamagedMessage("a number does not end")
        byte = data[offset]
        value |= (byte & 0x7F) << shift
        offset += 1
        if byte < 0x80:
            return value, offset
        shift += 7
