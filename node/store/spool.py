"""What waits on disk for its turn: pages of a file without a name, sealed with a key that only this process knows.

What is made of all lists is too much for memory, and says what they list. Little of it stays in memory: short lists
need no folder for temporary files.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from node.clock import Entropy
from node.errors import StoreError
from node.files import writing
from node.store.seal import KEY_BYTES, KeySeal
from protocol.encoding import Octets

_IN_MEMORY: Final = 2**22
"""Octets that wait in memory."""
_PAGE: Final = 2**16
"""Octets of a part that are sealed at once."""
_FOLDER: Final = "the folder for temporary files"


class PagePlace(NamedTuple):
    """Where a page is."""

    start: int
    length: int


class Spool:
    """Pages in the order in which they come, read at any time; a context manager."""

    def __init__(self, entropy: Entropy) -> None:
        self._seal = KeySeal(entropy(KEY_BYTES), entropy)
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closing may fail, and would hide why
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what the disk refused is refused again, and nobody reads it any more
            self._file.close()

    def put(self, page: bytes) -> PagePlace:
        """Keep a page; raises `StoreDownError` where the disk takes nothing."""
        start = self._end
        sealed = self._seal.seal(str(start), page)
        with writing(_FOLDER):
            self._file.seek(start)
            self._file.write(sealed)
            self._file.flush()  # else the next seek would
        self._end += len(sealed)
        return PagePlace(start, len(sealed))

    def get(self, place: PagePlace) -> bytes:
        """A page; raises `StoreError` where the disk does not give it back."""
        try:
            self._file.seek(place.start)
            page = self._file.read(place.length)
        except OSError as exc:
            raise StoreError("{what} cannot be read: {reason}", _FOLDER, exc.strerror) from exc
        return self._seal.unseal(str(place.start), page)


class Parts:
    """What is put into so many parts in any order, and read part by part."""

    def __init__(self, spool: Spool, count: int) -> None:
        self.count = count
        self._spool = spool
        self._begun = [bytearray() for _ in range(count)]
        self._pages: list[list[PagePlace]] = [[] for _ in range(count)]

    def put(self, part: int, data: bytes) -> None:
        """Behind what the part has."""
        page = self._begun[part]
        page += data
        if len(page) >= _PAGE:
            self._pages[part].append(self._spool.put(bytes(page)))
            page.clear()

    def scatter(self, rows: NDArray[Any], parts: NDArray[np.int64]) -> None:
        """Put each row into its part."""
        order = np.argsort(parts, kind="stable")
        sorted_rows, ordered = rows[order], parts[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        ends = np.append(starts, len(ordered))[1:]
        for part, start, end in zip(ordered[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
            self.put(part, sorted_rows[start:end].tobytes())

    def take(self, part: int) -> Iterator[bytes]:
        """The pages of a part, once: what of it is in memory is forgotten."""
        for place in self._pages[part]:
            yield self._spool.get(place)
        last, self._begun[part] = self._begun[part], bytearray()
        yield bytes(last)

    def rows(self, part: int, kind: np.dtype[Any]) -> NDArray[Any]:
        """The rows of a part, likewise."""
        return np.frombuffer(b"".join(self.take(part)), dtype=kind)

    def few_rows(
        self, part: int, kind: np.dtype[Any], *, most: int, fewer: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any]:
        """The same; where there are more than `most`, without what `fewer` leaves out of them: as often as it takes."""
        found, count, few = [np.empty(0, dtype=kind)], 0, most
        for page in self.take(part):
            found.append(np.frombuffer(page, dtype=kind))
            count += len(found[-1])
            if count > few:
                found = [fewer(np.concatenate(found))]
                count = len(found[0])
                few = most + count
        return np.concatenate(found)


def part_of(values: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """The part of each value, of so many that divide 64 bits evenly: in their order, and at most 2^32."""
    return ((values >> np.uint64(32)) * np.uint64(count) >> np.uint64(32)).astype(np.int64)


def written_down(pieces: Iterable[Octets]) -> Octets:
    """Pieces one behind the other: mapped from a file without a name where they are many.

    Not sealed: for what everybody may see. Raises `StoreDownError` where the disk takes nothing.
    """
    stream, few, size = iter(pieces), list[Octets](), 0
    for piece in stream:
        few.append(piece)
        size += len(piece)
        if size > _IN_MEMORY:
            return _mapped(few, stream)
    return b"".join(few)


def _mapped(few: Iterable[Octets], more: Iterable[Octets]) -> Octets:
    with writing(_FOLDER):
        file = TemporaryFile()  # noqa: SIM115 - closed below
    try:
        for piece in chain(few, more):  # whoever makes the pieces has failures of his own
            with writing(_FOLDER):
                file.write(piece)
        with writing(_FOLDER):
            file.flush()
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    finally:
        with suppress(OSError):  # as in `Spool`
            file.close()
