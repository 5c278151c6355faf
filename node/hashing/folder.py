"""Hashes of the files in a folder, for people who have files and not tables.

Symbolic links are not followed. What cannot be read is reported, never passed over.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.hashing.file_hashes import Fault
from node.hashing.outcomes import Outcome
from node.hashing.plan import HashPlan
from node.hashing.workers import HashWorkers
from protocol.digest import Digest
from protocol.slices import batches

_WINDOW: Final = 4096
"""Files that are hashed in any order before their outcomes are given in order."""


@dataclass(frozen=True, slots=True)
class HashedFile:
    """The digests of one file itself, and what of it could not be looked at; `path` is relative to the folder."""

    path: Path
    digests: tuple[Digest, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file without digests, and why."""

    path: Path
    reason: str


def hash_folder(
    folder: Path, plan: HashPlan, *, jobs: int, table: os.stat_result | None = None
) -> Iterator[HashedFile | SkippedFile]:
    """Every file under `folder`, in order of its name, hashed or with the reason why not; or `folder`, if a file.

    Left out is the `table` that is being made of them, should it be there as well.
    """
    paths = (path for path in _walk(folder) if table is None or not _is(path, table))
    with HashWorkers(jobs, plan) as workers:
        for window in batches(paths, _WINDOW):
            outcomes = sorted(workers.results(window), key=lambda outcome: outcome.place)
            yield from (_found(outcome, folder) for outcome in outcomes)


def _is(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), status)
    except OSError:
        return False


def _found(outcome: Outcome, folder: Path) -> HashedFile | SkippedFile:
    path = outcome.path.relative_to(folder) if outcome.path != folder else Path(folder.name)
    if outcome.hashed is None:
        return SkippedFile(path, outcome.unreadable)
    if not outcome.hashed.parts:
        return SkippedFile(path, "empty file")
    return HashedFile(path, outcome.hashed.parts[0].digests, outcome.hashed.faults)


def _walk(folder: Path) -> Iterator[Path]:
    """Files below `folder`, or the path itself where it is no readable folder.

    Without recursion: how deep folders are nested is a stranger's choice.
    """
    waiting = [(folder, True)]
    while waiting:
        path, may_be_folder = waiting.pop()
        if not may_be_folder:
            yield path
            continue
        try:
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda entry: entry.name, reverse=True)
        except OSError:
            yield path
            continue
        waiting += [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries]
