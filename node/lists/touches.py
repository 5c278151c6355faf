"""What a judgement of some digests reads of a list beside their entries: what ends or amends them, and all blocks.

A release reads which others are of one file, too. Who moves a head or opens an older event notes both in that
transaction (`touches_of`, `runs_of`); what older versions did not note is read once, by whoever judges first
(`catch_up`). An event of which too much is noted is read in vain. The rules are `protocol.judgement`'s alone.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from node.errors import MissingObjectError
from node.lists.openings import ContentIds, OpeningColumns, content_id_in
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogKind, LogRecord, Reach, Touch
from node.store.store import Store
from node.store.vault import Vault
from protocol.errors import MalformedError
from protocol.limits import BUNDLE_WIDTH, EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import REFERRING, Header, Op
from protocol.lists.ext import REAFFIRMS, Reason
from protocol.lists.opening import NONCE_BYTES, Opening, readable

_SLICE: Final = 64
"""Bundles that are read before it is noted how far that got."""
_HASH: Final = b"\x58\x20"
"""CBOR's head of 32 bytes: whoever names an event gives its hash."""
_REFS: Final = re.compile(bytes((REAFFIRMS,)) + rb"[\x81-\x97]")
"""The key, and the head of an array of up to 23, which `MAX_REAFFIRMS` keeps to."""
_EVERYWHERE: Final = frozenset({Op.DISPUTE, Op.CONTINUE})


def touches_of(first: int, events: Sequence[bytes], openings: OpeningColumns) -> Iterator[Touch]:
    """What verified events from the position `first` on say of others."""
    ops = np.frombuffer(b"".join(events), dtype=np.uint8)[1::EVENT_BYTES]
    for at in np.flatnonzero((ops != Op.ADD) | openings.having(_HASH)).tolist():  # most name no other
        yield from _touch_of(first + at, events[at], openings.rows[at])


def runs_of(vault: Vault, first: int, content_ids: ContentIds) -> NDArray[np.int64]:
    """Which verified openings from the position `first` on carry the content id of their neighbour.

    A row of each `FileRun`.
    """
    begun = content_ids != np.concatenate([[b""], content_ids])[:-1]
    begun[-first % BUNDLE_WIDTH :: BUNDLE_WIDTH] = True  # whoever reads a bundle by itself finds the same
    begins = np.flatnonzero(begun)
    ends = np.append(begins, len(content_ids))[1:] - 1
    named = content_ids[begins] != b""
    begins, ends = begins[named], ends[named]
    keys = vault.file_keys_of([content_id_in(each) for each in content_ids[begins].tolist()])
    return np.column_stack([np.array(keys, dtype=np.int64), first + begins, first + ends])


def _touch_of(position: int, event: bytes, opening: bytes) -> Iterator[Touch]:
    header = Header.from_bytes(event[:HEADER_BYTES])
    if not header.known:
        return
    reach = _reach(header, opening)
    if header.op != Op.ADD or reach:
        yield Touch(header.ref if header.op in REFERRING else position, position, header.op, reach)


def _reach(header: Header, opening: bytes) -> Reach:
    if header.op in _EVERYWHERE:
        return Reach.ALL
    if not opening or not readable(header, opening):
        return Reach.ITS_ENTRY
    try:
        if header.op == Op.WITHDRAW:
            return Reach.ALL if _is_error(opening[NONCE_BYTES:]) else Reach.ITS_ENTRY
        reaffirms = _REFS.search(opening) is not None and Opening.from_bytes(opening).ext.reaffirms
    except MalformedError:  # nobody verified what peers gave back; whoever folds the list says what is wrong
        return Reach.ALL
    return Reach.CONTINUED if reaffirms else Reach.ITS_ENTRY


@lru_cache(64)
def _is_error(said: bytes) -> bool:
    """Whether the rest of an opening behind its nonce names this reason: thousands of withdrawals say the same."""
    return Opening.from_bytes(bytes(NONCE_BYTES) + said).ext.reason == Reason.ERROR


def catch_up(store: Store, origin: str | None = None) -> None:
    """Read what older versions noted nothing of, in one list or in all; goes on where it was cut off."""
    while (log := _behind(store, origin)) is not None:
        try:
            _read_on(store, log)
        except MissingObjectError:  # a wider bundle took the place of the one that was read
            if not _grew(store, log):
                raise


def rebuild(store: Store, log: LogRecord) -> None:
    """Read a list from its beginning, because rows are missing."""
    with store.write() as unit:
        unit.touches.restart(log.id)
    catch_up(store, log.origin)


def _behind(store: Store, origin: str | None) -> LogRecord | None:
    with store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
    wanted = (log for log in logs if origin in {None, log.origin})
    return next((log for log in wanted if log.touched < log.head.size), None)


def _grew(store: Store, log: LogRecord) -> bool:
    with store.read() as unit:
        return unit.logs.get(log.origin).head.size > log.head.size


def _read_on(store: Store, log: LogRecord) -> None:
    files, size = LogFiles(store.objects, store.vault, log.origin), log.head.size
    begun = log.touched // BUNDLE_WIDTH
    touches: list[Touch] = []
    runs: list[NDArray[np.int64]] = []
    for index in range(begun, begun + _SLICE):
        said = bundle_notes(store.vault, files, index, size=size)
        touches += said[0]
        runs.append(said[1])
    with store.write() as unit:
        unit.touches.put(log.id, touches)
        unit.file_runs.put(log.id, np.concatenate(runs))
        unit.touches.advance(log.id, first=log.touched, end=min((begun + _SLICE) * BUNDLE_WIDTH, size))


def bundle_notes(
    vault: Vault, files: LogFiles, index: int, *, size: int
) -> tuple[list[Touch], NDArray[np.int64]]:
    """What is to be noted of one bundle of a list of `size`, as far as its openings are held."""
    first, openings = index * BUNDLE_WIDTH, OpeningColumns(files.openings(index, size=size))
    touches = touches_of(first, files.events(index, size=size), openings)
    return [*touches], runs_of(vault, first, openings.content_ids)
