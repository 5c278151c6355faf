"""Own entries whose review date has come: what each list says is read once, and remembered.

`review-by` is advisory: an entry past it stays what it is. `sigfed status` tells of it every time, so what was found is
kept, sealed and without a digest, beside the log, and only later events are read. Changes that wait for publication
count when they are published.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.errors import StoreError
from node.lists.entries import parse_opening
from node.storage.logfiles import LogFiles
from node.storage.shelf import Shelf
from node.store.lists.records import LogKind, LogRecord
from protocol.lists.event import HEADER_BYTES, Header, Op
from protocol.lists.ext import REVIEW_BY
from protocol.lists.opening import NONCE_BYTES

_NAME: Final = "dates"
_KEY: Final = bytes((REVIEW_BY,))
_EXT_FROM: Final = NONCE_BYTES + 2
_OPENED: Final = frozenset({Op.ADD, Op.AMEND})


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """An own entry to look at again."""

    review_by: date
    origin: str
    index: int


def due(shelf: Shelf, *, until: date) -> Sequence[Due]:
    """Active own entries with a review date up to `until`, earliest first."""
    with shelf.storage.read() as unit:
        logs = [log for log in unit.logs.ls(LogKind.OWN_LIST) if log.head.size]
    found = (
        Due(date.fromordinal(day), log.origin, index)
        for log in logs
        for index, day in _dates(shelf, log).items()
        if day <= until.toordinal()
    )
    return sorted(found)


def _dates(shelf: Shelf, log: LogRecord) -> Mapping[int, int]:
    """Review dates as ordinals by position, at the published size."""
    size, dates = _remembered(shelf, log)
    if size > log.head.size:  # the store was restored from an older backup than the objects
        size, dates = 0, {}
    if size < log.head.size:
        _read_on(shelf, log, size, dates)
        data = json.dumps([log.head.size, list(dates.items())]).encode()
        name = _object_name(shelf, log)
        shelf.objects.put(name, shelf.vault.seal(name, data))
    return dates


def _read_on(shelf: Shelf, log: LogRecord, first: int, dates: dict[int, int]) -> None:
    for position, header, opening in _events(shelf, log, first):
        if header.op == Op.WITHDRAW:
            dates.pop(header.ref, None)
        elif header.known and header.op in _OPENED:
            entry = position if header.op == Op.ADD else header.ref
            day = _review_by(opening)
            if day is None:
                dates.pop(entry, None)
            else:
                dates[entry] = day.toordinal()


def _review_by(opening: bytes | None) -> date | None:
    """The date in an opening; most have none, and looking for its key is cheaper than parsing."""
    if opening is None or _KEY not in opening[_EXT_FROM:]:
        return None
    return parse_opening(opening).ext.review_by


def _events(shelf: Shelf, log: LogRecord, first: int) -> Iterator[tuple[int, Header, bytes | None]]:
    files = LogFiles(shelf.objects, shelf.vault, log.origin)
    for position, event, opening in files.items(first=first, size=log.head.size):
        yield position, Header.from_bytes(event[:HEADER_BYTES]), opening


def _remembered(shelf: Shelf, log: LogRecord) -> tuple[int, dict[int, int]]:
    name = _object_name(shelf, log)
    try:
        size, dates = json.loads(shelf.vault.unseal(name, shelf.objects.get(name)))
    except StoreError:  # missing, or damaged: it says nothing that the list does not say
        return 0, {}
    return size, dict(dates)


def _object_name(shelf: Shelf, log: LogRecord) -> str:
    return LogFiles(shelf.objects, shelf.vault, log.origin).name("reviews", _NAME)
