"""Reading what has changed since it was last read, and writing what came of it; in a thread of its own.

A file that changes while it is read is read once more at the end; if it changes again, the result says so and the next
run reads it again. Whatever is wrong with a file is a result, and never the end of a run.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Final, TypeAlias

from node.hashing.file_hashes import Hashed
from node.hashing.plan import WAY, HashPlan, images_installed
from node.hashing.workers import HashWorkers
from node.hoster.scan.judge import Screening
from node.hoster.scan.part_codec import pack
from node.hoster.scan.results import reason_of
from node.hoster.scan.sources import Item, look_at
from node.hoster.scan.state import Kept, Run, ScanState

_BUFFERED: Final = 512
"""Files that are written in one transaction, unless a second passes before."""
_BUFFER_SECONDS: Final = 1.0
_CHANGED: Final = "it changed while it was read, and its hashes may be of neither version"


@dataclass(frozen=True, slots=True)
class Read:
    """What became of an item."""

    item: Item
    hashed: Hashed | None
    unreadable: str = ""
    now: Item | None = None
    """The same place as it is now, if another file is there than was found."""


Hashing: TypeAlias = Callable[[Iterator[Item]], Iterator[Read]]
"""Reads items, in whatever order they are ready."""


@dataclass(slots=True)
class Progress:
    """How far a scan has come in this process; read by another thread, which may see one number newer than another."""

    files: int = 0
    bytes: int = 0
    read: int = 0
    """Files that were read, the others had not changed."""
    hashes: int = 0
    """Of those."""
    unreadable: int = 0
    hits: int = 0
    """New ones."""
    total_files: int = 0
    """0: not counted yet."""
    total_bytes: int = 0


@dataclass(slots=True)
class _Buffer:
    """What is to be written."""

    read: list[tuple[Item, Hashed, tuple[str, ...]]] = field(default_factory=list)
    faulty: list[Kept] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.read) + len(self.faulty) + len(self.unchanged)


class Reading:
    """One run's reading, over a connection of its own thread."""

    def __init__(
        self, state: ScanState, run: Run, screening: Screening, progress: Progress, stop: Event, *, plan: str
    ) -> None:
        self._state = state
        self._run = run
        self._screening = screening
        self._progress = progress
        self._stop = stop
        self._plan = plan
        self._buffer = _Buffer()
        self._written = time.monotonic()
        self._again: list[Item] = []

    def read(self, items: Iterable[Item], hashing: Hashing) -> None:
        """See all items, read those that have changed, and those that change meanwhile once more."""
        self._read(items, hashing, last=False)
        again, self._again = self._again, []
        self._read(again, hashing, last=True)

    def _read(self, items: Iterable[Item], hashing: Hashing, *, last: bool) -> None:
        for read in hashing(self._to_read(items)):
            if self._stop.is_set():
                break
            if read.now is not None and read.hashed is not None and not last:
                self._again.append(read.now)
                continue
            self._take(read)
        self._flush()

    def _to_read(self, items: Iterable[Item]) -> Iterator[Item]:
        for found in items:
            if self._stop.is_set():
                return
            item = replace(found, mark=f"{found.mark}:{self._plan}" if found.mark else "")
            known = self._state.files.known(item.path)
            if known is not None:
                item = replace(item, known=known.id)
            if item.fault:
                self._take(Read(item, None, item.fault))
            elif known is not None and item.mark and (known.mark, known.size) == (item.mark, item.size):
                self._count(item.size)
                if known.seen != self._run.id:
                    self._buffer.unchanged.append(known.id)
                    self._flush_if_due()
            else:
                yield item

    def _take(self, read: Read) -> None:
        item, hashed = read.item, read.hashed
        if hashed is None:
            self._count(item.size)
            self._progress.unreadable += 1
            self._buffer.faulty.append(
                Kept(
                    path=item.path,
                    source=item.source,
                    size=item.size,
                    mark="",
                    reasons=(read.unreadable,),
                    unreadable=True,
                    id=item.known,
                )
            )
        else:
            self._count(hashed.size)
            self._progress.read += 1
            reasons = tuple(reason_of(fault.name, fault.reason) for fault in hashed.faults)
            if read.now is not None:
                item, reasons = replace(item, mark=""), (*reasons, _CHANGED)
            self._buffer.read.append((item, hashed, reasons))
        self._flush_if_due()

    def _count(self, octets: int) -> None:
        self._progress.files += 1
        self._progress.bytes += octets

    def _flush_if_due(self) -> None:
        if len(self._buffer) >= _BUFFERED or time.monotonic() - self._written > _BUFFER_SECONDS:
            self._flush()

    def _flush(self) -> None:
        buffer, self._buffer = self._buffer, _Buffer()
        screened = self._screening.screened([hashed.parts for _, hashed, _ in buffer.read])
        kept = [
            Kept(
                path=item.path,
                source=item.source,
                size=hashed.size,
                mark=item.mark,
                screens=screens,
                parts=pack(hashed.parts),
                reasons=reasons,
                pending=survives,
                id=item.known,
            )
            for (item, hashed, reasons), (screens, survives) in zip(buffer.read, screened, strict=True)
        ]
        if len(buffer):
            self._state.files.keep(self._run, [*buffer.faulty, *kept], unchanged=buffer.unchanged)
        self._progress.hashes += sum(
            len(part.digests) for _, hashed, _ in buffer.read for part in hashed.parts
        )
        self._written = time.monotonic()


def locally(workers: HashWorkers) -> Hashing:
    """Reads files of this machine."""

    def hashing(items: Iterator[Item]) -> Iterator[Read]:
        under_way: dict[int, Item] = {}

        def paths() -> Iterator[Path]:
            for place, item in enumerate(items):
                under_way[place] = item
                yield Path(os.fsdecode(item.path))

        for outcome in workers.results(paths()):
            item = under_way.pop(outcome.place)
            yield Read(item, outcome.hashed, outcome.unreadable, now=_if_changed(item, outcome.hashed))

    return hashing


def plan_name(plan: HashPlan) -> str:
    """Names how files are hashed: what was hashed in another way is read again."""
    return sha256(f"{WAY} {plan!r} {images_installed()}".encode()).hexdigest()[:8]


def _if_changed(item: Item, hashed: Hashed | None) -> Item | None:
    """What is there now, unless what was read is what was found.

    The place is not asked whether it changed: whoever owns a folder can put another in its place, and this one back.
    """
    if hashed is None or (hashed.mark and item.mark.startswith(f"{hashed.mark}:")):
        return None
    return look_at(item.source, item.path)
