"""`scan_partition`: one part of many files, hashed and screened where it lies (Dask, Spark, Ray, a pool of processes).

A pure function of its arguments and of the files: no key, no connection, no state on the machine where it runs.
Whoever starts the workers confirms the rows that come back; everything else was read whole and cleared by the screen.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np

from node.hashing.hashed import Fault, Hashed
from node.hashing.plan import HashPlan
from node.hashing.reading import StreamHasher, hash_path, reason_of
from node.sdk.screen import Screen, screening
from protocol.digest import Digest
from protocol.subset.screen import screen_values

Key = TypeVar("Key", bound=Hashable)
DEFAULT_PLAN: Final = HashPlan()
_AT_ONCE: Final = 256
"""Files that are screened together; their hashes are held, not they."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[Key]):
    """A file that must be looked at further: it may be on the list, or not all of it could be read."""

    key: Key
    parts: tuple[tuple[Digest, ...], ...] = field(repr=False)
    """Hashes of the parts that survived the screen. Confidential: they are of files of yours."""
    faults: tuple[str, ...]
    """What could not be looked at, in words."""
    version: int
    """Of the release whose screen cleared the rest."""


def scan_partition(
    rows: Iterable[tuple[Key, bytes | str | PathLike[str]]], screen: Screen, *, plan: HashPlan = DEFAULT_PLAN
) -> Iterator[Row[Key]]:
    """The rows of files that the screen does not clear, or that could not be read whole, in the order given.

    Each file is its bytes, or a path (`str` or `PathLike`); one that cannot be read is a row and never an error. The
    screen is made ready once a process.
    """
    made = screening(screen)
    source = iter(rows)
    while chunk := [(key, _hashed(file, plan)) for key, file in islice(source, _AT_ONCE)]:
        digests = [digest for _, hashed in chunk for part in hashed.parts for digest in part.digests]
        survives = iter(made.survives(screen_values(digests)) if digests else np.zeros(0, dtype=np.bool_))
        for key, hashed in chunk:
            # Every part takes its answers, also after one that survived: the next part's follow them.
            met = [any([next(survives) for _ in part.digests]) for part in hashed.parts]  # noqa: C419
            parts = tuple(part.digests for part, survived in zip(hashed.parts, met, strict=True) if survived)
            faults = tuple(fault_words(fault) for fault in hashed.faults)
            if parts or faults:
                yield Row(key=key, parts=parts, faults=faults, version=screen.version)


def fault_words(fault: Fault) -> str:
    """What could not be looked at, and why."""
    return f"{fault.name}: {fault.reason}" if fault.name else fault.reason


def _hashed(file: bytes | str | PathLike[str], plan: HashPlan) -> Hashed:
    if isinstance(file, (str, PathLike)):
        try:
            return hash_path(Path(file), plan)
        except OSError as exc:
            return Hashed(0, (), (Fault("", reason_of(exc)),))
    hasher = StreamHasher(plan)
    hasher.update(file)
    return hasher.finish()
