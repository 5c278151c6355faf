"""What a partner proposed: one sealed row each, durable before anything is sent.

A row holds the proposal as it is, or will be, sent, the names of the files, which never leave this machine, the node's
receipt, and what the node last said. It is sealed with a key in a file of its own, as hits are: a copy of the rows
alone tells nobody a hash.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from keys.message import Message
from node.errors import NotFoundError, StoreError
from node.fields import from_fields, to_fields
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.store.database import PartnerStore, Row, verify_sealed
from node.hoster.store.kinds import Kind
from node.short_ids import only_one, typed_digits
from protocol.encoding import b64, unb64
from protocol.errors import ProtocolError
from protocol.statement.proposal import Proposal, ProposedFile
from protocol.statement.proposal_state import FileState, ProposalState

_FORMAT: Final = 1
_KEY: Final = "proposals"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProposal:
    """One proposal, and what is known of it."""

    KIND: ClassVar[str] = Message("proposal")
    proposal: Proposal = field(repr=False)
    names: tuple[str, ...]
    """Of the files or rows, in the proposal's order."""
    made_ms: int
    receipt: bytes = field(default=b"", repr=False)
    """The node's statement; empty: not sent yet."""
    refused: str = ""
    """Why the node does not take it, in words; empty: it was not refused."""
    state: ProposalState | None = None
    """What the node last said of it."""

    @property
    def id(self) -> str:
        """Its id in hexadecimal digits."""
        return self.proposal.proposal_id.hex()

    @property
    def waiting(self) -> bool:
        """Whether it is still to be sent."""
        return not self.receipt and not self.refused

    @property
    def decided(self) -> bool:
        """Whether the node said that nothing of it waits any more."""
        return self.state is not None and all(
            each.state is not FileState.WAITING for each in self.state.files
        )

    @property
    def word(self) -> str:
        """In one word: waiting (to be sent), refused (by the node, as it is), sent, or decided."""
        if self.refused:
            return "refused"
        if not self.receipt:
            return "waiting"
        return "decided" if self.decided else "sent"


class OwnProposals:
    """The proposals of one enrolment."""

    def __init__(self, folder: Path) -> None:
        self._store = PartnerStore(folder)

    def save(self, kept: OwnProposal) -> None:
        """Write a proposal in place of what was kept of it."""
        state = b64(kept.state.to_bytes()) if kept.state else ""
        body = b64(kept.proposal.to_bytes())
        fields = {"v": _FORMAT, **to_fields(kept, "proposal", body=body, state=state)}
        sealed = self._store.seal(_KEY).seal(kept.id, json.dumps(fields).encode())
        with self._store.writing() as rows:
            rows.put(Kind.PROPOSAL, kept.id, sealed)

    def ls(self) -> list[OwnProposal]:
        """All proposals, oldest first; raises `StoreError` for a damaged one."""
        with self._store.reading() as rows:
            found = rows.ls(Kind.PROPOSAL)
        return sorted(map(self._open, found), key=lambda each: (each.made_ms, each.id))

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every proposal that is kept, opened: its name, and what is wrong with it, or nothing."""
        return verify_sealed(self._store, Kind.PROPOSAL, _KEY, self._open)

    def get(self, text: str) -> OwnProposal:
        """The one proposal whose id begins with these digits; raises `NotFoundError` or `UsageError`."""
        with self._store.reading() as rows:
            found = rows.beginning(Kind.PROPOSAL, typed_digits(text))
        none = NotFoundError("there is no such proposal here", hint="see them with: sigfed proposal ls")
        return self._open(only_one(found, none))

    def forget(self, kept: OwnProposal) -> None:
        """Remove one that the node does not have."""
        with self._store.writing() as rows:
            rows.remove(Kind.PROPOSAL, kept.id)

    def proposed(self) -> frozenset[ProposedFile]:
        """Files that need not be proposed again: those of proposals that the node did not refuse."""
        return frozenset(file for kept in self.ls() if not kept.refused for file in _standing(kept))

    def _open(self, row: Row) -> OwnProposal:
        try:
            fields = json.loads(self._store.seal(_KEY).unseal(row.name, row.body))
            state = ProposalState.from_bytes(unb64(fields["state"])) if fields["state"] else None
            proposal = Proposal.from_bytes(unb64(fields["body"]))
            return from_fields(OwnProposal, fields, proposal=proposal, state=state)
        except (ValueError, KeyError, TypeError, ProtocolError, StoreError) as exc:
            raise StoreError(
                "proposal {id} in {path} is damaged",
                row.name,
                self._store.path,
                hint="restore it from a backup, or propose the files again",
            ) from exc


def _standing(kept: OwnProposal) -> list[ProposedFile]:
    """Its files, but for those that the partner took back."""
    if kept.state is None:
        return list(kept.proposal.files)
    pairs = zip(kept.proposal.files, kept.state.files, strict=True)
    return [file for file, said in pairs if said.state is not FileState.WITHDRAWN]


def own_proposals(home: Home) -> OwnProposals:
    """The proposals of the partner in `home`."""
    return OwnProposals(home.partner)


def proposals(home: Home) -> list[OwnProposal]:
    """All proposals, oldest first; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return own_proposals(home).ls()
