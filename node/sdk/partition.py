"""`scan_partition`: one part of many files, hashed and screened where it lies (Dask, Spark, Ray, a pool of processes).

A function of its arguments and of the files alone: no key, no connection, no state on the machine where it runs.
Whoever starts the workers confirms the rows that come back; everything else was read whole and cleared by the screen.
"""

import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np

from node.hashing.file_hashes import Fault, Hashed
from node.hashing.open_files import HashProcess, write_whole
from node.hashing.plan import HashPlan
from node.hashing.read import reason_of
from node.hashing.workers import HashWorkers
from node.sdk.screen import Screen, screenings
from protocol.digest import Digest
from protocol.subset.lookup import Screening
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
    screen is made ready once a process. Strangers' pictures and archives are opened in processes that this one starts
    and ends, within the bounds of `plan`: one that crashes or hangs its decoder is a row, and costs no other file.

    Raises:
        UsageError: the screen is of pictures, and `plan` hashes none.
    """
    screen.require_tried(images=plan.images)
    made = screenings(screen)
    source = iter(rows)
    with HashWorkers(1, plan) as workers, HashProcess(plan) as held:
        while chunk := _hashed(islice(source, _AT_ONCE), workers, held):
            yield from _screened(chunk, made, screen.version)


def _screened(
    chunk: Sequence[tuple[Key, Hashed]], made: Sequence[Screening], version: int
) -> Iterator[Row[Key]]:
    digests = [digest for _, hashed in chunk for part in hashed.parts for digest in part.digests]
    values = screen_values(digests)
    survives = iter(np.any([each.survives(values) for each in made], axis=0) if digests else ())
    for key, hashed in chunk:
        # Every part takes its answers, also after one that survived: the next part's follow them.
        met = [any([next(survives) for _ in part.digests]) for part in hashed.parts]  # noqa: C419
        parts = tuple(part.digests for part, survived in zip(hashed.parts, met, strict=True) if survived)
        faults = tuple(fault.words for fault in hashed.faults)
        if parts or faults:
            yield Row(key=key, parts=parts, faults=faults, version=version)


def _hashed(
    rows: Iterable[tuple[Key, bytes | str | PathLike[str]]], workers: HashWorkers, held: HashProcess
) -> list[tuple[Key, Hashed]]:
    """All of these files, in their order."""
    found: list[tuple[Key, Hashed]] = []
    paths: dict[int, Path] = {}
    for key, file in rows:
        if isinstance(file, (str, PathLike)):
            paths[len(found)] = Path(file)
            found.append((key, Hashed(0, ())))
        else:
            found.append((key, _hashed_bytes(file, held)))
    places = list(paths)
    for outcome in workers.results(paths.values()):
        place = places[outcome.place]
        found[place] = found[place][0], outcome.hashed or _unread(outcome.unreadable)
    return found


def _hashed_bytes(data: bytes, held: HashProcess) -> Hashed:
    descriptor = os.memfd_create("sigfed-row", os.MFD_CLOEXEC)
    try:
        write_whole(descriptor, data)
        return held.hash(descriptor)
    except OSError as exc:
        return _unread(reason_of(exc) if exc.errno else str(exc))
    finally:
        os.close(descriptor)


def _unread(reason: str) -> Hashed:
    return Hashed(0, (), (Fault("", reason),))
