"""Made-up pictures: noise with the spectrum of photographs, and what encoders make of it. Needs the `images` extra."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def natural(height: int, width: int, seed: int = 1, *, slope: float = 1.0) -> Pixels:
    """Red, green and blue whose amplitudes fall with frequency, as those of photographs do (Field, 1987)."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    frequency[0, 0] = 1
    layers = []
    for _ in range(3):
        spectrum = np.fft.fft2(rng.standard_normal((height, width))) / frequency**slope
        spectrum[0, 0] = 0
        layer = np.fft.ifft2(spectrum).real
        layers.append(layer / layer.std() * 50 + 120)
    mixed = np.stack([0.8 * layers[0] + 0.2 * layer for layer in layers], axis=-1)
    pixels: Pixels = np.clip(mixed, 0, 255).astype(np.uint8)
    return pixels


def image_of(pixels: NDArray[Any]) -> Any:
    """A Pillow image."""
    from PIL import Image  # type: ignore[import-not-found,unused-ignore]  # optional extra

    return Image.fromarray(pixels)


def encoded(pixels: NDArray[Any], form: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture in a format."""
    out = io.BytesIO()
    image_of(pixels).save(out, form, **options)
    return out.getvalue()


def turned(pixels: NDArray[Any], orientation: int, form: str = "JPEG") -> bytes:
    """A picture that its EXIF data turns."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(pixels, form, exif=exif)


def animated(frames: list[Pixels], form: str = "GIF") -> bytes:
    """An animation, without loss where the format can."""
    options = {"lossless": True} if form == "WEBP" else {}
    images = [image_of(frame) for frame in frames]
    out = io.BytesIO()
    images[0].save(out, form, save_all=True, append_images=images[1:], duration=40, loop=0, **options)
    return out.getvalue()
