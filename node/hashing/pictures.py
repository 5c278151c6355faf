"""PDQ values of an encoded picture: as it is stored, as it is shown, and of the frames of an animation.

Decoding a stranger's picture is the risk here. Only the decoder that the first bytes name is asked, sizes are read
before pixels, and whatever a decoder raises is a fault of the picture. A picture that ends too early is hashed as far
as it goes, as programs show it: cutting a byte off must not hide it. Colours are taken as stored, without what is
transparent or a colour profile, as other programs compute PDQ.
"""

import importlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np

from node.hashing.file_hashes import Fault, Part
from node.hashing.pdq import pdq
from node.hashing.pdq_exact import Pixels
from node.hashing.plan import MISSING_IMAGES, Bounds, HashPlan, Profile, images_installed
from protocol.digest import Algorithm, Digest, degenerate

MIN_QUALITY: Final = 50
"""PDQ's own measure, 0 to 100: below it unrelated pictures collide (the bound its authors recommend)."""
_MAX_SIDE: Final = 65_535
"""Pixels: what JPEG and GIF allow. A longer one makes filters of absurd length out of a small file."""
_PASSED: Final = 10
"""Frames before a chosen one have to be decoded, too: so many times the bound of pixels for all."""
_ORIENTATION: Final = 0x0112
_SCALED_SIDE: Final = 1024


@dataclass(frozen=True, slots=True)
class _Refused(Exception):  # noqa: N818 - a reason to stop, in words
    reason: str


def look_at_picture(content: BinaryIO, decoder: str, plan: HashPlan) -> Iterator[Part | Fault]:
    """The PDQ values of a picture: a part without a name for its first frame, `#2` and so on for later ones."""
    if not images_installed():
        yield Fault("", MISSING_IMAGES)
        return
    seen: set[Digest] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(_frames(content, decoder, plan))
    for item in found:
        if isinstance(item, Fault):
            yield item
        elif new := tuple(one for one in item.digests if one not in seen):
            seen.update(new)
            yield Part(item.name, new)


def _frames(content: BinaryIO, decoder: str, plan: HashPlan) -> Iterator[Part | Fault]:
    try:
        image = _open(content, decoder, plan)
    except Exception as fault:  # noqa: BLE001 - decoders raise anything on damaged input
        yield Fault("", _reason(fault))
        return
    with image:
        try:
            chosen, cut = _chosen(image, plan.bounds)
        except Exception as fault:  # noqa: BLE001 - as above
            chosen, cut = [0], _reason(fault)
        for number in chosen:
            yield from _frame(image, number, plan)
        if cut:
            yield Fault("", cut)


def _open(content: BinaryIO, decoder: str, plan: HashPlan) -> Any:
    module: Any = importlib.import_module("PIL.Image")
    module.MAX_IMAGE_PIXELS = (
        None  # the bound below is ours, and an error of every picture rather than a warning
    )
    image = module.open(content, formats=[decoder])
    _refuse_large(image, plan.bounds)
    if plan.profile is Profile.MAX1024:
        image.draft(image.mode, (_SCALED_SIDE, _SCALED_SIDE))
    return image


def _refuse_large(image: Any, bounds: Bounds) -> None:
    width, height = image.size
    if width * height > bounds.pixels:
        raise _Refused(f"a picture of more than {bounds.pixels:,} pixels: no PDQ")
    if max(width, height) > _MAX_SIDE:
        raise _Refused(f"a picture with a side of more than {_MAX_SIDE:,} pixels: no PDQ")


def _chosen(image: Any, bounds: Bounds) -> tuple[list[int], str]:
    """Frames to hash, evenly over those there are, and what to say about those that are out of reach."""
    count = there = int(getattr(image, "n_frames", 1))
    reach = max(1, _PASSED * bounds.pixels // (image.width * image.height))
    count = min(there, reach)
    most = min(count, bounds.frames)
    chosen = sorted({at * (count - 1) // max(1, most - 1) for at in range(most)})
    return (
        chosen,
        f"frames after the first {count:,} of {there:,} were not looked at" if count < there else "",
    )


def _frame(image: Any, number: int, plan: HashPlan) -> Iterator[Part | Fault]:
    name = f"#{number + 1}" if number else ""
    try:
        if number:
            image.seek(number)
            _refuse_large(image, plan.bounds)
        damage = list(_loaded(image, name))
        digests = () if damage and _mostly_missing(image) else tuple(_digests(image, plan.profile))
    except Exception as fault:  # noqa: BLE001 - decoders raise anything on damaged input
        yield Fault(name, _reason(fault))
        return
    yield from damage
    yield Part(name, digests)


def _loaded(image: Any, name: str) -> Iterator[Fault]:
    """Decode the pixels; those of a picture that ends too early stay as far as there are any."""
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as fault:
        if getattr(image, "_im", None) is None:
            raise
        image.tile = []
        yield Fault(name, _reason(fault))


def _mostly_missing(image: Any) -> bool:
    """Whether the last quarter of a damaged picture is one colour: an edge to nothing looks alike in all pictures."""
    pixels = np.asarray(image)
    tail = pixels[-(len(pixels) // 4 + 1) :]
    return bool((tail == tail[-1:, -1:]).all())


def _digests(image: Any, profile: Profile) -> Iterator[Digest]:
    """As stored; and as shown, where the two differ."""
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    picture = _plain(image)
    pixels: Pixels = np.asarray(_scaled(picture) if profile is Profile.MAX1024 else picture)
    yield from _useful(pixels)
    if turn is not None:
        yield from _useful(np.ascontiguousarray(turn(pixels)))


_TURNS: Final[dict[int, Any]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
"""What makes of a stored picture the one that is shown, by its EXIF orientation (EXIF 2.32, tag 274)."""


def _scaled(picture: Any) -> Any:
    """The picture with at most 1024 pixels on its longer side, each the mean of those it stands for."""
    longer = max(picture.size)
    if longer <= _SCALED_SIDE:
        return picture
    size = tuple(max(1, round(side * _SCALED_SIDE / longer)) for side in picture.size)
    return picture.resize(size, importlib.import_module("PIL.Image").Resampling.BOX)


def _plain(image: Any) -> Any:
    """The picture in eight bits of grey or of red, green and blue."""
    if image.mode.startswith("I"):  # sixteen bits of grey: Pillow would cut off all above 255
        bright = np.asarray(image).astype(np.int64) >> 8
        return importlib.import_module("PIL.Image").fromarray(np.clip(bright, 0, 255).astype(np.uint8))
    if image.mode in {"L", "RGB"}:
        return image
    return image.convert("L" if image.mode in {"1", "F"} else "RGB")


def _useful(pixels: Pixels) -> Iterator[Digest]:
    found = pdq(pixels)
    if found.quality < MIN_QUALITY:
        return
    digest = Digest(Algorithm.PDQ, found.value)
    if degenerate(digest) is None:
        yield digest


def _reason(fault: Exception) -> str:
    """In words and without what a decoder says: that can hold a stranger's text."""
    if isinstance(fault, _Refused):
        return fault.reason
    if isinstance(fault, MemoryError):
        return "a picture that takes more memory than it may: no PDQ"
    return "a damaged picture: PDQ of what can be shown of it, or none"
