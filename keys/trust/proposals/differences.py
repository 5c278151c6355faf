"""What differs between two JSON values, item by item, or two texts, line by line: nothing that differs goes unnamed.

Items of an array are told apart by what names them (a kid, an origin, an address), so that a new key is one addition
and not a shift of all that follow. Saying it in words is `words`' matter. Who wrote the values may want the
reader to wait for ever: the time is bounded by their length.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from keys.encoding import Json

_NAMES: Final = ("kid", "origin", "vkey", "url", "node", "name", "epoch")
"""Fields that name an item, in the order in which they are tried."""


_MAX_COMPARED: Final = 40_000
"""Pairs of lines that are compared with each other."""


class Kind(StrEnum):
    """What became of a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    ORDERED = "ordered"
    """An array has the same items in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two values differ; `old` and `new` are None where there is none."""

    kind: Kind
    path: tuple[str, ...]
    old: Json
    new: Json


@dataclass(frozen=True, slots=True)
class ChangedLines:
    """A place where two texts differ: what stood there, and what stands there now."""

    at: int
    """Number of the line of the old text that it is at, or before; from 1."""
    removed: tuple[str, ...]
    added: tuple[str, ...]


def differences(old: Json, new: Json, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """All differences, in the order of names; none exactly for equal values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _of_objects(old, new, path)
    elif _is_array(old) and _is_array(new):
        yield from _of_arrays(old, new, path)
    elif type(old) is not type(new) or old != new:
        yield Difference(Kind.CHANGED, path, old, new)


def line_differences(old: Sequence[str], new: Sequence[str]) -> Iterator[ChangedLines]:
    """Where two texts differ, from the beginning on; of long and very different texts it is one place."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    # Where lines were moved is found in a time that grows faster than the square of their number.
    if len(before) * len(after) > _MAX_COMPARED:
        yield ChangedLines(head + 1, tuple(before), tuple(after))
        return
    for tag, start, end, at, until in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield ChangedLines(head + start + 1, tuple(before[start:end]), tuple(after[at:until]))


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines are the same at the beginning."""
    pairs = zip(old, new, strict=False)
    return next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))


def _of_objects(
    old: Mapping[str, Json], new: Mapping[str, Json], path: tuple[str, ...]
) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        inner = (*path, name)
        if name not in old:
            yield Difference(Kind.ADDED, inner, None, new[name])
        elif name not in new:
            yield Difference(Kind.REMOVED, inner, old[name], None)
        else:
            yield from differences(old[name], new[name], inner)


def _of_arrays(old: Json, new: Json, path: tuple[str, ...]) -> Iterator[Difference]:
    names = _names(old), _names(new)
    by_name = all(len(set(found)) == len(found) for found in names)
    before, after = (found if by_name else list(map(str, range(len(found)))) for found in names)
    yield from _of_objects(
        dict(zip(before, _items(old), strict=True)), dict(zip(after, _items(new), strict=True)), path
    )
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield Difference(Kind.ORDERED, path, old, new)


def _is_array(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _items(value: Json) -> Sequence[Json]:
    assert isinstance(value, Sequence), "an array"
    return value


def _names(value: Json) -> list[str]:
    return [_name(item) for item in _items(value)]


def _name(item: Json) -> str:
    """What names an item: a field of it, or a text or number itself; the same for all that nothing names."""
    if isinstance(item, str | int):
        return str(item)
    found = (item[name] for name in _NAMES if name in item) if isinstance(item, Mapping) else ()
    return next((str(value) for value in found if isinstance(value, str | int)), "")
