"""How far withdrawals of the own lists have come: published when, held and released by whom, and how fast.

What is measured is the time from a withdrawal's publication to the first statement of each peer that covers it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from node.store.lists.records import LogKind, LogRecord
from node.store.peers.records import PeerRecord, Reached, Withdrawal
from node.store.store import Store
from node.store.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerState:
    """How far a peer has applied a withdrawal; times by this node's clock."""

    peer: str
    held_ms: int | None
    """When it first said that it holds it; None: not yet."""
    released_ms: int | None
    """When it first said that none of its releases lists what was withdrawn; None: not yet."""

    @property
    def applied(self) -> bool:
        """Whether nothing is left to do there."""
        return self.held_ms is not None and self.released_ms is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalReport:
    """Neighbouring withdrawals of an own list, mostly those of one file."""

    origin: str
    first: int
    last: int
    published_ms: int | None
    """None: it waits for publication."""
    peers: tuple[PeerState, ...]
    """Every peer, by name."""

    @property
    def open(self) -> bool:
        """Whether somebody has not applied it yet."""
        return self.published_ms is None or not all(peer.applied for peer in self.peers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long withdrawals took, over all peers that were there when they were published."""

    count: int
    median_ms: int
    max_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """The state of all withdrawals."""

    withdrawals: int
    open: int
    held: Latency | None
    """None: nothing was measured yet."""
    released: Latency | None


def report_withdrawals(store: Store) -> tuple[WithdrawalReport, ...]:
    """Every withdrawal of the own lists, oldest first in each list."""
    with store.read() as unit:
        peers = unit.peers.ls()
        return tuple(
            _report(log, each, reached, peers)
            for log in unit.logs.ls(LogKind.OWN_LIST)
            for each, reached in _with_reached(unit, log)
        )


def recall(store: Store) -> Recall:
    """The withdrawals in numbers."""
    reports = report_withdrawals(store)
    with store.read() as unit:
        added = {peer.name: peer.added_ms for peer in unit.peers.ls()}
    measured = [
        (state, each.published_ms)
        for each in reports
        if each.published_ms is not None
        for state in each.peers
        if state.peer in added
        and added[state.peer] <= each.published_ms  # one may have been removed just now
    ]
    return Recall(
        withdrawals=len(reports),
        open=sum(each.open for each in reports),
        held=_latency(state.held_ms - since for state, since in measured if state.held_ms is not None),
        released=_latency(
            state.released_ms - since for state, since in measured if state.released_ms is not None
        ),
    )


def has_waiting(store: Store) -> bool:
    """Whether a withdrawal waits for publication."""
    with store.read() as unit:
        return bool(unit.withdrawals.waiting())


def _latency(times: Iterable[int]) -> Latency | None:
    found = list(times)
    if not found:
        return None
    from statistics import median  # noqa: PLC0415 - most have nothing to measure

    return Latency(count=len(found), median_ms=int(median(found)), max_ms=max(found))


def _with_reached(unit: Unit, log: LogRecord) -> Iterator[tuple[Withdrawal, dict[str, Reached]]]:
    by_first: dict[int, dict[str, Reached]] = {}
    for each in unit.withdrawals.reached(log.id):
        by_first.setdefault(each.first, {})[each.peer] = each
    for withdrawal in unit.withdrawals.ls(log.id):
        yield withdrawal, by_first.get(withdrawal.first, {})


def _report(
    log: LogRecord, each: Withdrawal, reached: dict[str, Reached], peers: Sequence[PeerRecord]
) -> WithdrawalReport:
    return WithdrawalReport(
        origin=log.origin,
        first=each.first,
        last=each.last,
        published_ms=each.published_ms,
        peers=tuple(_state(peer.name, reached.get(peer.name)) for peer in peers),
    )


def _state(peer: str, found: Reached | None) -> PeerState:
    return PeerState(
        peer=peer, held_ms=found.held_ms if found else None, released_ms=found.released_ms if found else None
    )
