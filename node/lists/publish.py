"""Waiting changes into a signed head: pending, signed, published, and repaired by running it again.

One transaction makes the new head pending (compare-and-swap) and with it the time of the round: from then on the events
are fixed. The objects are written, the signer signs exactly that head, a last transaction publishes it. Whatever is cut
off between these steps, the next run finds the pending head and finishes it; a pending head is never replaced. What the
published events ask to delete is deleted after that, before more is published or refused: a peer must be able to tell
that an opening is missing for a reason.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from node.clock import DAY_MS
from node.errors import ConflictError, MissingObjectError
from node.lists.catalogue import count_on, own_list
from node.lists.changes import event_of
from node.lists.corrections.erase import carry_out, redo
from node.lists.entries import read_batch
from node.lists.heads import OtherLeavesError, next_head, require_leaves, require_signed
from node.lists.openings import OpeningColumns
from node.lists.pace import NO_LIMITS, FollowGuards, require_within
from node.lists.touches import runs_of, touches_of
from node.objects.logfiles import LogFiles
from node.ports.log_signer import LogSigner
from node.store.lists.records import Batch, Intake, LogRecord
from node.store.store import Store
from node.trust.others.time import require_plausible
from protocol.lists.event import Op
from protocol.lists.opening import origin_hash
from protocol.tlog.merkle import leaf_hash

_ROUND: Final = 2**16
"""Changes under one checkpoint, at most: what a round holds in memory, 0.3 kB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication did; all zero when nothing was waiting."""

    size: int
    adds: int = 0
    withdrawals: int = 0
    others: int = 0
    """Amends, disputes and their ends."""
    checkpoints: int = 0
    note: bytes

    @property
    def changed(self) -> bool:
        """Whether a new head was published."""
        return self.checkpoints > 0


@dataclass(frozen=True, slots=True)
class _Round:
    """The events that a pending head adds."""

    events: list[bytes]
    openings: list[bytes]
    leaves: list[bytes]
    ops: Counter[int]

    def intake(self, now_ms: int) -> Intake:
        """What counts for the day's limits."""
        return Intake(
            received_ms=now_ms,
            adds=self.ops[Op.ADD],
            withdrawals=self.ops[Op.WITHDRAW],
            disputes=self.ops[Op.DISPUTE],
        )


def publish(
    store: Store, origin: str, *, signer: LogSigner, now_ms: int, limits: FollowGuards | None = None
) -> Published:
    """Publish everything that waits in the own list `origin`, after finishing what was cut off.

    `limits` are what the node announces as a normal day. They are asked once, about all that waits: a withdrawal lets
    through what waits with it, and is gone after the first round. What comes in meanwhile waits for the next time. A
    list's first publication is not counted, because whoever follows it from then on asks for all of it.

    Raises:
        BeyondLimitsError: more waits than `limits` allow in this day, or this clock is a month ahead of everybody's;
            nothing of it was published.
        NotFoundError: there is no such list.
        ConflictError: another publisher was faster; nothing was lost, running again shows the outcome.
    """
    adds = withdrawals = others = checkpoints = 0
    first, end = False, 0
    while True:
        carry_out(store, origin, now_ms=now_ms)
        log = _log(store, origin)
        first = first or log.note is None
        if log.pending is None and not end:
            end = log.tail
            if limits is not None and not first:
                _require_within(store, log, limits, now_ms)
        if log.pending is None and log.note is not None and log.head.size >= end:
            break
        try:
            done, events = _publish_round(store, log, signer, now_ms, end=end, counted=not first)
        except ConflictError:
            redo(store, log, now_ms=now_ms)
            raise
        adds, withdrawals = adds + done.adds, withdrawals + done.withdrawals
        others += events - done.adds - done.withdrawals
        checkpoints += 1
    count_on(store)  # what waited is out
    return Published(
        size=log.head.size,
        adds=adds,
        withdrawals=withdrawals,
        others=others,
        checkpoints=checkpoints,
        note=log.note,
    )


def _require_within(store: Store, log: LogRecord, limits: FollowGuards, now_ms: int) -> None:
    """Changes are counted by kind only when there are so many that it matters.

    A withdrawal or dispute never waits behind additions: with one in the queue, additions are not counted, and
    followers set aside what is beyond.
    """
    waiting = log.tail - log.head.size
    if not waiting:
        return
    with store.read() as unit:
        if limits is not NO_LIMITS:
            require_plausible(unit, now_ms)
        before = unit.quarantine.intake_since(log.node, since_ms=now_ms - DAY_MS)
        if waiting <= limits.least_left(before):
            return
        batches = unit.pending.ls(log.id, first=log.head.size)
        ops = Counter(change.op for batch in batches for change in read_batch(store, batch.object))
        new = Intake(
            received_ms=now_ms,
            adds=0 if ops[Op.WITHDRAW] or ops[Op.DISPUTE] else ops[Op.ADD],
            withdrawals=ops[Op.WITHDRAW],
            disputes=ops[Op.DISPUTE],
        )
        require_within(unit, log.node, new, limits)


def _publish_round(
    store: Store, log: LogRecord, signer: LogSigner, now_ms: int, *, end: int, counted: bool
) -> tuple[Intake, int]:
    """One head, from wherever it stands to published: what counts of it, and its events; a new one ends by `end`."""
    try:
        if log.pending is None:
            log, round_ = _claim(store, log, now_ms, end=min(log.head.size + _ROUND, end))
        else:
            round_ = _read_round(store, log, log.pending.time_ms, end=log.pending.size)
        _finish(store, log, round_, signer, now_ms, counted=counted)
    except (MissingObjectError, OtherLeavesError):
        # Whoever publishes a head tidies up behind it, so a slower publisher may miss what it was about to read.
        if _log(store, log.origin).head == log.head:
            raise
        raise ConflictError(
            "{origin}: another publisher was faster", log.origin, hint="run the command again"
        ) from None
    return round_.intake(now_ms), len(round_.events)


def _log(store: Store, origin: str) -> LogRecord:
    with store.read() as unit:
        return own_list(unit, origin)


def _claim(store: Store, log: LogRecord, now_ms: int, *, end: int) -> tuple[LogRecord, _Round]:
    """Fix the next head, which ends by `end`, and make it pending."""
    time_ms = max(now_ms, log.head.time_ms)
    round_ = _read_round(store, log, time_ms, end=end)
    head = next_head(log, round_.leaves, time_ms=time_ms)
    with store.write() as unit:
        unit.logs.claim(log, head, note=None)
        return unit.logs.get(log.origin), round_


def _read_round(store: Store, log: LogRecord, time_ms: int, *, end: int) -> _Round:
    """The events of the batches that lie before `end`, as they are at `time_ms`."""
    with store.read() as unit:
        batches = unit.pending.ls(log.id, first=log.head.size, end=end)
    round_ = _Round([], [], [], Counter())
    hashed = origin_hash(log.origin)
    for batch in takewhile(lambda batch: batch.first + batch.count <= end, batches):
        for change in read_batch(store, batch.object):
            event = event_of(change, origin_hash=hashed, time_ms=time_ms)
            round_.events.append(event)
            round_.openings.append(change.opening)
            round_.leaves.append(leaf_hash(event))
            round_.ops[change.op] += 1
    return round_


def _finish(
    store: Store, log: LogRecord, round_: _Round, signer: LogSigner, now_ms: int, *, counted: bool
) -> None:
    """From the pending head to the published one; every step gives the same when it is repeated."""
    assert log.pending is not None, "there is nothing to finish"
    require_leaves(log, round_.leaves)
    files = LogFiles(store.objects, store.vault, log.origin)
    store.objects.put_all(files.growth(log.head.size, round_.events, round_.openings))
    note = signer.sign(log.origin, start=log.head.size, leaf_hashes=round_.leaves)
    require_signed(log, note)
    openings = OpeningColumns(round_.openings)
    touches = list(touches_of(log.head.size, round_.events, openings))
    runs = runs_of(store.vault, log.head.size, openings.content_ids)
    with store.write() as unit:
        unit.logs.settle(log, note=note, checked_ms=now_ms)
        unit.touches.put(log.id, touches)
        unit.file_runs.put(log.id, runs)
        unit.touches.advance(log.id, first=log.head.size, end=log.pending.size)
        unit.withdrawals.publish(log.id, size=log.pending.size, now_ms=now_ms)
        done = unit.pending.remove(log.id, end=log.pending.size)
        if counted and round_.events:
            unit.quarantine.note_intake(log.id, round_.intake(now_ms))
    _tidy(store, files, log, done)


def _tidy(store: Store, files: LogFiles, log: LogRecord, done: Sequence[Batch]) -> None:
    """Delete what the published head has no use for; what a crash leaves behind costs only space."""
    assert log.pending is not None
    for batch in done:
        store.objects.delete(batch.object)
    for name in files.outgrown(log.head.size, log.pending.size):
        store.objects.delete(name)
