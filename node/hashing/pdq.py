"""PDQ of an array of pixels: bit for bit what the reference implementation computes, at several times its speed.

PDQ is a picture's brightness, blurred twice by a box, reduced to 64 by 64 points and transformed by a DCT, of which 16
by 16 coefficients are kept: each is a bit, above the median or not (Meta, "The TMK+PDQF video-hashing algorithm and the
PDQ image-hashing algorithm", 2019). All before the bits is linear, so that blur and reduction are two products with
banded matrices. The reference adds up in single precision, and its errors depend on the order of its additions: where
they could decide a bit or the quality, everything is computed once more with the very operations of the reference
(`node.hashing.pdq_exact`). Pictures without content are such, and few others. Decides nothing about files.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from node.hashing.pdq_exact import (
    DCT,
    LUMA,
    MEDIAN,
    MIN_SIDE,
    SIDE,
    Floats,
    Pdq,
    Pixels,
    bits_of,
    exact_pdq,
    points,
    window,
)

_BANDED_FROM: Final = 256
"""Length of a side from which on products with bands cost less than one with the whole matrix."""
_GAP: Final = 2.0**-6
"""Difference of the two coefficients in the middle that no rounding bridges: errors measured are below 0.003."""
_STEP: Final = 2.0**-8
"""Levels of brightness by which no step between two points is off: errors measured are below 0.002."""
_USUAL: Final = 8192
"""Pixels of a side up to which both hold; errors grow with the number of additions."""
_HUNDREDTHS: Final = 100 / 255
_STEPS_A_QUALITY: Final = 90


def pdq(pixels: Pixels) -> Pdq:
    """The PDQ value of a picture; 32 zero bytes of quality 0 where a side is shorter than `MIN_SIDE`."""
    if min(pixels.shape[:2]) < MIN_SIDE:
        return Pdq(bytes(32), 0)
    quick = _quick(pixels)
    return exact_pdq(pixels) if quick is None else quick


def _quick(pixels: Pixels) -> Pdq | None:
    """The value by matrix products; None where rounding could decide."""
    reduced = _reduced(pixels)
    scale = max(1.0, max(pixels.shape[:2]) / _USUAL)
    dct = (DCT @ reduced @ DCT.T).astype(np.float32, copy=False)
    ordered = np.sort(dct, axis=None)
    if ordered[MEDIAN + 1] - ordered[MEDIAN] < _GAP * scale:
        return None
    quality = _sure_quality(reduced, _STEP * scale)
    return None if quality is None else Pdq(bits_of(dct, ordered[MEDIAN]), quality)


def _sure_quality(reduced: Floats, tolerance: float) -> int | None:
    """The quality, if it is the same at both ends of what each step can be."""
    steps = np.concatenate([np.diff(reduced, axis=0).ravel(), np.diff(reduced, axis=1).ravel()])
    sizes = np.abs(steps)
    low, high = (
        min(100, int((levels * _HUNDREDTHS).astype(np.int32).sum()) // _STEPS_A_QUALITY)
        for levels in (np.maximum(sizes - tolerance, 0), sizes + tolerance)
    )
    return low if low == high else None


def _reduced(pixels: Pixels) -> Floats:
    """The 64 by 64 points of brightness, to within rounding."""
    height, width = pixels.shape[:2]
    lines = _along(pixels.reshape(height, -1))
    if pixels.ndim == 3:
        lines = lines.reshape(SIDE, width, 3) @ np.array(LUMA, np.float32)
    return _along(np.ascontiguousarray(lines.T)).T


def _along(lines: Floats | Pixels) -> Floats:
    """64 points for each column of `lines`."""
    length = len(lines)
    if length < _BANDED_FROM:
        return _matrix(length) @ lines.astype(np.float32)
    found = np.empty((SIDE, lines.shape[1]), np.float32)
    for row, (start, weights) in zip(found, _bands(length), strict=True):
        np.matmul(weights, lines[start : start + len(weights)].astype(np.float32), out=row)
    return found


@lru_cache(maxsize=64)
def _bands(length: int) -> Sequence[tuple[int, Floats]]:
    """For each of the 64 points of a side: from which pixel on both boxes take into account how much."""
    size = window(length)
    behind, ahead = (size - 1) // 2, size // 2
    bands = []
    for point in points(length):
        middles = np.arange(max(0, point - behind), min(length, point + ahead + 1))
        starts, ends = np.maximum(0, middles - behind), np.minimum(length, middles + ahead + 1)
        changes = np.zeros(ends[-1] - starts[0] + 1)
        np.add.at(changes, starts - starts[0], 1 / (ends - starts) / len(middles))
        np.add.at(changes, ends - starts[0], -1 / (ends - starts) / len(middles))
        bands.append((int(starts[0]), np.cumsum(changes)[:-1].astype(np.float32)))
    return bands


@lru_cache(maxsize=_BANDED_FROM)
def _matrix(length: int) -> Floats:
    """The bands of a short side in one matrix."""
    found = np.zeros((SIDE, length), np.float32)
    for row, (start, weights) in zip(found, _bands(length), strict=True):
        row[start : start + len(weights)] = weights
    return found
