"""Some of many at a time: what is read, hashed or asked for at once stays small."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol, TypeVar


class _Sliced(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, places: slice, /) -> Any: ...


_Items = TypeVar("_Items", bound=_Sliced)
_Item = TypeVar("_Item")


def slices(items: _Items, size: int) -> Iterator[_Items]:
    """Items in order, `size` at a time; the last slice may be shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The same of items that come one by one: no more are asked for before those of a batch are done with."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch
