"""What a release in the making has of each digest, on disk: pages in the order in which they come."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

import numpy as np

from node.store.spool import PagePlace, Spool
from node.store.subsets.records import Listed, WideKey
from protocol.digest import SIZES, Algorithm, Digest

_Item = TypeVar("_Item")
_COUNT: Final = 4
_NUMBERS: Final = 4
"""Of a row, which are integers of eight bytes."""


class Column(Generic[_Item]):
    """Items that are packed a page at a time."""

    def __init__(
        self,
        spool: Spool,
        pack: Callable[[Sequence[_Item]], bytes],
        unpack: Callable[[bytes], Iterator[_Item]],
    ) -> None:
        self._spool = spool
        self._pack = pack
        self._unpack = unpack
        self._starts: list[int] = []
        self._pages: list[PagePlace] = []
        self._count = 0

    def append(self, items: Sequence[_Item]) -> None:
        """Take one page more."""
        if items:
            self._starts.append(self._count)
            self._pages.append(self._spool.put(self._pack(items)))
            self._count += len(items)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_Item]:
        for page in self._pages:
            yield from self._unpack(self._spool.get(page))

    def at(self, places: Sequence[int]) -> list[_Item]:
        """The items at these places."""
        pages: dict[int, list[_Item]] = {}
        found = []
        for place in places:
            number = bisect_right(self._starts, place) - 1
            if number not in pages:
                pages[number] = list(self._unpack(self._spool.get(self._pages[number])))
            found.append(pages[number][place - self._starts[number]])
        return found


def digests_in(spool: Spool) -> Column[Digest]:
    """A column of digests."""
    return Column(spool, _pack_digests, _unpack_digests)


def names_in(spool: Spool) -> Column[WideKey]:
    """A column of the names of digests."""
    return Column(spool, _pack_names, _unpack_names)


def rows_in(spool: Spool) -> Column[Listed]:
    """A column of what a release says of digests."""
    return Column(spool, _pack_rows, _unpack_rows)


def _pack_digests(digests: Sequence[Digest]) -> bytes:
    return b"".join([bytes((each.algorithm,)) + each.value for each in digests])


def _unpack_digests(page: bytes) -> Iterator[Digest]:
    at, algorithms = 0, {int(each): each for each in SIZES}
    while at < len(page):
        algorithm: Algorithm = algorithms[page[at]]
        end = at + 1 + SIZES[algorithm]
        yield Digest(algorithm, page[at + 1 : end])
        at = end


def _pack_names(names: Sequence[WideKey]) -> bytes:
    return np.array(names, dtype=np.int64).tobytes()


def _unpack_names(page: bytes) -> Iterator[WideKey]:
    return ((key, rest) for key, rest in np.frombuffer(page, dtype=np.int64).reshape(-1, 2).tolist())


def _pack_rows(rows: Sequence[Listed]) -> bytes:
    numbers = np.array([row[:_NUMBERS] for row in rows], dtype=np.int64)
    collections = [row.collections for row in rows]
    lengths = np.array([*map(len, collections)], dtype=np.uint32)
    algorithms = bytes([row.algorithm for row in rows])
    return b"".join(
        [len(rows).to_bytes(_COUNT), numbers.tobytes(), lengths.tobytes(), algorithms, *collections]
    )


def _unpack_rows(page: bytes) -> Iterator[Listed]:
    count = int.from_bytes(page[:_COUNT])
    numbers = np.frombuffer(page, np.int64, _NUMBERS * count, _COUNT).reshape(-1, _NUMBERS)
    at = _COUNT + numbers.nbytes
    ends = np.cumsum(np.frombuffer(page, np.uint32, count, at), dtype=np.int64)
    at += _COUNT * count
    algorithms, start = page[at : at + count], at + count
    last = start
    for row, algorithm, end in zip(numbers.tolist(), algorithms, (ends + start).tolist(), strict=True):
        key, rest, tag, label = row
        yield Listed(key, rest, tag, label, algorithm, page[last:end])
        last = end
