"""The pending head of an own log: fixed once, checked before it is signed, signed as it is.

What lists and release logs have in common when they grow. A pending head is never replaced, so before it is signed
the leaves at hand must be the ones it was made from, and afterwards the signature must be of this head.
"""

from collections.abc import Sequence

from node.errors import StoreError
from node.store.lists.records import Head, LogRecord
from protocol.errors import MalformedError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import CompactRange
from protocol.tlog.note import Note


class OtherLeavesError(StoreError):
    """What waits is not what the pending head was made from: damaged, or published meanwhile."""


def frontier(log: LogRecord) -> CompactRange:
    """The compact range at the head of a log; raises `StoreError` when it is damaged."""
    try:
        return CompactRange.from_bytes(log.head.frontier)
    except MalformedError as exc:
        raise StoreError("{origin}: its stored frontier is damaged", log.origin) from exc


def next_head(log: LogRecord, leaves: Sequence[bytes], *, time_ms: int) -> Head:
    """The head of `log` with more leaf hashes."""
    tree = frontier(log)
    tree.extend(leaves)
    return Head(size=tree.size, root=tree.root(), frontier=tree.to_bytes(), time_ms=time_ms)


def require_leaves(log: LogRecord, leaves: Sequence[bytes]) -> None:
    """Check that the pending head was made from these leaf hashes; raises `OtherLeavesError`.

    Damage to what waits must stop here: the head is fixed, and other leaves would never fit it.
    """
    assert log.pending is not None, "there is nothing to finish"
    head = next_head(log, leaves, time_ms=log.pending.time_ms)
    if (head.size, head.root) != (log.pending.size, log.pending.root):
        raise OtherLeavesError(
            "{origin}: what waits is not what its pending head was made from",
            log.origin,
            hint="restore the object folder from a backup of the same time as the database",
        )


def require_signed(log: LogRecord, note: bytes) -> None:
    """Check that a signer signed the pending head and nothing else; raises `StoreError`."""
    assert log.pending is not None, "there is nothing to finish"
    try:
        signed = Checkpoint.from_text(Note.parse(note).text)
    except MalformedError as exc:
        raise StoreError("{origin}: the signer gave something that is not a checkpoint", log.origin) from exc
    if signed != Checkpoint(log.origin, log.pending.size, log.pending.root):
        raise StoreError("{origin}: the signer signed another head than the pending one", log.origin)
