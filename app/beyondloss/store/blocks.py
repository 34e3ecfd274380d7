"""How a stretch of a curve is kept as bytes: columns, bytes of one weight together, deflated.

Losses share their high bytes and steps their distance, so a noisy curve takes some 7 bytes a point (measured; a tenth
more for its levels). The first byte is the version of the layout; a reader refuses what it does not know.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from beyondloss.analysis.curve import Curve, curve_of
from beyondloss.errors import StoreUnavailable

_HEADER = struct.Struct("<BBI")
_VERSION = 1
_COMPRESSION = 4
"""Deflate level: above it a block shrinks by another 1 % and takes three times as long."""


def packed(curve: Curve, *, thin: bool) -> bytes:
    """A `thin` curve takes its deviations and noise along; a whole one finds them again from its points."""
    gaps = np.diff(curve.steps, prepend=curve.steps[:1] * 0)
    columns = [_by_weight(gaps.astype("<i8")), _by_weight(curve.values.astype("<f8"))]
    if thin:
        with np.errstate(over="ignore"):
            columns += [_by_weight(curve.deviations.astype("<f4")), _by_weight(curve.noise.astype("<f4"))]
    return _HEADER.pack(_VERSION, thin, len(curve)) + zlib.compress(b"".join(columns), _COMPRESSION)


def unpacked(data: bytes) -> Curve:
    version, thin, count = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise StoreUnavailable(
            "The curve was stored by a newer BeyondLoss.", hint="Upgrade: pip install -U beyondloss."
        )
    columns = zlib.decompress(memoryview(data)[_HEADER.size :])
    steps = np.cumsum(_from_weight(columns, "<i8", count, 0).astype(np.int64))
    values = _from_weight(columns, "<f8", count, 8 * count).astype(np.float64)
    if not thin:
        return curve_of(steps, values)
    return Curve(
        steps,
        values,
        _from_weight(columns, "<f4", count, 16 * count).astype(np.float64),
        _from_weight(columns, "<f4", count, 20 * count).astype(np.float64),
    )


def _by_weight(column: NDArray[np.generic]) -> bytes:
    """(N,) numbers of w bytes as w rows of N bytes: what is alike comes to lie together."""
    return column.view(np.uint8).reshape(len(column), column.itemsize).T.tobytes()


def _from_weight(columns: bytes, kind: str, count: int, offset: int) -> NDArray[np.generic]:
    width = np.dtype(kind).itemsize
    rows = np.frombuffer(columns, np.uint8, count * width, offset).reshape(width, count)
    return np.ascontiguousarray(rows.T).reshape(-1).view(kind)
