"""What a scan found, file by file and in sum: what reports are made of. Nothing here holds a digest.

Reports iterate a run's `FileResult`s in the order of their paths, which are bytes in truth: what is not UTF-8 in a name
is kept as lone surrogates (PEP 383). How a result comes about is `judge`'s matter, where it is kept `state`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_IN: Final = " — "
"""Between the name of a part and why it was not looked at; no reason has it."""


def reason_of(part: str, words: str) -> str:
    """Why a part of a file could not be looked at; the part is empty for the file itself."""
    return f"{part}{_IN}{words}" if part else words


def without_part(reason: str) -> str:
    """The words of such a reason, whatever the part is called."""
    return reason.rpartition(_IN)[2]


class Status(StrEnum):
    """What is known of a file, in one word; of several, the first that applies."""

    HIT = "hit"
    """It, or a part of it, is on the list."""
    TEST_FILE = "test-file"
    """It is the published test file, not material."""
    UNCONFIRMED = "unconfirmed"
    """It survives the local screen and the node has not been asked yet."""
    UNREADABLE = "unreadable"
    """It could not be read: nothing is known of it."""
    PARTLY = "partly"
    """Parts of it could not be looked at; the rest is not on the list."""
    CLEAN = "clean"
    """Not on the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitFacts:
    """One part of a file that is on the list."""

    part: str
    """Empty: the file itself; else a member of an archive, or a later frame."""
    collection: str
    """Name; empty when the release carries no labels."""
    countries: tuple[str, ...]
    algorithms: tuple[str, ...]
    """Names of the hashes that are listed, as `sha256`."""
    weak: bool
    """Only one of md5 and sha1 matched: a person must look first."""
    hit: str
    """Id in the spool of hits, in hexadecimal digits; empty for the test file."""

    @property
    def test_file(self) -> bool:
        """Whether it is the published test file."""
        return not self.hit


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """One file or object."""

    source: str
    """Where it is from, in words that people gave: a folder, `s3://bucket/prefix`, or the list that named it."""
    path: str
    """Absolute path, or `s3://bucket/key`."""
    size: int
    """Bytes; of a file that cannot be read, what its folder says, or 0."""
    status: Status
    reasons: tuple[str, ...] = ()
    """Why it, or which parts of it, could not be looked at, or have no verdict yet; each made by `reason_of`."""
    hits: tuple[HitFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSummary:
    """A run in sum, however often it was interrupted."""

    sources: tuple[str, ...]
    counts: Mapping[Status, int] = field(default_factory=dict)
    """Files of each status; a status without files may be missing."""
    bytes: int = 0
    """Of all files, also those that were not read again because they had not changed."""
    read: int = 0
    """Files that were read in this run."""
    passed_over: int = 0
    """Symbolic links, pipes, sockets and devices in folders: never opened, no results of their own."""
    started_ms: int = 0
    ended_ms: int = 0
    """0: interrupted."""
    subset: str = ""
    release: int = 0
    """Version of the release that all was judged with."""
    list_age_ms: int = 0
    """How long ago, when the run began, the node had last confirmed what is held here."""
    screen_only: bool = False
    """The node was not to be asked: what survives the screen is unconfirmed."""
    to_undo: int = 0
    """Hits of this home that were withdrawn after somebody acted on them, by now."""

    @property
    def files(self) -> int:
        """All results."""
        return sum(self.counts.values())

    @property
    def unchanged(self) -> int:
        """Files that were read in an earlier run and have not changed since."""
        return self.files - self.read - self.count(Status.UNREADABLE)

    def count(self, status: Status) -> int:
        """Files of a status."""
        return self.counts.get(status, 0)
