"""What somebody with a stolen log key may have published in an own list, and the last head that is surely the owner's.

A list's events carry the time of their publication, so what was added when can be shown without any hash; which of it
the owner recognises is for people. Spec: docs/spec/trust.md, "Revocations".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from keys.trust.node_parts import FinalCheckpoint
from node.errors import UsageError
from node.ports.logs import LogRecord
from node.services.diverging import local_tree
from node.services.logfiles import LogFiles
from node.services.shelf import Shelf
from protocol.event import HEADER_BYTES, Header, Op


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one publication added to a list: its events are of one time."""

    first: int
    size: int
    """Of the list after it: what can be named as the last good size."""
    time_ms: int
    adds: int
    withdrawals: int
    others: int


def head_at(shelf: Shelf, log: LogRecord, size: int) -> FinalCheckpoint:
    """The head that an own log had at `size`; raises `UsageError` for a size that it never had."""
    if not 0 <= size <= log.head.size:
        raise UsageError(f"{log.origin} has {log.head.size} events", hint="choose a size up to that")
    return FinalCheckpoint(size, local_tree(shelf, log).prefix_root(size))


def rounds(shelf: Shelf, log: LogRecord, *, since: int = 0) -> Iterator[Round]:
    """The publications of an own list from index `since` on, oldest first; nothing of it names a hash."""
    files = LogFiles(shelf.objects, shelf.vault, log.origin)
    headers = (
        (index, Header.from_bytes(event[:HEADER_BYTES]))
        for index, event, _ in files.items(first=since, size=log.head.size)
    )
    for time_ms, group in groupby(headers, key=lambda pair: pair[1].time_ms):
        pairs = list(group)
        adds = sum(header.op == Op.ADD for _, header in pairs)
        withdrawals = sum(header.op == Op.WITHDRAW for _, header in pairs)
        yield Round(
            first=pairs[0][0],
            size=pairs[-1][0] + 1,
            time_ms=time_ms,
            adds=adds,
            withdrawals=withdrawals,
            others=len(pairs) - adds - withdrawals,
        )
