"""PDQ against the reference implementation: every bit and the quality, of every kind of picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.hashing import pdq as quick
from node.hashing.pdq import pdq
from node.hashing.pdq_exact import MIN_SIDE, Pdq, Pixels, exact_pdq
from support.pictures import natural

pdqhash = pytest.importorskip(
    "pdqhash", reason="pip install -e '.[peers]' (compiles: apt install g++ python3-dev)"
)


def reference(pixels: Pixels) -> Pdq:
    colours = np.ascontiguousarray(pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1))
    bits, quality = pdqhash.compute(colours)
    return Pdq(np.packbits(bits).tobytes(), quality)


SIZES = [
    (1, 1),
    (1, 500),
    (4, 4),
    (5, 5),
    (5, 1000),
    (1000, 5),
    (7, 64),
    (63, 65),
    (64, 64),
    (64, 65),
    (127, 128),
    (128, 129),
    (200, 64),
    (255, 257),
    (256, 256),
    (481, 640),
]


def grey(pattern: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Pixels:
    return np.stack([pattern.astype(np.uint8)] * 3, axis=-1)


def kinds(height: int, width: int) -> dict[str, Pixels]:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    rng = np.random.default_rng(height * 10_000 + width)
    dot = np.zeros((height, width, 3), np.uint8)
    dot[height // 2, width // 3] = 255
    return {
        "natural": natural(height, width, 3) if min(height, width) > 1 else dot,
        "noise": rng.integers(0, 256, (height, width, 3), np.uint8),
        "nearly white": rng.integers(245, 256, (height, width, 3), np.uint8),
        "black": np.zeros((height, width, 3), np.uint8),
        "white": np.full((height, width, 3), 255, np.uint8),
        "flat": np.full((height, width, 3), (77, 130, 201), np.uint8),
        "dot": dot,
        "ramp": grey(x * 255 / width),
        "stripes": grey(y // 4 % 2 * 255),
        "chess board": grey((x // 8 + y // 8) % 2 * 255),
        "halves": grey((x > width / 2) * 255.0),
        "waves": grey((np.sin(x / 9) + np.cos(y / 17)) * 60 + 128),
        "two dimensions": grey((np.sin(x / 9) + np.cos(y / 17)) * 60 + 128)[:, :, 0],
        "turned view": natural(max(2, width), max(2, height), 4).swapaxes(0, 1),
    }


@pytest.mark.parametrize("size", SIZES, ids=[f"{width}x{height}" for height, width in SIZES])
def test_it_is_what_the_reference_says(size: tuple[int, int]) -> None:
    for name, pixels in kinds(*size).items():
        assert (name, pdq(pixels)) == (name, reference(pixels))
        if min(size) >= MIN_SIDE:
            assert (name, exact_pdq(pixels)) == (name, reference(pixels))


def test_a_large_picture() -> None:
    pixels = natural(1999, 1501)
    assert pdq(pixels) == exact_pdq(pixels) == reference(pixels)


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.5, 2.0])
def test_pictures_like_photographs_take_the_quick_way_and_agree(slope: float) -> None:
    slow = 0
    for seed in range(20):
        pixels = natural(300 + 7 * seed, 500 - 5 * seed, seed, slope=slope)
        assert pdq(pixels) == reference(pixels)
        slow += quick._quick(pixels) is None
    assert slow <= 5


@given(
    st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1), st.integers(0, 255), st.booleans()
)
def test_random_pictures_of_random_sizes(height: int, width: int, seed: int, low: int, smooth: bool) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(low, 256, (height, width, 3), np.uint8)
    if smooth:
        pixels = np.sort(np.sort(pixels, axis=0), axis=1)
    assert pdq(pixels) == reference(pixels)


@settings(max_examples=10)
@given(st.integers(300, 2000), st.integers(5, 400), st.integers(0, 2**32 - 1), st.booleans())
def test_long_pictures(length: int, breadth: int, seed: int, tall: bool) -> None:
    size = (length, breadth) if tall else (breadth, length)
    pixels = natural(*size, seed)
    assert pdq(pixels) == reference(pixels)


def test_the_value_is_not_shown() -> None:
    found = pdq(natural(100, 100))
    assert repr(found) == f"Pdq(quality={found.quality})"
