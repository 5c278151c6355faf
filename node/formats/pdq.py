"""PDQ of an encoded image, when the `images` extra is installed; profile `pdq/1/full`.

Decoding a stranger's image is the risk here: dimensions are read before pixels, and any fault of the decoder
means "no PDQ value", because the exact hashes of the file stand without it.
"""

import importlib
import io
import warnings
from typing import Any

import numpy as np

from protocol.digest import Algorithm, Digest, degenerate

MAX_PIXELS = 100_000_000
"""Width times height; more is refused before a pixel is decoded (decompression bombs)."""

MIN_QUALITY = 50
"""PDQ's own measure, 0 to 100: below it unrelated pictures collide (the bound its authors recommend)."""


class PdqHasher:
    """Computes PDQ with `pdqhash` and Pillow; raises ImportError when the `images` extra is not installed."""

    def __init__(self) -> None:
        self._image: Any = importlib.import_module("PIL.Image")
        self._pdqhash: Any = importlib.import_module("pdqhash")

    def __call__(self, data: bytes) -> Digest | None:
        """The PDQ digest, or None: not an image, too large, damaged, of low quality or degenerate."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                bits, quality = self._compute(data)
            except Exception:  # noqa: BLE001 - decoders raise anything on damaged input; the exact hashes stand
                return None
        if quality < MIN_QUALITY:
            return None
        digest = Digest(Algorithm.PDQ, np.packbits(np.asarray(bits, dtype=np.uint8)).tobytes())
        return None if degenerate(digest) else digest

    def _compute(self, data: bytes) -> tuple[Any, int]:
        with self._image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                return (), 0
            bits, quality = self._pdqhash.compute(np.asarray(image.convert("RGB")))
        return bits, int(quality)


def installed_hasher() -> PdqHasher | None:
    """A hasher when the `images` extra is there, else None."""
    try:
        return PdqHasher()
    except ImportError:
        return None
