"""The order of a pull: head, what is remembered, bundle by bundle, root, what was withheld.

    ASK_HEAD ──same──► DONE
        └──more──► RECALL ──► FETCH ──last bundle, root equal──► DONE          anything refused ──► FAILED

Requests come out, answers go in, and every answer is judged before the next request. Nothing is collected: a pull
holds the compact range, three bytes an event, and one bundle. Accepted bundles are provisional until the machine is
DONE: the root alone says that they are the log's. A `ProtocolError` is the peer's doing and ends the pull; an
`AssertionError` is the caller's. Spec: docs/spec/sync.md.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from itertools import islice
from typing import TypeAlias

from protocol.digest import Algorithm
from protocol.errors import MalformedError, OpeningError, RootMismatchError
from protocol.history import Follow
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.bundle import verify_bundle
from protocol.lists.opening import origin_hash
from protocol.lists.sequence import LogShape
from protocol.pull.bundles import cut_overlap, read_events, read_openings
from protocol.pull.head import judge_head
from protocol.pull.inputs import Held, LogTrust
from protocol.tlog.checkpoint import SignedCheckpoint
from protocol.tlog.hasher import HASHLIB, Hasher
from protocol.tlog.tiles import bundle_widths


@dataclass(frozen=True, slots=True)
class GetCheckpoint:
    """Ask for the log's checkpoint, unless it still is `held`, byte for byte; answer with `receive_head`."""

    origin: str
    held: bytes | None


@dataclass(frozen=True, slots=True)
class RecallShape:
    """Remember the shape of the first `size` events, which are held; answer with `recall`."""

    origin: str
    size: int


@dataclass(frozen=True, slots=True)
class GetBundle:
    """Ask for entries, and where `openings` says so for openings; answer with `receive_bundle`."""

    origin: str
    index: int
    width: int
    openings: bool


Request: TypeAlias = GetCheckpoint | RecallShape | GetBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A bundle that keeps every rule that can be judged before its successors are known: ready to be staged."""

    index: int
    width: int
    entries: bytes
    openings: bytes | None
    """As received; None when none were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The head that is held is still the newest."""

    checkpoint: SignedCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """All that was accepted is the log's, up to this checkpoint."""

    checkpoint: SignedCheckpoint
    first_index: int
    """Size held before."""
    frontier: bytes
    """`CompactRange.to_bytes()` at the new size."""
    shape: LogShape
    unknown: Sequence[int]
    """Indices of new events that this version keeps and does not apply."""


class _State(Enum):
    ASK_HEAD = auto()
    RECALL = auto()
    FETCH = auto()
    DONE = auto()
    FAILED = auto()


class Pull:
    """One pull of one log, from what is held to the checkpoint that the peer offers."""

    def __init__(
        self,
        held: Held,
        trust: LogTrust,
        *,
        granted: frozenset[int],
        algorithms: frozenset[Algorithm] | None = None,
        now: datetime,
        ahead: bool = False,
        hasher: Hasher = HASHLIB,
    ) -> None:
        """`ahead`: events may be dated in the future, for a caller that lets them only take away."""
        self._held = held
        self._head = held.head()
        self._trust = trust
        self._granted = granted
        self._algorithms = algorithms
        self._now = now
        self._ahead = ahead
        self._hasher = hasher
        self._state = _State.ASK_HEAD
        self._tree = held.tree()
        self._start = self._tree.size
        self._origin_hash = origin_hash(trust.origin)
        self._missing = array("Q")
        self._unknown = array("Q")
        self._offered: SignedCheckpoint | None = None
        self._shape = LogShape()
        self._result: Unchanged | Pulled | None = None

    @property
    def result(self) -> Unchanged | Pulled:
        """How the pull ended; only when there is no next request."""
        if self._result is None:
            raise AssertionError("the pull is not finished, or failed")
        return self._result

    def next_request(self) -> Request | None:
        """What to do next; None when the pull is finished or failed."""
        if self._state is _State.ASK_HEAD:
            return GetCheckpoint(self._trust.origin, self._held.note)
        if self._state is _State.RECALL:
            return RecallShape(self._trust.origin, self._start)
        return next(iter(self.upcoming(1)), None)

    @property
    def size(self) -> int:
        """How large the list is by the head that was received; what is held when it is the same."""
        return self._start if self._offered is None else self._offered.checkpoint.size

    def upcoming(self, count: int) -> tuple[GetBundle, ...]:
        """The next bundles, at most `count`, for a caller that fetches ahead; they are received in this order."""
        return tuple(islice(self._bundles(), count)) if self._state is _State.FETCH else ()

    def receive_head(self, note: bytes | None) -> None:
        """Judge the checkpoint, or the word that the held one is the newest (None).

        Raises:
            ProtocolError: see `protocol.pull.head.judge_head`.
        """
        self._leave(_State.ASK_HEAD)
        # An unchanged note is judged like any other: its key may have been revoked, its witnesses silent since.
        data = note if note is not None else self._held.note
        if data is None:
            raise MalformedError("a head that is said to be unchanged, but none is held")
        relation, offered = judge_head(data, held=self._head, trust=self._trust, now=self._now)
        if relation is Follow.UNCHANGED:
            self._result = Unchanged(checkpoint=offered)
            self._state = _State.DONE
            return
        self._offered = offered
        self._state = _State.RECALL
        if not self._start:
            self.recall(LogShape())

    def recall(self, shape: LogShape) -> None:
        """Go on from the shape of the events held; it belongs to the pull from here."""
        self._leave(_State.RECALL)
        if shape.size != self._start:
            raise AssertionError("the shape of other events than those held")
        self._shape = shape
        self._continue()

    def receive_bundle(self, entries: bytes, openings: bytes | None) -> Accepted:
        """Judge the next bundle, and with the last one the whole.

        Raises:
            MalformedError: not a bundle of this width, or openings that are not its.
            OverlapError: entries that are held differ.
            EventRuleError: an event that breaks a rule.
            OpeningError: an opening that does not match, was not granted, or is missing in the end.
            RootMismatchError: everything that came is not what the checkpoint signs.
        """
        self._leave(_State.FETCH)
        request = next(self._bundles())
        if request.openings is not (openings is not None):
            raise AssertionError("openings are received exactly when they were asked for")
        events = read_events(entries, request.width)
        self._admit(request, events, read_openings(openings, request.width))
        self._continue()
        return Accepted(index=request.index, width=request.width, entries=entries, openings=openings)

    def _admit(self, request: GetBundle, events: bytes, openings: list[bytes | None]) -> None:
        at = self._tree.size
        overlap = at - request.index * BUNDLE_WIDTH
        new = cut_overlap(events, self._held.tail if overlap else ())
        verified = verify_bundle(
            self._shape,
            origin_hash=self._origin_hash,
            first_index=at,
            events=new,
            openings=openings[overlap:],
            now_ms=None if self._ahead else int(self._now.timestamp() * 1000),
            granted=self._granted,
            algorithms=self._algorithms,
            hasher=self._hasher,
        )
        self._tree.extend_joined(verified.leaf_hashes, self._hasher)
        self._missing.extend(verified.missing if request.openings else ())
        self._unknown.extend(verified.unknown)

    def _continue(self) -> None:
        if self._tree.size < self.size:
            self._state = _State.FETCH
            return
        self._result = self._finish()
        self._state = _State.DONE

    def _finish(self) -> Pulled:
        assert self._offered is not None
        if self._tree.root() != self._offered.checkpoint.root:
            raise RootMismatchError("the entries are not those that the checkpoint signs")
        for index in self._missing:
            if not self._shape.is_shredded(index):
                raise OpeningError(index, "is withheld although it is granted")
        return Pulled(
            checkpoint=self._offered,
            first_index=self._start,
            frontier=self._tree.to_bytes(),
            shape=self._shape,
            unknown=self._unknown,
        )

    def _bundles(self) -> Iterator[GetBundle]:
        origin, openings = self._trust.origin, bool(self._granted)
        for index, width in bundle_widths(self._tree.size, self.size):
            yield GetBundle(origin, index, width, openings)

    def _leave(self, expected: _State) -> None:
        """Whatever raises from here on leaves the pull failed."""
        if self._state is not expected:
            raise AssertionError(f"the pull is at {self._state.name}, not at {expected.name}")
        self._state = _State.FAILED
