"""What happened here day by day or month by month, for charts: counted by the database, or from headers of own lists.

The same things as in a transparency report, and confidential: small numbers are among them.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from node.clock import DAY_MS, moment_of
from node.lists.tallies import tally_since
from node.store.lists.records import LogKind
from node.store.peers.records import Applied
from node.store.store import Store
from protocol.lists.event import Op


@dataclass(frozen=True, slots=True)
class Axis:
    """Days or months in a row, in UTC; the last is the one that goes on."""

    names: Sequence[str]
    """As `2026-05-31`, or `2026-05`."""
    edges_ms: Sequence[int]
    """When each begins, and when the last ends."""

    def at(self, day: int) -> int:
        """Where a day since 1970 lies; -1 before the first."""
        return bisect_right(self.edges_ms, day * DAY_MS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How fast peers applied what was withdrawn."""

    count: int
    mean_ms: int
    slowest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The numbers of each place of an axis."""

    axis: Axis
    added: Sequence[int]
    withdrawn: Sequence[int]
    """Of all own lists."""
    hits: Sequence[int]
    evaluations: Sequence[int | None]
    """None: not counted for that month; empty: they are not counted by the day."""
    recall: Sequence[Latency | None]
    """By when the withdrawal was published; None: nothing was applied."""


def days(now_ms: int, count: int) -> Axis:
    """The last days, today included."""
    last = now_ms // DAY_MS
    edges = [day * DAY_MS for day in range(last - count + 1, last + 2)]
    return Axis([f"{moment_of(edge):%Y-%m-%d}" for edge in edges[:-1]], edges)


def months(now_ms: int, count: int) -> Axis:
    """The last months, this one included."""
    now = moment_of(now_ms)
    last = now.year * 12 + now.month - 1
    starts = [
        datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(last - count + 1, last + 2)
    ]
    edges = [int(start.timestamp()) * 1000 for start in starts]
    return Axis([f"{start:%Y-%m}" for start in starts[:-1]], edges)


def course_by_day(store: Store, axis: Axis) -> Course:
    """What happened on each of some days; evaluations are not counted by the day."""
    return _course(store, axis, evaluations=())


def course_by_month(store: Store, axis: Axis) -> Course:
    """What happened in each of some months."""
    with store.read() as unit:
        counted = unit.partners.evaluations_by_month(axis.names)
    return _course(store, axis, evaluations=[counted[month] for month in axis.names])


def _course(store: Store, axis: Axis, *, evaluations: Sequence[int | None]) -> Course:
    since_ms = axis.edges_ms[0]
    with store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST)
        hits = unit.hits.by_day(since_ms=since_ms)
        applied = unit.withdrawals.applied_by_day(since_ms=since_ms)
    told = [tally_since(store, log, axis.edges_ms) for log in logs]
    slots = [range(slot, slot + 1) for slot in range(1, len(axis.names) + 1)]
    return Course(
        axis=axis,
        added=[sum(one.count(Op.ADD, slots=slot) for one in told) for slot in slots],
        withdrawn=[sum(one.count(Op.WITHDRAW, slots=slot) for one in told) for slot in slots],
        hits=_placed(axis, hits),
        evaluations=evaluations,
        recall=_recall(axis, applied),
    )


def _placed(axis: Axis, by_day: Mapping[int, int]) -> list[int]:
    found: Counter[int] = Counter()
    for day, count in by_day.items():
        found[axis.at(day)] += count
    return [found[at] for at in range(len(axis.names))]


def _recall(axis: Axis, applied: Sequence[Applied]) -> list[Latency | None]:
    found: dict[int, list[Applied]] = {}
    for each in applied:
        found.setdefault(axis.at(each.day), []).append(each)
    return [_latency(found[at]) if at in found else None for at in range(len(axis.names))]


def _latency(applied: Sequence[Applied]) -> Latency:
    count = sum(each.count for each in applied)
    return Latency(
        count=count,
        mean_ms=sum(each.total_ms for each in applied) // count,
        slowest_ms=max(each.slowest_ms for each in applied),
    )
