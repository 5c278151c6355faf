"""PDQ in the very operations of the reference implementation, in its order and its precision.

Every sum below is of single-precision numbers one after the other, as in the reference (`pdqhash` 0.2.8, which is the
C++ of ThreatExchange behind a brightness computed with numpy), so that even a picture without content, whose bits are
nothing but rounding errors, has the same value. Slower than `node.hashing.pdq`, which asks only where it has to.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Height by width of grey, or height by width by 3 of red, green and blue."""
Floats = NDArray[np.float32]

MIN_SIDE: Final = 5
"""Pixels of the shorter side below which there is no value."""
SIDE: Final = 64
MEDIAN: Final = 127
"""Place of the median among 256 coefficients in order: the lower one of the two in the middle."""
LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue."""

_ROWS: Final = 64
_FREQUENCIES: Final = np.arange(1, 17, dtype=np.float64)[:, None]
_PLACES: Final = 2 * np.arange(SIDE, dtype=np.float64) + 1
DCT: Final[Floats] = (
    np.float64(np.float32(np.sqrt(2 / SIDE))) * np.cos(np.pi / 2 / SIDE * _FREQUENCIES * _PLACES)
).astype(np.float32)
"""Rows 1 to 16 of a DCT of 64 points."""


@dataclass(frozen=True, slots=True)
class Pdq:
    """A value of 32 bytes and its quality, from 0 to 100."""

    value: bytes = field(repr=False)
    quality: int


def window(length: int) -> int:
    """Width of the box along a side."""
    return (length + 2 * SIDE - 1) // (2 * SIDE)


def points(length: int) -> list[int]:
    """Which 64 pixels of a blurred side are taken: the middle of each share."""
    return [int((at + 0.5) * length / SIDE) for at in range(SIDE)]


def bits_of(dct: Floats, median: np.float32) -> bytes:
    """The value: the last coefficient is the first bit."""
    return np.packbits((dct > median).ravel()[::-1]).tobytes()


def exact_pdq(pixels: Pixels) -> Pdq:
    """The PDQ value of a picture with no side shorter than `MIN_SIDE`."""
    reduced = _reduced(_brightness(pixels))
    dct = _transformed(reduced)
    return Pdq(bits_of(dct, np.sort(dct, axis=None)[MEDIAN]), _quality(reduced))


def _brightness(pixels: Pixels) -> Floats:
    """In double precision, then rounded; some rows at a time, because that is eight bytes for each of three."""
    found = np.empty(pixels.shape[:2], np.float32)
    for start in range(0, len(pixels), _ROWS):
        some = pixels[start : start + _ROWS]
        red, green, blue = np.moveaxis(some, 2, 0) if some.ndim == 3 else (some,) * 3
        found[start : start + _ROWS] = red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]
    return found


def _reduced(brightness: Floats) -> Floats:
    height, width = brightness.shape
    if height == width == SIDE:
        return brightness
    for _ in range(2):
        brightness = _box(np.ascontiguousarray(brightness.T), window(width)).T
        brightness = _box(np.ascontiguousarray(brightness), window(height))
    return brightness[np.ix_(points(height), points(width))]


def _box(lines: Floats, size: int) -> Floats:
    """The mean of the `size` lines around each, of fewer at both ends: one running sum of what enters and leaves."""
    length, ahead = len(lines), size // 2
    means = np.empty_like(lines)
    total = np.zeros(lines.shape[1], np.float32)
    held = 0
    for at in range(length + ahead):
        if at < length:
            total += lines[at]
            held += 1
        if at >= size:
            total -= lines[at - size]
            held -= 1
        if at >= ahead:
            np.divide(total, np.float32(held), out=means[at - ahead])
    return means


def _transformed(reduced: Floats) -> Floats:
    half = np.zeros((16, SIDE), np.float32)
    for column, row in zip(DCT.T, reduced, strict=True):
        half += column[:, None] * row
    dct = np.zeros((16, 16), np.float32)
    for one, other in zip(half.T, DCT.T, strict=True):
        dct += one[:, None] * other
    return dct


def _quality(reduced: Floats) -> int:
    """How much there is to see: the sum of all whole steps of brightness, in hundredths of full scale."""
    total = 0
    for steps in (reduced[:-1] - reduced[1:], reduced[:, :-1] - reduced[:, 1:]):
        total += int(np.abs((steps * np.float32(100) / np.float32(255)).astype(np.int32)).sum())
    return min(100, total // 90)
