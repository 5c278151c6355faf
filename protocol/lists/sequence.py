"""Rules that make a log of events a list: what each event may refer to, and when it may be dated.

A follower streams through a log of millions with three bytes an event: `LogShape` keeps the op and the collection
of each, and nothing else. Headers are checked a bundle at a time. An event with an op, flag or algorithm that this
version does not know is admitted, remembered as unknown and reported: a newer publisher must not stop older
followers. Openings are `protocol.lists.bundle`'s. Spec: docs/spec/event.md, "Rules of a list".
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from keys.message import Message
from protocol.digest import Algorithm
from protocol.errors import EventRuleError, FutureEventError, MalformedError
from protocol.limits import EVENT_BYTES, MAX_CLOCK_SKEW_MS, MAX_LOG_SIZE
from protocol.lists.event import KNOWN_FLAGS, NO_COLLECTION, REFERRING, SHRED, SHREDDING, VERSION, Op

EVENT: Final = np.dtype(
    [
        ("version", "u1"),
        ("op", "u1"),
        ("collection", ">u2"),
        ("algorithm", "u1"),
        ("flags", "u1"),
        ("reserved", ">u2"),
        ("time_ms", ">u8"),
        ("ref", ">u8"),
        ("commitment", "V32"),
    ]
)
"""An event: its header, and the commitment."""
_KINDS: Final = np.dtype({"names": ["kind"], "formats": [">u8"], "itemsize": EVENT_BYTES})
"""The same events, seen as what comes before their times: version, op, collection, algorithm, flags, reserved."""
_HEAD: Final = Struct(">QQ")  # size, time of the last event
_UNKNOWN: Final = 0
"""Kept instead of an op that is not known, or whose flag or algorithm is not."""
_SHREDDED: Final = 0x80
"""Set on the op of an event whose opening a later event asked to delete."""
_OP_BITS: Final = 0x7F
_END_OF_TIME: Final = 2**64 - 1

_Mask = NDArray[np.bool_]


def _table(ops: Iterable[int]) -> _Mask:
    table = np.zeros(256, dtype=np.bool_)
    table[list(ops)] = True
    return table


_IS_KNOWN: Final = _table(Op)
_IS_REFERRING: Final = _table(REFERRING)
_MAY_SHRED: Final = _table(SHREDDING)
_HAS_DIGEST: Final = _table({Op.ADD, Op.DISPUTE})
_TARGET: Final[dict[int, Op]] = {Op.WITHDRAW: Op.ADD, Op.AMEND: Op.ADD, Op.RESOLVE: Op.DISPUTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Events that keep the rules behind the shape that examined them, not yet part of it."""

    first_index: int
    ops: bytes
    collections: NDArray[np.uint16]
    algorithms: bytes
    """Header algorithms; 0 also where the opening alone knows."""
    last_time_ms: int
    shreds: tuple[int, ...]
    """Indices whose openings these events ask to delete."""

    @property
    def unknown(self) -> list[int]:
        """Indices of events this version does not apply."""
        if _UNKNOWN not in self.ops:  # nearly always, and this is asked of every bundle
            return []
        return [self.first_index + at for at, op in enumerate(self.ops) if op == _UNKNOWN]


class LogShape:
    """What must be remembered of a list's events to hold the next ones against the rules: 3 bytes an event."""

    __slots__ = ("_collections", "_last_time_ms", "_ops", "unknown")

    def __init__(self) -> None:
        self._ops = bytearray()
        self._collections = array("H")
        self._last_time_ms = 0
        self.unknown: list[int] = []
        """Indices of admitted events that this version does not apply, for the operator; not persisted."""

    @property
    def size(self) -> int:
        """Number of admitted events."""
        return len(self._ops)

    @property
    def last_time_ms(self) -> int:
        """Time of the last event, 0 before the first."""
        return self._last_time_ms

    def op(self, index: int) -> Op | None:
        """The op of an admitted event, None when this version does not apply it."""
        op = self._ops[index] & _OP_BITS
        return Op(op) if op else None

    def collection(self, index: int) -> int:
        """The collection of an admitted event."""
        return self._collections[index]

    def is_shredded(self, index: int) -> bool:
        """Whether a later event asked to delete the opening of this one."""
        return bool(self._ops[index] & _SHREDDED)

    def admit_bundle(self, first_index: int, data: bytes | Sequence[bytes], now_ms: int) -> list[int]:
        """Examine and accept the next events; returns the indices of unknown ones.

        Raises:
            EventRuleError: an event that breaks a rule; nothing was accepted.
        """
        admission = self.examine(first_index, data, now_ms)
        self.accept(admission)
        return admission.unknown

    def examine(self, first_index: int, data: bytes | Sequence[bytes], now_ms: int | None) -> Admission:
        """Hold the next events (56 bytes each, joined or apart) against the rules, without accepting them.

        `now_ms` None: they may be dated in the future.

        Raises:
            EventRuleError: an event that breaks a rule, the one named by its index; `FutureEventError` for its date.
        """
        assert first_index == self.size, "events are admitted in order"
        events = _records(first_index, data)
        check = _Check(first_index, events)
        latest_ms = _END_OF_TIME if now_ms is None else max(now_ms + MAX_CLOCK_SKEW_MS, 0)
        if not check.is_usual(self._last_time_ms, latest_ms):
            check.headers()
            check.times(self._last_time_ms, latest_ms)
            check.fields()
        shreds = self._check_refs(check)
        check.finish(len(events))
        return Admission(
            first_index=first_index,
            ops=check.ops.tobytes(),
            collections=events["collection"].astype(np.uint16),
            algorithms=events["algorithm"].tobytes(),
            last_time_ms=int(events["time_ms"][-1]) if len(events) else self._last_time_ms,
            shreds=shreds,
        )

    def accept(self, admission: Admission) -> None:
        """Make examined events part of the shape."""
        assert admission.first_index == self.size, "the shape has moved since these events were examined"
        self._ops += admission.ops
        self._collections.frombytes(admission.collections.tobytes())
        self._last_time_ms = admission.last_time_ms
        for index in admission.shreds:
            self._ops[index] |= _SHREDDED
        self.unknown.extend(admission.unknown)

    def to_bytes(self) -> bytes:
        """Size, last time, ops and big-endian collections: what a resumed pull starts from."""
        collections = np.frombuffer(self._collections, dtype=np.uint16).astype(">u2")
        return _HEAD.pack(self.size, self._last_time_ms) + self._ops + collections.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave.

        Raises:
            MalformedError: a length or op that it never writes.
        """
        if len(data) < _HEAD.size:
            raise MalformedError("log shape: too short")
        size, last_time_ms = _HEAD.unpack_from(data)
        ops = data[_HEAD.size : _HEAD.size + size]
        if (
            size > MAX_LOG_SIZE
            or len(data) != _HEAD.size + 3 * size
            or {op & _OP_BITS for op in ops} - _STORED
        ):
            raise MalformedError("log shape: length or op that no shape has")
        shape = cls()
        shape._ops += ops
        collections = np.frombuffer(data, dtype=">u2", offset=_HEAD.size + size)
        shape._collections.frombytes(collections.astype(np.uint16).tobytes())
        shape._last_time_ms = last_time_ms
        return shape

    def _check_refs(self, check: "_Check") -> tuple[int, ...]:
        """Each referring event against its target; returns the targets of shredding ones."""
        referring = np.flatnonzero(_IS_REFERRING[check.ops])
        if not len(referring):
            return ()
        ops, collections = check.ops.tolist(), check.events["collection"].tolist()
        targets = check.events["ref"][referring].tolist()
        flags = check.events["flags"][referring].tolist()
        shreds = []
        for at, target, flag in zip(referring.tolist(), targets, flags, strict=True):
            check.finish(at + 1)
            self._check_ref(check.first_index, at, target, ops, collections)
            if flag & SHRED:
                shreds.append(target)
        return tuple(shreds)

    def _check_ref(
        self, first: int, at: int, target: int, ops: Sequence[int], collections: Sequence[int]
    ) -> None:
        if target >= first + at:
            raise EventRuleError(first + at, "refers to an event that does not exist yet")
        if target < first:
            op, collection = self._ops[target] & _OP_BITS, self._collections[target]
        else:
            op, collection = ops[target - first], collections[target - first]
        # An unknown target may be what a newer version withdraws: the reference has no effect here.
        if op not in {_UNKNOWN, _TARGET[ops[at]]}:
            raise EventRuleError(first + at, "refers to an event of the wrong kind")
        if collection != collections[at]:
            raise EventRuleError(first + at, "is in another collection than what it refers to")


_STORED: Final = frozenset({_UNKNOWN, *Op})


def _records(first_index: int, data: bytes | Sequence[bytes]) -> NDArray[np.void]:
    if not isinstance(data, bytes):
        lengths = list(map(len, data))
        if lengths.count(EVENT_BYTES) < len(lengths):
            at = next(at for at, length in enumerate(lengths) if length != EVENT_BYTES)
            raise EventRuleError(
                first_index + at, Message("{count} bytes instead of {size}", lengths[at], EVENT_BYTES)
            )
        data = b"".join(data)
    if len(data) % EVENT_BYTES:
        raise EventRuleError(first_index + len(data) // EVENT_BYTES, "cut short")
    return np.frombuffer(data, dtype=EVENT)


class _Check:
    """The vectorised rules over one bundle; `ops` has unknown events as 0.

    The lowest event that breaks a rule is the one named: what follows it may be innocent.
    """

    __slots__ = ("_broken_at", "_error", "_reason", "events", "first_index", "known", "ops")

    def __init__(self, first_index: int, events: NDArray[np.void]) -> None:
        self.first_index = first_index
        self.events = events
        self.ops = events["op"]
        self._broken_at = len(events)
        self._reason = ""
        self._error = EventRuleError

    def is_usual(self, last_ms: int, latest_ms: int) -> bool:
        """Whether nothing is unknown and no rule but one about references can be broken, seen in a few looks.

        Most headers differ in time alone: of those that are alike in their first eight bytes one is judged for all.
        """
        times = self.events["time_ms"].astype(np.uint64)
        if not len(times) or times[0] < last_ms or times[-1] > latest_ms or (times[1:] < times[:-1]).any():
            return False
        kinds = set(self.events.view(_KINDS)["kind"].tolist())
        return all(map(_is_usual, kinds)) and not self.events["ref"][~_IS_REFERRING[self.ops]].any()

    def judge_known(self) -> None:
        """Find out which events are known."""
        events = self.events
        known_flags = (events["flags"] & ~np.uint8(KNOWN_FLAGS)) == 0
        self.known = _IS_KNOWN[events["op"]] & known_flags & (events["algorithm"] <= max(Algorithm))
        self.ops = np.where(self.known, events["op"], np.uint8(_UNKNOWN))

    @property
    def shredding(self) -> _Mask:
        """Which events carry `SHRED` with a meaning known here."""
        shredding: _Mask = self.known & (self.events["flags"] & np.uint8(SHRED) != 0)
        return shredding

    def headers(self) -> None:
        self.judge_known()
        self._refuse(self.events["version"] != VERSION, "has an unsupported version")
        self._refuse(self.events["reserved"] != 0, "has reserved bytes that are not zero")

    def times(self, last_ms: int, latest_ms: int) -> None:
        times = self.events["time_ms"].astype(np.uint64)
        before = np.concatenate((np.array([last_ms], dtype=np.uint64), times[:-1]))[: len(times)]
        self._refuse(times < before, "is dated before the event ahead of it")
        self._refuse(times > np.uint64(latest_ms), "is dated in the future", FutureEventError)

    def fields(self) -> None:
        known, ops, events = self.known, self.ops, self.events
        is_continue = ops == Op.CONTINUE
        at_start = np.arange(len(ops)) == -self.first_index
        self._refuse(
            known & ~_IS_REFERRING[ops] & (events["ref"] != 0), "has a reference its op does not use"
        )
        self._refuse(self.shredding & ~_MAY_SHRED[ops], "asks for shredding, which its op cannot")
        self._refuse(
            known & ~_HAS_DIGEST[ops] & (events["algorithm"] != 0), "names an algorithm without a digest"
        )
        self._refuse(
            known & (is_continue != (events["collection"] == NO_COLLECTION)), "has the wrong collection"
        )
        self._refuse(is_continue & ~at_start, "continues a log, but is not the first event")

    @property
    def broken(self) -> bool:
        """Whether an event was found that broke a rule."""
        return self._broken_at < len(self.events)

    def finish(self, end: int) -> None:
        """Raise for an event before `end` that broke a rule."""
        if self._broken_at < end:
            raise self._error(self.first_index + self._broken_at, self._reason)

    def _refuse(self, broken: _Mask, reason: str, error: type[EventRuleError] = EventRuleError) -> None:
        if broken.any() and broken.argmax() < self._broken_at:
            self._broken_at, self._reason, self._error = int(broken.argmax()), reason, error


@lru_cache(1024)
def _is_usual(kind: int) -> bool:
    """Whether events whose headers start with these eight bytes are known and keep every rule that sees no more."""
    events = np.frombuffer(kind.to_bytes(8) + bytes(EVENT_BYTES - 8), dtype=EVENT)
    check = _Check(1, events)
    check.headers()
    check.fields()
    return bool(check.known.all()) and not check.broken
