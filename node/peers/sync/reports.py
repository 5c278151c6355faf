"""What a sync with a peer did, list by list, in numbers and in the words that people are shown.

Whatever a peer does wrong is told here and never raised; what is made of it is the business of who asked.
"""

from dataclasses import dataclass

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
    """Whether withdrawals and disputes of the head apply that was not taken over: it lacks cosignatures, or the list
    stands still."""

    @property
    def words(self) -> str:
        """The outcome for people."""
        if self.overlaid:
            return f"{self.error}; withdrawals applied"
        if self.error is not None and not self.unopened:
            return self._refusal
        aside = f", {self.quarantined} set aside" if self.quarantined else ""
        older = f", {self.opened:,} older ones opened" if self.opened else ""
        if self.unopened:
            older += ", more to come" if self.error is None else f", others stay closed ({self._refusal})"
        if self.old_size == self.new_size:
            return f"{self.new_size:,} events, nothing new{older}{aside}"
        return (
            f"{self.old_size:,} → {self.new_size:,} events, "
            f"{self.adds:,} added, {self.withdrawals:,} withdrawn{older}{aside}, verified"
        )

    @property
    def _refusal(self) -> str:
        return f"refused: {self.error}" if isinstance(self.error, ProtocolError) else str(self.error)


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
        names = (f"{outcome.origin.rpartition('/')[2]}: {outcome.words}" for outcome in self.lists)
        return "; ".join((*names, *([str(self.error)] if self.error is not None else []))) or "no lists"
