"""Files that are mapped where they are read: what was read is given back before more is.

So reading one takes no memory in proportion to it, and processes that read the same share its pages.
"""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from protocol.encoding import Octets

if TYPE_CHECKING:  # what only lists a node's things loads no arrays
    from protocol.subset.spliced_octets import Laid

_Block = TypeVar("_Block")


def mapped(path: Path) -> Octets:
    """The octets of a file, mapped; raises `OSError`."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:  # which cannot be mapped
            return b""
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def maps_of(octets: "Laid") -> tuple[mmap.mmap, ...]:
    """The map that octets are of, or what they are spliced of; none of others."""
    whole = getattr(getattr(octets, "base", octets), "obj", None)
    return (whole,) if isinstance(whole, mmap.mmap) else ()


def sparing(blocks: Iterable[_Block], maps: Sequence[mmap.mmap]) -> Iterator[_Block]:
    """The same blocks, read from mapped files: after each, its pages are given back."""
    for block in blocks:
        yield block
        give_back(maps)


def give_back(maps: Sequence[mmap.mmap]) -> None:
    """Keep nothing of mapped files in memory that was read so far."""
    for each in maps:
        each.madvise(mmap.MADV_DONTNEED)
