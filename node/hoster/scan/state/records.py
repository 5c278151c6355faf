"""What is kept of runs and files, as values, and what a file's result follows from."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from node.hoster.scan.results import FileResult, HitFacts, Status

_NOT_ASKED: Final = "it survives the local screen, and the node was not asked about it yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a scan over some sources, which may be interrupted and go on."""

    id: int
    sources: tuple[str, ...]
    started_ms: int
    ended_ms: int
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What tells whether a file has changed since it was read."""

    id: int
    mark: str
    size: int
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file as it is kept, without its hashes' meaning."""

    path: bytes
    source: str
    size: int
    mark: str
    """Of the file when it was read; empty: read it again next time."""
    screens: bytes = field(default=b"", repr=False)
    """Screen values of all its hashes in order, 8 bytes each, little-endian."""
    parts: bytes = field(default=b"", repr=False)
    """Its hashes, packed."""
    reasons: tuple[str, ...] = ()
    unreadable: bool = False
    pending: bool = False
    """The node is to be asked about it."""
    hits: tuple[HitFacts, ...] = ()
    id: int = 0
    """0: new."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the node answered about a file's hashes, in the epoch that it was asked in."""

    epoch: str
    data: bytes = field(repr=False)
    outputs: bytes = field(default=b"", repr=False)
    """64 bytes for each of them; empty in what an earlier version wrote."""


@dataclass(frozen=True, slots=True)
class Page:
    """Screen values of many files."""

    ids: list[int]
    lengths: list[int]
    """Values of each."""
    values: bytes = field(repr=False)


def named(path: bytes, part: str) -> str:
    """A file, or a part of it, by name: `a.gif#2`, `a.zip!inner.jpg`."""
    return os.fsdecode(path) + (part if not part or part.startswith("#") else f"!{part}")


def result_of(kept: Kept) -> FileResult:
    """A kept file as a result."""
    return FileResult(
        source=kept.source,
        path=os.fsdecode(kept.path),
        size=kept.size,
        status=status_of(kept.unreadable, kept.pending, bool(kept.reasons), kept.hits),
        reasons=(*kept.reasons, *([_NOT_ASKED] if kept.pending else [])),
        hits=kept.hits,
    )


def status_of(unreadable: bool, pending: bool, partly: bool, hits: Sequence[HitFacts]) -> Status:  # noqa: FBT001
    """What is known of a file that could not be read, is pending, was looked at in part, or has hits."""
    if any(not each.test_file for each in hits):
        return Status.HIT
    if unreadable:
        return Status.UNREADABLE
    if pending:
        return Status.UNCONFIRMED
    if partly:
        return Status.PARTLY
    return Status.TEST_FILE if hits else Status.CLEAN
