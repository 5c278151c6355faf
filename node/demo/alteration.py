"""Altering what a node serves, as somebody with access to its disk could: one bit of one stored object.

The partner's next update then starts from the release it holds, so it is the deltas and the newest leaf of the
release log that are altered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from node.demo.parties import Party
from node.demo.world import SUBSET, World

PARTS = ("manifest", "screen", "answers", "labels")


def served(world: World, part: str) -> Path | None:
    """The stored object from which FR serves a part of the newest release; None where there is none."""
    objects = world.seat(Party.FR).home / "objects"
    if part == "manifest":
        return newest_bundle(world, f"{Party.FR.node}/subsets/{SUBSET}")
    return max(objects.glob(f"releases/{SUBSET}/*/since-*/{part}"), key=_versions, default=None)


def newest_bundle(world: World, origin: str) -> Path | None:
    """The newest stored entries of one of FR's logs."""
    log = sha256(origin.encode()).hexdigest()
    bundles = world.seat(Party.FR).home / "objects" / "logs" / log / "tile" / "entries"
    return max((path for path in bundles.rglob("*") if path.is_file()), key=_number, default=None)


def _number(path: Path) -> int:
    """The width of a partial bundle, by which the newest is known."""
    return int(path.name)


def _versions(path: Path) -> tuple[int, int]:
    """Version of a delta's release, and the one it starts from."""
    since, release = path.parent, path.parent.parent
    return int(release.name.partition("-")[0]), int(since.name.partition("-")[2])


def flip(path: Path) -> None:
    """Flip one bit in the newest part of a file; a second time flips it back."""
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 0x10
    path.write_bytes(data)


@contextmanager
def altered(path: Path) -> Iterator[None]:
    """A file with one bit flipped, and as it was afterwards."""
    before = path.read_bytes()
    flip(path)
    try:
        yield
    finally:
        path.write_bytes(before)
