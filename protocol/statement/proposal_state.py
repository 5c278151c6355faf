"""What a node says of a proposal that it keeps: for each file, in its order, what a person decided.

Nothing but a person's decision changes a state, and none says whether a list had the file before: otherwise whoever
proposes would learn what is listed. Spec: docs/spec/proposal.md, "State".
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from protocol.cbor_map import CborMap, items, number
from protocol.encoding import CborValue
from protocol.errors import MalformedError
from protocol.fields import array_of, number_of, text_of
from protocol.limits import MAX_PROPOSAL_STATE_BYTES, MAX_PROPOSED_FILES, MAX_REASON_BYTES
from protocol.subset.manifest import MAX_TIME_MS


class FileState(IntEnum):
    """What became of one proposed file; the numbers are wire format."""

    WAITING = 1
    """Nobody decided yet."""
    TAKEN = 2
    """An analyst examined it and the agency says so in a list, whether it did before or not."""
    REFUSED = 3
    """The agency does not list it on this proposal."""
    WITHDRAWN = 4
    """The partner took it back before anybody decided."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """The state of one file; a reason where it is refused, and only there.

    Raises:
        MalformedError: a reason where there is none, or none where there must be.
    """

    state: FileState
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.state is FileState.REFUSED) != bool(self.reason):
            raise MalformedError("proposed file: a reason is what a refused one has")

    def to_cbor(self) -> CborValue:
        """Its state and its reason."""
        return [int(self.state), self.reason]

    @classmethod
    def from_cbor(cls, value: CborValue, where: str) -> "FileOutcome":
        """Read one; raises `MalformedError`."""
        pair = array_of(value, where)
        if len(pair) != 2:
            raise MalformedError("{where}: not a state and a reason", where)
        state = FileState(number_of(pair[0], where, minimum=min(FileState), maximum=max(FileState)))
        reason = text_of(pair[1], where)
        if len(reason.encode("utf-8")) > MAX_REASON_BYTES or not reason.isprintable():
            raise MalformedError("{where}: the reason is not one printable line", where)
        return cls(state, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalState(CborMap):
    """Since when the node has a proposal, and what became of its files, in their order.

    Raises:
        MalformedError: no files or too many.
    """

    name: ClassVar[str] = "state of a proposal"
    max_bytes: ClassVar[int] = MAX_PROPOSAL_STATE_BYTES

    received_ms: Annotated[int, number(1, MAX_TIME_MS)]
    files: Annotated[tuple[FileOutcome, ...], items(2, FileOutcome.from_cbor, FileOutcome.to_cbor)]

    def __post_init__(self) -> None:
        if not 1 <= len(self.files) <= MAX_PROPOSED_FILES:
            raise MalformedError("state of a proposal: not 1 to {most} files", MAX_PROPOSED_FILES)
