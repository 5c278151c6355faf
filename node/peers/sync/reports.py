"""What a sync with a peer did, list by list, in numbers and in the words that people are shown.

Whatever a peer does wrong is told here and never raised; what is made of it is the business of who asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from keys.message import Message
from protocol.errors import ProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOutcome:
    """What a sync did with one list."""

    origin: str
    old_size: int
    new_size: int
    adds: int = 0
    withdrawals: int = 0
    quarantined: int = 0
    opened: int = 0
    """Older events that a wider grant opened."""
    unopened: bool = False
    """Whether more of them wait for the next sync; `error` says why, if not because they are many."""
    received: int = 0
    """Bytes of notes, entries and openings that came."""
    error: Exception | None = None
    """Why nothing was taken over, or with `unopened` no older opening; one of this project's errors."""
    evidence: str | None = None
    """Name of the object that holds two contradicting heads."""
    overlaid: bool = False
    """Whether withdrawals and disputes of the head apply that was not taken over: it lacks cosignatures, is dated
    ahead, or the list stands still."""

    @property
    def words(self) -> str:
        """The outcome for people."""
        if self.overlaid:
            return Message("{reason}; withdrawals applied", self.error)
        if self.error is not None and not self.unopened:
            return self._refusal
        more = Message.joined("", list(self._more()))
        if self.old_size == self.new_size:
            return Message.counted(
                "{count} event, nothing new{more}", "{count} events, nothing new{more}", self.new_size, more
            )
        return Message(
            "{before} → {after} events, {added} added, {withdrawn} withdrawn{more}, verified",
            f"{self.old_size:,}",
            f"{self.new_size:,}",
            f"{self.adds:,}",
            f"{self.withdrawals:,}",
            more,
        )

    def _more(self) -> Iterator[Message]:
        if self.opened:
            yield Message.counted(", {count} older one opened", ", {count} older ones opened", self.opened)
        if self.unopened and self.error is None:
            yield Message(", more to come")
        elif self.unopened:
            yield Message(", others stay closed ({reason})", self._refusal)
        if self.quarantined:
            yield Message(", {count} set aside", self.quarantined)

    @property
    def _refusal(self) -> str:
        said = Message("{reason}", self.error)
        return Message("refused: {reason}", said) if isinstance(self.error, ProtocolError) else said


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync with one peer did."""

    peer: str
    lists: tuple[ListOutcome, ...] = ()
    error: Exception | None = None
    """Why its lists could not be asked for, or not all of them."""

    @property
    def succeeded(self) -> bool:
        """Whether everything the peer has is held now."""
        return self.failure is None

    @property
    def failure(self) -> Exception | None:
        """What went wrong first, with the peer or with one of its lists."""
        return self.error or next((one.error for one in self.lists if one.error), None)

    @property
    def words(self) -> str:
        """The outcome for people, in one line."""
        said = [Message("{list}: {outcome}", one.origin.rpartition("/")[2], one.words) for one in self.lists]
        said += [Message("{reason}", self.error)] if self.error is not None else []
        return Message.joined("; ", said) if said else Message("no lists")
