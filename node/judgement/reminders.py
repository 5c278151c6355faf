"""Own entries whose review date has come: what each list says is read once, and remembered.

`review-by` is advisory: an entry past it stays what it is. What was found is kept, sealed and without a digest, and
only later events are read; how many are due on which day is kept in the clear, so that `sigfed status` needs no
secret. Changes that wait for publication count when they are published.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.errors import ConfigError, StoreDownError, StoreError
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.ext import REVIEW_BY
from protocol.lists.opening import NONCE_BYTES

_DATES: Final = ("reviews", "dates")
_DAYS: Final = ("reviews-due", "days")
_KEY: Final = bytes((REVIEW_BY,))
_EXT_FROM: Final = NONCE_BYTES + 2
_OPENED: Final = frozenset({Op.ADD, Op.AMEND})


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """An own entry to look at again."""

    review_by: date
    origin: str
    index: int


def due(store: Store, *, until: date) -> Sequence[Due]:
    """Active own entries with a review date up to `until`, earliest first."""
    found = (
        Due(date.fromordinal(day), log.origin, index)
        for log in _own_lists(store)
        for index, day in _dates(store, log).items()
        if day <= until.toordinal()
    )
    return sorted(found)


def count_due(store: Store, *, until: date) -> Mapping[date, int]:
    """How many of them there are on each day; a secret is needed only where a list grew since it was last asked."""
    found: Counter[date] = Counter()
    for log in _own_lists(store):
        found.update({day: count for day, count in _counts(store, log).items() if day <= until})
    return found


def _own_lists(store: Store) -> Sequence[LogRecord]:
    with store.read() as unit:
        return [log for log in unit.logs.ls(LogKind.OWN_LIST) if log.head.size]


def _counts(store: Store, log: LogRecord) -> Mapping[date, int]:
    """How many entries are to be looked at again on each day, of the list as it is published."""
    name = _object_name(store, log, *_DAYS)
    with suppress(StoreError, AttributeError, TypeError, ValueError):  # missing, or damaged
        size, days = json.loads(store.objects.get(name))
        if size == log.head.size:
            return {date.fromisoformat(day): int(count) for day, count in days.items()}
    counts = Counter(date.fromordinal(day) for day in _dates(store, log).values())
    days = {day.isoformat(): count for day, count in counts.items()}
    _remember(store, name, json.dumps([log.head.size, days]).encode())
    return counts


def _dates(store: Store, log: LogRecord) -> Mapping[int, int]:
    """Review dates as ordinals by position, at the published size."""
    size, dates = _remembered(store, log)
    if size > log.head.size:  # the store was restored from an older backup than the objects
        size, dates = 0, {}
    if size < log.head.size:
        _read_on(store, log, size, dates)
        data = json.dumps([log.head.size, list(dates.items())]).encode()
        name = _object_name(store, log, *_DATES)
        _remember(store, name, store.vault.seal(name, data))
    return dates


def _remember(store: Store, name: str, data: bytes) -> None:
    """What is not kept is read again the next time: who looks at a node whose disk is full must see that."""
    with suppress(StoreDownError, ConfigError):
        store.objects.put(name, data)


def _read_on(store: Store, log: LogRecord, first: int, dates: dict[int, int]) -> None:
    for position, header, opening in _events(store, log, first):
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
    from node.lists.entries import parse_opening  # noqa: PLC0415 - most lists have no such date

    return parse_opening(opening).ext.review_by


def _events(store: Store, log: LogRecord, first: int) -> Iterator[tuple[int, Header, bytes | None]]:
    files = LogFiles(store.objects, store.vault, log.origin)
    for position, event, opening in files.items(first=first, size=log.head.size):
        yield position, Header.from_bytes(event[:HEADER_BYTES]), opening


def _remembered(store: Store, log: LogRecord) -> tuple[int, dict[int, int]]:
    name = _object_name(store, log, *_DATES)
    try:
        size, dates = json.loads(store.vault.unseal(name, store.objects.get(name)))
    except StoreError:  # missing, or damaged: it says nothing that the list does not say
        return 0, {}
    return size, dict(dates)


def _object_name(store: Store, log: LogRecord, kind: str, last: str) -> str:
    return LogFiles(store.objects, store.vault, log.origin).name(kind, last)
