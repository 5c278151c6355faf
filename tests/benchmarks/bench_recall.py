"""How many changed copies of a picture PDQ still finds: at a distance of 31 or less, and with an equal value.

Run it as `python -m benchmarks.bench_recall` with `tests` and the repository on the path. Pictures are noise with the
spectrum of photographs: no edges, no faces, so that figures say how changes compare and not what an archive will see.
"""

import io
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from benchmarks.results import Better, Result, report
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter  # type: ignore[import-not-found,unused-ignore]

from node.hashing.pdq import pdq
from support.pictures import image_of, natural

PICTURES = 100
WIDTH, HEIGHT = 640, 480
SLOPE = 1.2
MOST = 31
"""Bits; what PDQ's authors recommend."""

Change = Callable[[Any], Any]


def _recompressed(form: str, quality: int) -> Change:
    def change(image: Any) -> Any:
        out = io.BytesIO()
        image.save(out, form, quality=quality)
        return Image.open(out)

    return change


def _resized(factor: float) -> Change:
    return lambda image: image.resize(
        (round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS
    )


def _cropped(share: float) -> Change:
    """Cut off `share` of the width and of the height, evenly on all sides."""

    def change(image: Any) -> Any:
        across, down = image.width * share / 2, image.height * share / 2
        return image.crop(
            (round(across), round(down), round(image.width - across), round(image.height - down))
        )

    return change


def _watermarked(share: float) -> Change:
    """A white bar with stripes over `share` of the height, half transparent."""

    def change(image: Any) -> Any:
        marked, height = image.copy(), round(image.height * share)
        draw = ImageDraw.Draw(marked)
        draw.rectangle((0, image.height - height, image.width, image.height), fill="white")
        for start in range(0, image.width, 24):
            draw.rectangle((start, image.height - height // 2, start + 9, image.height), fill="black")
        return Image.blend(image, marked, 0.5)

    return change


def _bordered(share: float) -> Change:
    def change(image: Any) -> Any:
        wide = round(image.width * share)
        framed = Image.new("RGB", (image.width + 2 * wide, image.height + 2 * wide))
        framed.paste(image, (wide, wide))
        return framed

    return change


CHANGES: Final[tuple[tuple[str, Change, float], ...]] = (
    ("JPEG of quality 75", _recompressed("JPEG", 75), 0.99),
    ("JPEG of quality 30", _recompressed("JPEG", 30), 0.99),
    ("JPEG of quality 10", _recompressed("JPEG", 10), 0.95),
    ("WebP of quality 50", _recompressed("WEBP", 50), 0.99),
    ("half the size", _resized(0.5), 0.99),
    ("an eighth of the size", _resized(0.125), 0.95),
    ("twice the size", _resized(2), 0.99),
    ("grey", lambda image: image.convert("L"), 0.99),
    ("blur of 2 pixels", lambda image: image.filter(ImageFilter.GaussianBlur(2)), 0.99),
    ("blur of 5 pixels", lambda image: image.filter(ImageFilter.GaussianBlur(5)), 0.95),
    ("brightness by 25 % more", lambda image: ImageEnhance.Brightness(image).enhance(1.25), 0.95),
    ("brightness by 25 % less", lambda image: ImageEnhance.Brightness(image).enhance(0.75), 0.99),
    ("contrast by 40 % more", lambda image: ImageEnhance.Contrast(image).enhance(1.4), 0.95),
    ("watermark over 5 % of the height", _watermarked(0.05), 0.9),
    ("watermark over 15 % of the height", _watermarked(0.15), 0.9),
    ("1 % cropped", _cropped(0.01), 0.9),
    ("2 % cropped", _cropped(0.02), 0.9),
    ("5 % cropped", _cropped(0.05), 0.0),
    ("10 % cropped", _cropped(0.1), 0.0),
    ("border of 1 %", _bordered(0.01), 0.0),
    ("border of 5 %", _bordered(0.05), 0.0),
    ("turned by 1 degree", lambda image: image.rotate(1, Image.Resampling.BICUBIC), 0.0),
    ("turned by 3 degrees", lambda image: image.rotate(3, Image.Resampling.BICUBIC), 0.0),
    ("mirrored", lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 0.0),
)
"""A change, and the share that has to be found; nothing is asked of those that PDQ is not made for."""


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """The share found of each change, and of pictures that have nothing to do with each other."""
    images = [
        image_of(natural(HEIGHT, WIDTH, seed, slope=SLOPE)) for seed in range(max(2, PICTURES // divisor))
    ]
    values = [_value(image) for image in images]
    for name, change, least in CHANGES:
        distances = [
            (value ^ _value(change(image))).bit_count() for image, value in zip(images, values, strict=True)
        ]
        yield Result(
            name=f"recall of PDQ, {name}",
            value=sum(distance <= MOST for distance in distances) / len(distances),
            limit=least or 1,
            better=Better.HIGHER if least else Better.LOWER,
            unit="%",
            detail=f"median distance {statistics.median(distances):g}, "
            f"equal value {distances.count(0) / len(distances):.0%}",
        )


def _value(image: Any) -> int:
    return int.from_bytes(pdq(np.asarray(image.convert("RGB"))).value)


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
