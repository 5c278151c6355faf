"""What a release leaves to the next one, so that this can begin from it: sealed, of the newest release only.

It stands beside answers, labels and screen, and says what these do not: whether each digest is screened, and why; which
values of the screen several digests share; what lists that are not fresh may bring in. It holds no digest.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final, Self, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from node.judgement.conditions import Conditions
from node.objects.release_files import ReleaseFolder
from node.store.subsets.records import WideKey
from node.subsets.compose import Terms, Values, width_of_screen
from node.subsets.splice import Splice
from protocol.selection import APART, DOUBLED, SCREENED, Marks
from protocol.slices import slices
from protocol.subset.deltas.values import NOTHING, Difference
from protocol.subset.filter import EXACT
from protocol.subset.release import Release
from protocol.subset.rice import BLOCK, U64Array
from protocol.subset.screen import truncate
from protocol.subset.sets import contains

_MARKS: Final = 2**8
"""How many marks there can be: one is an octet."""

Names: TypeAlias = NDArray[np.int64]
"""Names of digests (`WideKey`), a row for each: ascending, each once. There are as many as a stale list is long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """How many values of one file a screen may have at worst, and how many of its digests make it so."""

    most_values: int
    doubled: int
    apart: int

    @classmethod
    def of(cls, marks: Marks) -> "Screened":
        """As the marks of a release's digests say."""
        counts = np.zeros(_MARKS, dtype=np.int64)
        for block in slices(marks, BLOCK):  # each becomes eight times as long
            counts += np.bincount(block, minlength=_MARKS)
        met = np.flatnonzero(counts)
        kinds = {mark % SCREENED for mark in met.tolist() if mark & SCREENED} & EXACT
        doubled, apart = (int(counts[met[met & bit > 0]].sum()) for bit in (DOUBLED, APART))
        return cls(most_values=max(len(kinds), 1), doubled=doubled, apart=apart)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """What the next release may begin from."""

    conditions: Conditions
    """By which the lists were last judged; the release says what they did then, and may be older."""
    marks: Marks = field(repr=False)
    """One for each answer, in their order."""
    shared: Mapping[int, int] = field(repr=False)
    """Values of the screen that are of several digests, and of how many."""
    contradicted: frozenset[WideKey] = field(repr=False)
    """Digests that lists say are of two files."""
    stale: frozenset[str]
    """Origins of the members' lists that were not fresh when they were last judged."""
    waiting: Names = field(repr=False)
    """Digests that one of these keeps from being listed: what else is not listed would not be if they were fresh."""
    unheard: Names = field(repr=False)
    """Digests that became listed without what these say of them: the next release counts that, too."""

    def goes_on_as(self, other: Self) -> bool:
        """Whether the next judgement goes on from the same: two bases of one release differ in nothing else."""
        return (
            (self.conditions, self.stale) == (other.conditions, other.stale)
            and np.array_equal(self.waiting, other.waiting)
            and np.array_equal(self.unheard, other.unheard)
        )

    def to_bytes(self) -> bytes:
        """The basis as it is sealed."""
        file = BytesIO()
        np.savez(
            file,
            conditions=_text({part: sorted(rows) for part, rows in self.conditions.items()}),
            stale=_text(sorted(self.stale)),
            marks=self.marks,
            values=np.array([*self.shared], dtype=np.uint64),
            counts=np.array([*self.shared.values()], dtype=np.int64),
            contradicted=np.array(sorted(self.contradicted), dtype=np.int64).reshape(-1, 2),
            waiting=self.waiting,
            unheard=self.unheard,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Basis":
        """What `to_bytes` wrote."""
        with np.load(BytesIO(data), allow_pickle=False) as read:
            return cls(
                conditions={
                    part: frozenset(map(tuple, rows))
                    for part, rows in json.loads(read["conditions"].tobytes()).items()
                },
                marks=read["marks"],
                shared=dict(zip(read["values"].tolist(), read["counts"].tolist(), strict=True)),
                contradicted=frozenset(map(tuple, read["contradicted"].tolist())),
                stale=frozenset(json.loads(read["stale"].tobytes())),
                waiting=read["waiting"],
                unheard=read["unheard"],
            )


def _text(value: object) -> Marks:
    return np.frombuffer(json.dumps(value).encode(), dtype=np.uint8)


def sorted_names(parts: Iterable[NDArray[np.int64]]) -> Names:
    """All names of some arrays of them."""
    names = np.concatenate([np.empty((0, 2), dtype=np.int64), *parts])
    names = names[np.lexsort((names[:, 1], names[:, 0]))]
    is_new = np.ones(len(names), dtype=np.bool_)
    is_new[1:] = (names[1:] != names[:-1]).any(axis=1)
    return names[is_new]


def names_without(names: Names, gone: NDArray[np.int64]) -> Names:
    """Names but for a few."""
    known = set(map(tuple, gone.tolist()))
    at = np.flatnonzero(np.isin(names[:, 0], gone[:, 0]))
    return np.delete(names, [place for place in at.tolist() if tuple(names[place].tolist()) in known], axis=0)


def basis_of(folder: ReleaseFolder) -> Basis | None:
    """What a release left; None where that is nothing, or of another version of the program."""
    data = folder.basis()
    try:
        return None if data is None else Basis.from_bytes(data)
    except (BadZipFile, KeyError, ValueError):
        return None


def is_screened(mark: int) -> bool:
    """Whether a digest with this mark is screened."""
    return bool(mark & SCREENED)


def changed_screen(
    terms: Terms, held: Release, shared: Mapping[int, int], *, before: U64Array, now: U64Array
) -> tuple[Values, Mapping[int, int], Difference] | None:
    """The screen of the release before when other digests are screened `now` than `before`, and what is shared in it.

    Of these, full 64-bit screen hashes. With it, what makes it of the one before. None when it has another width: then
    every value is another.
    """
    width = held.manifest.screen_width
    count = len(held.screen) + sum(shared.values()) - len(shared) + len(now) - len(before)
    if width_of_screen(terms, count, held) != width:
        return None
    if not width:
        return Values(held.screen, 0), {}, Difference(NOTHING, NOTHING)
    moved = Counter(truncate(now, width).tolist())
    moved.subtract(truncate(before, width).tolist())
    moves = {value: by for value, by in moved.items() if by}
    here = contains(held.screen, np.array([*moves], dtype=np.uint64)).tolist()
    counts = dict(shared)
    come: list[int] = []
    gone: list[int] = []
    for (value, by), known in zip(moves.items(), here, strict=True):
        held_by = counts.pop(value, int(known))
        if held_by + by > 1:
            counts[value] = held_by + by
        if not held_by:
            come.append(value)
        elif held_by + by == 0:
            gone.append(value)
    added, removed = (np.sort(np.array(each, dtype=np.uint64)) for each in (come, gone))
    places = np.searchsorted(held.screen, removed)
    splice = Splice(count=len(held.screen), gone=places, came=np.searchsorted(held.screen, added))
    values = splice.values(held.screen, added)
    return Values(values, width), counts, Difference(places.astype(np.uint64), added)
