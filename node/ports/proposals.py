"""Records of what partners proposed, and of what became of each file.

What a proposal says is sealed, hashes and words: lists for people show who, when and how many. The agency's reason for
refusing a file is told to the partner, and stands in the clear.
"""

from dataclasses import dataclass, field


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
