"""May this checkpoint follow the one that is held? Decides rollback, fork and freeze.

Both checkpoints were opened before, so their signatures stand; here only their order is judged. That the
larger tree contains the smaller is proved afterwards: by a consistency proof, or by the entries
themselves, whose root must equal the checkpoint's (`protocol.pull`). Spec: docs/spec/log.md.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from protocol.errors import ForkError, FreezeError, RollbackError, WrongOriginError
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.tlog.checkpoint import SignedCheckpoint
from protocol.tlog.conflict import Conflict, ConflictKind
from protocol.tlog.cosignature import Cosignature
from protocol.tlog.policy import Policy, require_quorum, satisfied

_SKEW: Final = timedelta(milliseconds=MAX_CLOCK_SKEW_MS)


class Follow(Enum):
    """How an acceptable checkpoint relates to the one held."""

    UNCHANGED = "unchanged"
    ADVANCED = "advanced"


def follow(held: SignedCheckpoint | None, offered: SignedCheckpoint) -> Follow:
    """Whether `offered` repeats or advances `held`; with nothing held, everything advances.

    Raises `RollbackError` for a smaller tree and `ForkError` for another root at the same size, both with
    portable evidence; `WrongOriginError` for another log.
    """
    if held is None:
        return Follow.ADVANCED
    old, new = held.checkpoint, offered.checkpoint
    if old.origin != new.origin:
        raise WrongOriginError("a checkpoint of another log than the one held")
    if new.size < old.size:
        evidence = Conflict(ConflictKind.ROLLBACK, held.note, offered.note).to_bytes()
        raise RollbackError(held=old.size, offered=new.size, evidence=evidence)
    if new.size > old.size:
        return Follow.ADVANCED
    if new.root != old.root:
        evidence = Conflict(ConflictKind.FORK, held.note, offered.note).to_bytes()
        raise ForkError(size=old.size, evidence=evidence)
    return Follow.UNCHANGED


def fresh_cosignatures(
    cosignatures: Iterable[Cosignature], *, now: datetime, max_age: timedelta
) -> tuple[Cosignature, ...]:
    """Those dated from `now - max_age` to `now` + 5 minutes, both included."""
    assert now.tzinfo is not None, "a time without a zone"
    first, last = now - max_age, now + _SKEW
    return tuple(c for c in cosignatures if first.timestamp() <= c.time_s <= last.timestamp())


def check_freshness(
    checkpoint: SignedCheckpoint, policy: Policy, *, now: datetime, max_age: timedelta
) -> None:
    """Check that the policy's quorum cosigned `checkpoint` within `max_age`.

    Raises `UncosignedError` if they did not cosign at all, and `FreezeError` if only too long ago (or
    dated in the future): then the log may be kept from us.
    """
    require_quorum(policy, [c.witness for c in checkpoint.cosignatures])
    fresh = fresh_cosignatures(checkpoint.cosignatures, now=now, max_age=max_age)
    if not satisfied(policy, [c.witness for c in fresh]):
        newest = max(c.time_s for c in checkpoint.cosignatures)
        raise FreezeError("too few cosignatures are recent; the newest is of {newest}", _moment(newest))


def _moment(time_s: int) -> str:
    """ISO 8601, or the bare number for a time no calendar has: a witness may sign any 63 bits."""
    try:
        return datetime.fromtimestamp(time_s, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{time_s} s"
