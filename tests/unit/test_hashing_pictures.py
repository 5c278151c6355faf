import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from node.hashing.file_hashes import Fault, Part
from node.hashing.magic import kind_of
from node.hashing.pdq import pdq
from node.hashing.pictures import look_at_picture
from node.hashing.plan import MISSING_IMAGES, Bounds, HashPlan, Profile
from protocol.digest import Algorithm, Digest
from support.pictures import animated, encoded, image_of, natural, turned

pytest.importorskip("PIL", reason="needs the images extra: pip install -e '.[images]'")

PICTURE = natural(200, 300)


def looked(data: bytes, plan: HashPlan = HashPlan()) -> list[Part | Fault]:  # noqa: B008 - frozen
    kind = kind_of(data[:512])
    assert kind is not None
    return list(look_at_picture(io.BytesIO(data), kind.name, plan))


def value(pixels: "np.ndarray[Any, np.dtype[np.uint8]]") -> Digest:
    return Digest(Algorithm.PDQ, pdq(np.ascontiguousarray(pixels)).value)


def distance(one: Digest, other: Digest) -> int:
    return (int.from_bytes(one.value) ^ int.from_bytes(other.value)).bit_count()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_every_format_gives_the_value_of_its_pixels(form: str) -> None:
    from PIL import Image

    data = encoded(PICTURE, form)
    with Image.open(io.BytesIO(data)) as image:
        expected = value(np.asarray(image.convert("RGB")))
    assert looked(data) == [Part("", (expected,))]
    assert distance(expected, value(PICTURE)) <= 16


GREY = PICTURE[:, :, 1]
MODES: dict[str, tuple[Callable[[], bytes], "np.ndarray[Any, np.dtype[np.uint8]]"]] = {
    "grey": (lambda: encoded(GREY), GREY),
    "alpha is dropped": (lambda: encoded(np.dstack([PICTURE, GREY])), PICTURE),
    "grey with alpha": (lambda: encoded(np.dstack([GREY, GREY[::-1]])), GREY),
    "16 bits": (lambda: encoded(GREY.astype(np.uint16) * 257), GREY),
    "16 bits in TIFF": (lambda: encoded(GREY.astype(np.uint16) * 256 + 99, "TIFF"), GREY),
    "black and white": (lambda: encoded(GREY > 120, "PNG"), ((GREY > 120) * 255).astype(np.uint8)),
}


@pytest.mark.parametrize("name", MODES)
def test_modes(name: str) -> None:
    make, pixels = MODES[name]
    assert looked(make()) == [Part("", (value(pixels),))]


@pytest.mark.parametrize(
    ("mode", "form"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("P", "PNG"), ("LAB", "TIFF")]
)
def test_modes_that_are_converted(mode: str, form: str) -> None:
    image = image_of(PICTURE)
    if mode == "LAB":
        from PIL import ImageCms

        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    out = io.BytesIO()
    image.convert(mode).save(out, form)
    (part,) = looked(out.getvalue())
    assert isinstance(part, Part)
    assert distance(part.digests[0], value(PICTURE)) <= 31


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_that_exif_turns_has_both_values(orientation: int, form: str) -> None:
    from PIL import Image, ImageOps

    data = turned(PICTURE, orientation, form)
    with Image.open(io.BytesIO(data)) as image:
        shown = value(np.asarray(ImageOps.exif_transpose(image)))
    (part,) = looked(data)
    assert isinstance(part, Part)
    assert shown == part.digests[-1]
    # Pillow turns TIFF by itself.
    assert len(part.digests) == (1 if orientation == 1 or form == "TIFF" else 2)


def test_an_upload_that_was_turned_meets_the_value_of_the_upright_picture() -> None:
    sideways = np.rot90(PICTURE)
    (part,) = looked(turned(sideways, 6, "PNG"))
    assert isinstance(part, Part)
    assert part.digests == (value(sideways), value(PICTURE))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    assert len(looked(turned(PICTURE, orientation, "PNG"))) == 1


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_frames_of_an_animation(form: str) -> None:
    frames = [natural(120, 160, seed) for seed in range(3)]
    found = looked(animated(frames, form))
    assert [part.name for part in found] == ["", "#2", "#3"]
    for part, frame in zip(found, frames, strict=True):
        assert isinstance(part, Part)
        assert distance(part.digests[0], value(frame)) <= 16


def test_many_frames_are_sampled_evenly_to_the_last() -> None:
    frames = [natural(64, 80, seed) for seed in range(30)]
    found = looked(animated(frames), HashPlan(bounds=Bounds(frames=4)))
    assert [part.name for part in found] == ["", "#10", "#20", "#30"]
    assert [part.name for part in looked(animated(frames), HashPlan(bounds=Bounds(frames=1)))] == [""]


def test_equal_frames_count_once() -> None:
    frames = [PICTURE, natural(200, 300, 2), PICTURE]
    assert [part.name for part in looked(animated(frames, "WEBP"))] == ["", "#2"]


def test_frames_that_cost_too_much_to_reach_are_told() -> None:
    frames = [natural(64, 80, seed) for seed in range(30)]
    found = looked(animated(frames), HashPlan(bounds=Bounds(frames=2, pixels=64 * 80)))
    assert [part.name for part in found[:2]] == ["", "#10"]
    assert found[2] == Fault("", "frames after the first 10 of 30 were not looked at")


def test_a_bomb_is_not_decoded() -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.new("1", (11_000, 11_000)).save(out, "PNG")
    assert looked(out.getvalue()) == [Fault("", "a picture of more than 100,000,000 pixels: no PDQ")]
    out = io.BytesIO()
    Image.new("1", (70_000, 5)).save(out, "PNG")
    assert looked(out.getvalue()) == [Fault("", "a picture with a side of more than 65,535 pixels: no PDQ")]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
def test_a_picture_that_ends_too_early_is_hashed_as_far_as_it_goes(form: str) -> None:
    data = encoded(PICTURE, form)
    fault, part = looked(data[: len(data) * 97 // 100])
    assert fault == Fault("", "a damaged picture: PDQ of what can be shown of it, or none")
    assert isinstance(part, Part)
    assert distance(part.digests[0], value(PICTURE)) <= 31


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000"])
def test_damage_anywhere_ends_in_values_or_faults(form: str) -> None:
    data = encoded(PICTURE, form)
    rng = np.random.default_rng(5)
    for cut in [*range(16, 120, 13), *rng.integers(120, len(data), 10)]:
        assert looked(data[:cut] + bytes(40))
        noisy = bytearray(data)
        for place in rng.integers(32, len(data), 20):
            noisy[place] = rng.integers(256)
        looked(bytes(noisy))
    assert looked(data[:40])[0] == Fault("", "a damaged picture: PDQ of what can be shown of it, or none")


@pytest.mark.parametrize("pixels", [np.zeros((64, 64, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)])
def test_a_picture_without_content_has_no_value(pixels: "np.ndarray[Any, np.dtype[np.uint8]]") -> None:
    assert looked(encoded(pixels)) == []


def test_a_scaled_profile_is_near_and_names_itself() -> None:
    pixels = natural(1500, 2300)
    plan = HashPlan(profile=Profile.MAX1024)
    assert plan.profile == "pdq/1/max1024"
    for form in ("JPEG", "PNG"):
        (part,) = looked(encoded(pixels, form), plan)
        (full,) = looked(encoded(pixels, form))
        assert isinstance(part, Part)
        assert isinstance(full, Part)
        assert 0 < distance(part.digests[0], full.digests[0]) <= 12
    assert looked(encoded(PICTURE), plan) == looked(encoded(PICTURE))


def test_without_the_extra_every_picture_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert looked(encoded(PICTURE)) == [Fault("", MISSING_IMAGES)]
    assert "[images]" in MISSING_IMAGES
