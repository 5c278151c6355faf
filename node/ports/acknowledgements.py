"""Records and tables of what peers said they hold of the own lists, and of how long withdrawals took to reach them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The newest statement of one peer about one own list."""

    log_id: int
    peer: str
    held_size: int
    released_size: int | None
    """Up to which size its releases follow the list; None: it releases nothing."""
    time_ms: int
    """As the peer dated it."""
    received_ms: int
    """By this node's clock, which latencies are measured by."""
    statement: bytes = field(repr=False)
    """As it was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Neighbouring withdraw events of an own list: mostly those of one file."""

    log_id: int
    first: int
    last: int
    published_ms: int | None = None
    """None while it waits for publication."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When a peer's statement first covered a withdrawal."""

    log_id: int
    first: int
    """Of the withdrawal."""
    peer: str
    held_ms: int | None
    released_ms: int | None
    """The time of `held_ms`, when the peer releases nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How fast peers applied the withdrawals that were published on one day."""

    day: int
    """Since 1970, in UTC."""
    count: int
    """Pairs of a withdrawal and a peer that applied it: both holds it and releases nothing that it ended."""
    total_ms: int
    """From publication, summed over them."""
    slowest_ms: int


class AcknowledgementTable(Protocol):
    """What peers acknowledged."""

    def find(self, log_id: int, peer: str) -> Acknowledgement | None:
        """The newest of a peer about a list."""
        ...

    def ls(self, log_id: int) -> Sequence[Acknowledgement]:
        """The newest of each peer about a list, by peer."""
        ...

    def replace(self, old: Acknowledgement | None, new: Acknowledgement) -> None:
        """Put `new` in the place of `old`; raises `ConflictError` when another came in between."""
        ...

    def sent(self, origin: str) -> bytes | None:
        """What was last acknowledged to the owner of a peer's list: its content without the time."""
        ...

    def note_sent(self, origin: str, content: bytes) -> None:
        """Remember what was acknowledged."""
        ...

    def forget(self, peer: str) -> None:
        """Drop what a node that is no peer any more acknowledged, and what was acknowledged to it."""
        ...


class WithdrawalTable(Protocol):
    """Withdrawals of own lists, and whom they reached when."""

    def add(self, withdrawal: Withdrawal) -> None:
        """Record one that waits for publication, in the transaction that takes its positions."""
        ...

    def publish(self, log_id: int, *, size: int, now_ms: int) -> None:
        """Note that everything before `size` is published now."""
        ...

    def ls(self, log_id: int) -> Sequence[Withdrawal]:
        """Withdrawals of a list, oldest first."""
        ...

    def waiting(self) -> Sequence[Withdrawal]:
        """Those of all lists that are not published yet."""
        ...

    def note_reached(self, reached: Sequence[Reached]) -> None:
        """Record; times that are known already stay."""
        ...

    def reached(self, log_id: int) -> Sequence[Reached]:
        """Whom the withdrawals of a list reached."""
        ...

    def applied_by_day(self, *, since_ms: int) -> Sequence[Applied]:
        """How fast those published at `since_ms` or later were applied, by peers that were there then."""
        ...

    def forget(self, peer: str) -> None:
        """Drop what reached a node that is no peer any more."""
        ...


class JudgedTable(Protocol):
    """Up to which size each subset's newest release follows each list."""

    def note(self, subset: str, sizes: Mapping[str, int]) -> None:
        """Replace what a subset follows: sizes by origin."""
        ...

    def smallest(self, origin: str) -> int | None:
        """The smallest size at which a subset follows a list; None when none does."""
        ...
