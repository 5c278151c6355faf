"""Records and tables of what partners proposed, and of what became of each file.

What a proposal says is sealed, hashes and words: lists for people show who, when and how many. The agency's reason for
refusing a file is told to the partner, and stands in the clear.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRecord:
    """One proposal that was taken."""

    partner: str
    proposal_id: bytes
    subset: str
    claim: int
    files: int
    received_ms: int
    sealed: bytes = field(repr=False)
    """Hashes, words and receipt."""
    closed_ms: int | None = None
    """When the last of its files was decided; None while one waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What became of one proposed file."""

    number: int
    """Its place in the proposal, from 1."""
    state: int
    """A `protocol.statement.proposal_state.FileState`."""
    reason: str = ""
    """Why it was refused."""
    origin: str = ""
    """The list that it was taken up into."""
    decided_ms: int | None = None


class ProposalTable(Protocol):
    """Proposals of all partners."""

    def add(self, proposal: ProposalRecord) -> None:
        """Keep a proposal, all of its files waiting; raises `AlreadyExistsError` when the partner has that id."""
        ...

    def find(self, partner: str, proposal_id: bytes) -> ProposalRecord | None:
        """A partner's proposal; None when there is none."""
        ...

    def ls(self) -> Sequence[ProposalRecord]:
        """All proposals: open ones first, of these the oldest."""
        ...

    def page(self, *, skip: int, limit: int) -> Sequence[ProposalRecord]:
        """Up to `limit` of them in that order, after the first `skip`."""
        ...

    def names(self) -> Sequence[tuple[str, bytes]]:
        """Partner and id of every proposal: all of them at once may be more than fits into memory."""
        ...

    def open_count(self) -> int:
        """How many proposals have files that wait."""
        ...

    def files(self, proposal: ProposalRecord) -> Sequence[FileRecord]:
        """What became of its files, in their order."""
        ...

    def received_since(self, partner: str, *, since_ms: int) -> tuple[int, int]:
        """How many proposals of a partner, with how many files, came at `since_ms` or later."""
        ...

    def waiting(self, partner: str) -> int:
        """How many of a partner's files nobody decided yet."""
        ...

    def decide(self, proposal: ProposalRecord, numbers: Collection[int], outcome: FileRecord) -> int:
        """Give the outcome to those of these files that wait; returns how many. The last one closes the proposal."""
        ...

    def reseal(self, proposal: ProposalRecord, sealed: bytes) -> None:
        """Replace what is sealed of a proposal, of which something was deleted."""
        ...

    def forget(self, *, closed_before_ms: int) -> int:
        """Delete proposals that were closed before; returns how many."""
        ...
