"""One list as a peer serves it, and a follower that keeps what it pulled in memory.

`Served` holds a `ListWriter`'s events under a real log key; tests alter the answers that come out of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from keys.key import LogPrivateKey
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.sequence import LogShape
from protocol.pull.inputs import Held, LogTrust
from protocol.pull.machine import GetBundle, GetCheckpoint, Pull, Pulled, RecallShape, Unchanged
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.note import VerifierKey
from protocol.tlog.tiles import encode_bundle
from support.lists import START_MS, ListWriter, digest
from support.logs import LOG

NOW = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(days=1)
NOW_MS = START_MS + 86_400_000
ALL = frozenset({BASELINE, NATIONAL})

Answer = tuple[bytes, bytes | None]
"""Entries and openings of one bundle."""


@dataclass
class Served:
    """A list and the key that signs its heads."""

    writer: ListWriter
    key: LogPrivateKey = field(default_factory=lambda: LOG)

    @property
    def origin(self) -> str:
        return self.writer.origin

    @property
    def size(self) -> int:
        return len(self.writer.events)

    def trust(self) -> LogTrust:
        return LogTrust(origin=self.origin, log_keys=(VerifierKey.of_log(self.origin, self.key.public),))

    def tree(self, size: int | None = None) -> CompactRange:
        tree = CompactRange()
        tree.extend(map(leaf_hash, self.writer.events[: self.size if size is None else size]))
        return tree

    def note(self, size: int | None = None) -> bytes:
        """The signed head at a size, by default the newest."""
        tree = self.tree(size)
        return sign_checkpoint(Checkpoint(self.origin, tree.size, tree.root()), [self.key])

    def bundle(self, request: GetBundle, *, granted: frozenset[int] = ALL) -> Answer:
        """What an honest peer answers."""
        first = request.index * BUNDLE_WIDTH
        rows = slice(first, first + request.width)
        events, openings = self.writer.events[rows], self.writer.openings[rows]
        shown = [
            opening if opening and int.from_bytes(event[2:4]) in granted | {0} else b""
            for event, opening in zip(events, openings, strict=True)
        ]
        return encode_bundle(events), encode_bundle(shown) if request.openings else None

    def held(self, size: int) -> Held:
        """What a follower holds that pulled up to `size`."""
        tail = tuple(self.writer.events[size - size % BUNDLE_WIDTH : size])
        return Held(note=self.note(size), frontier=self.tree(size).to_bytes(), tail=tail)

    def shape(self, size: int) -> LogShape:
        shape = LogShape()
        shape.admit_bundle(0, self.writer.events[:size], NOW_MS)
        return shape


@dataclass
class Course:
    """One pull driven to its end: what was asked and how it ended."""

    requests: list[object] = field(default_factory=list)
    result: Pulled | Unchanged | None = None


def pull_of(
    served: Served, held: Held | None = None, *, granted: frozenset[int] = ALL, trust: LogTrust | None = None
) -> Pull:
    """A pull that is about to begin."""
    return Pull(held or Held(), trust or served.trust(), granted=granted, now=NOW)


def drive(
    pull: Pull,
    served: Served,
    *,
    note: bytes | None = None,
    answer: Callable[[GetBundle], Answer] | None = None,
    granted: frozenset[int] = ALL,
) -> Course:
    """Answer every request, honestly where nothing else is given; errors pass through."""
    course = Course()
    while (request := pull.next_request()) is not None:
        course.requests.append(request)
        match request:
            case GetCheckpoint(held=held):
                newest = note if note is not None else served.note()
                pull.receive_head(None if newest == held else newest)
            case RecallShape(size=size):
                pull.recall(served.shape(size))
            case GetBundle():
                honest = answer or (lambda wanted: served.bundle(wanted, granted=granted))
                pull.receive_bundle(*honest(request))
    course.result = pull.result
    return course


def filled(count: int, *, writer: ListWriter | None = None) -> ListWriter:
    """A list of adds of different digests, every fifth in another collection."""
    writer = writer or ListWriter()
    for number in range(len(writer.events), len(writer.events) + count):
        writer.add(digest(f"file {number}"), collection=NATIONAL if number % 5 == 4 else BASELINE)
    return writer


def served(count: int) -> Served:
    """A filled list as it is served."""
    return Served(filled(count))


def rows_of(data: bytes) -> list[bytes]:
    """The entries or openings of a bundle of any width."""
    rows, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        rows.append(data[at + 2 : end])
        at = end
    return rows


def with_row(data: bytes, at: int, row: bytes) -> bytes:
    """The same bundle with another entry or opening at one place."""
    rows = rows_of(data)
    return encode_bundle([*rows[:at], row, *rows[at + 1 :]])
