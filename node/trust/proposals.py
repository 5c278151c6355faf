"""Proposals of this node: what it carries of its own state, and whether that is still its state.

What holders sign elsewhere comes back days later. It is compared with what is in force then, byte for byte, so that no
number is given twice. What is in a proposal, and who signs it, is `keys.trust`' matter; the paths of files are the
caller's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from keys.errors import NotCurrentError
from keys.trust import node_document
from keys.trust.proposals.proposal import Proposal
from keys.trust.proposals.sign import Decided, OpenedProposal
from keys.trust.tuf.root import RootContent
from keys.trust.tuf.target_files import NODE_FILE
from node.errors import ConflictError, UsageError


class ProposalPlace(Protocol):
    """Where a proposal that grows is kept."""

    def read(self) -> Proposal | None:
        """The proposal so far; None when there is none yet."""
        ...

    def write(self, proposal: Proposal) -> None:
        """Keep it, in place of what was there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A node's state, as a proposal carries it."""

    node: str
    roots: tuple[bytes, ...]
    files: Mapping[str, bytes]
    """Trust files by name, all of them as they are listed."""
    listing: bytes

    def proposal(
        self, changed: Mapping[str, bytes], *, expires: datetime, root: RootContent | None, handover: bool
    ) -> Proposal:
        """A proposal that nobody signed yet."""
        return Proposal(
            node=self.node,
            roots=self.roots,
            files=self.files,
            listing=self.listing,
            root=root,
            changed=changed,
            expires=expires.replace(microsecond=0),
            handover=handover,
        )

    def is_carried_by(self, proposal: Proposal) -> bool:
        """Whether the proposal is about this state."""
        held = (proposal.roots, dict(proposal.files), proposal.listing)
        return held == (self.roots, dict(self.files), self.listing)

    def holds(self, decided: Decided) -> bool:
        """Whether what was decided is in force."""
        root_holds = decided.root is None or decided.root in self.roots
        return root_holds and all(self.files.get(name) == data for name, data in decided.files.items())

    def require_carried_by(self, opened: OpenedProposal) -> None:
        """Raises `ConflictError` for a proposal about another state."""
        if not self.is_carried_by(opened.proposal):
            raise ConflictError(
                "since the proposal was made other trust files came into force: a number would be given twice",
                hint="make it anew with the command that wrote it, and have that signed",
            )


def require_time_left(opened: OpenedProposal, now: datetime) -> None:
    """Raises `NotCurrentError` for a proposal whose root, document or list of files has ended at `now`."""
    proposal = opened.proposal
    ends = {"root": opened.after.expires}
    if NODE_FILE in proposal.changed:
        ends["node document"] = node_document.from_json(proposal.changed[NODE_FILE]).valid.end
    if proposal.changed:
        ends["list of files"] = proposal.expires
    for what, end in ends.items():
        if now >= end:
            raise NotCurrentError(
                "the {what} of this proposal ended on {end}: make it anew", what, f"{end:%Y-%m-%d}"
            )


def grown(
    place: ProposalPlace, in_force: InForce, changed: Mapping[str, bytes], *, expires: datetime
) -> Proposal:
    """The proposal of a place with more changed files; a new one where there is none.

    Raises:
        UsageError: it is signed already, or about an older state.
    """
    held = place.read()
    if held is None:
        return in_force.proposal(changed, expires=expires, root=None, handover=True)
    if held.signatures or not in_force.is_carried_by(held):
        raise UsageError(
            "the proposal in this file is signed already, or about an older state",
            hint="publish it first, or name another file",
        )
    return replace(held, changed={**held.changed, **changed})
