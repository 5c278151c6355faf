"""Proposing files to the agency: made and kept first, sent against a receipt, asked about, taken back.

A proposal may be sent as often as it takes: the node answers the same bytes the same. Everything signed is verified
here, and what the node says of a proposal is of as many files as it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keys.errors import KeysError
from keys.message import Message
from node.clock import Clock, Entropy, milliseconds
from node.errors import NotFoundError, PeerRefusedError, UsageError, VerificationError
from node.hoster.folder import Enrolment
from node.hoster.proposals.folder import OwnProposal, OwnProposals
from node.hoster.trust.node import Known
from protocol.api import ProposalApi
from protocol.digest import Digest
from protocol.errors import ProtocolError
from protocol.limits import MAX_PROPOSED_FILES
from protocol.slices import slices
from protocol.statement.proposal import PROPOSAL_ID_BYTES, Proposal, ProposedFile, require_telling
from protocol.statement.proposal_receipt import ProposalReceipt, open_proposal_receipt
from protocol.statement.proposal_state import ProposalState
from protocol.subset.identity import subset_id

_REFUSED: Final = {
    400: "the node cannot read it, or does not take one of its hashes",
    409: "the node has another proposal of this id",
    422: "the node does not know this partner by this name",
}

Named = tuple[str, ProposedFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a partner says of the files that it proposes."""

    claim: int
    reason: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Files that are to be proposed, and why others are not."""

    files: tuple[Named, ...]
    left_out: tuple[tuple[str, str], ...]
    """Name and reason."""


def choose(named: Sequence[tuple[str, Sequence[Digest]]], known: frozenset[ProposedFile]) -> Chosen:
    """The files to propose: each once, without what says nothing about a file and what was proposed before."""
    files: dict[ProposedFile, str] = {}
    left_out: list[tuple[str, str]] = []
    for name, digests in named:
        try:
            file = ProposedFile(tuple(sorted(digests)))
            require_telling([file])
        except ProtocolError as exc:
            left_out.append((name, str(exc).partition(": ")[2] or "it has no hash"))
            continue
        if file in known or file in files:
            why = "it was proposed before" if file in known else f"the same file as {files[file]}"
            left_out.append((name, why))
            continue
        files[file] = name
    return Chosen(files=tuple((name, file) for file, name in files.items()), left_out=tuple(left_out))


class Proposer:
    """Makes, sends and follows the proposals of one enrolment."""

    def __init__(self, folder: OwnProposals, enrolment: Enrolment, clock: Clock, *, entropy: Entropy) -> None:
        self._folder = folder
        self._enrolment = enrolment
        self._clock = clock
        self._entropy = entropy

    def make(self, files: Sequence[Named], words: Words) -> list[OwnProposal]:
        """Proposals of these files, kept durably and not sent yet; raises `UsageError` for words that do not fit."""
        made = [self._one(part, words) for part in slices(files, MAX_PROPOSED_FILES)]
        for kept in made:
            self._folder.save(kept)
        return made

    def _one(self, part: Sequence[Named], words: Words) -> OwnProposal:
        proposal = Proposal(
            partner=self._enrolment.partner,
            subset_id=subset_id(self._enrolment.origin),
            proposal_id=self._entropy(PROPOSAL_ID_BYTES),
            claim=words.claim,
            reason=words.reason,
            contact=words.contact,
            files=tuple(file for _, file in part),
        )
        try:
            Proposal.from_bytes(proposal.to_bytes())
        except ProtocolError as exc:
            raise UsageError(
                "the words do not fit: {reason}", exc, hint="one line each; the reason up to 500 bytes"
            ) from exc
        names = tuple(name for name, _ in part)
        return OwnProposal(proposal=proposal, names=names, made_ms=milliseconds(self._clock.now()))


class Sender:
    """Speaks with the node about proposals that are kept."""

    def __init__(self, folder: OwnProposals, enrolment: Enrolment, known: Known, api: ProposalApi) -> None:
        self._folder = folder
        self._enrolment = enrolment
        self._known = known
        self._api = api

    async def send(self, kept: OwnProposal) -> OwnProposal:
        """The proposal with its receipt, or with the reason why the node does not take it; a receipt stays.

        Raises:
            PeerUnreachableError, RateLimitedError: not now; the proposal stays and waits.
            NotFoundError: the node takes no proposals.
            VerificationError: the receipt is not one of the node's for this proposal.
        """
        if kept.receipt:
            return kept
        try:
            data = await self._api.propose(self._enrolment.subset, kept.proposal.to_bytes())
        except NotFoundError:
            raise NotFoundError("the agency's node takes no proposals", hint="ask the agency") from None
        except PeerRefusedError as exc:
            if exc.status not in _REFUSED:
                raise
            return self._keep(replace(kept, refused=_REFUSED[exc.status]))
        self._receipt(kept, data)
        return self._keep(replace(kept, receipt=data, refused=""))

    def receipt(self, kept: OwnProposal) -> ProposalReceipt:
        """The receipt of a proposal that was sent, verified; raises `UsageError` or `VerificationError`."""
        if not kept.receipt:
            raise UsageError(
                "this proposal is not sent yet", hint=Message("sigfed proposal send {id}", kept.id[:8])
            )
        return self._receipt(kept, kept.receipt)

    def _receipt(self, kept: OwnProposal, data: bytes) -> ProposalReceipt:
        document = self._known.document
        keys = [each.key for each in document.statement_keys]
        try:
            receipt = open_proposal_receipt(data, kept.proposal, keys)
        except (ProtocolError, KeysError) as exc:
            raise VerificationError("the receipt does not verify: {reason}", exc) from exc
        if receipt.node != document.node:
            raise VerificationError("the receipt is in another node's name")
        return receipt

    async def ask(self, kept: OwnProposal) -> OwnProposal:
        """The proposal with what the node now says of it; what is decided stays, and nobody is asked."""
        if not kept.receipt or kept.decided:
            return kept
        return self._told(kept, await self._api.proposal(self._enrolment.subset, kept.id))

    async def withdraw(self, kept: OwnProposal) -> OwnProposal:
        """Take back what waits at the node; raises `UsageError` for a proposal that was not sent."""
        self.receipt(kept)
        return self._told(kept, await self._api.withdraw_proposal(self._enrolment.subset, kept.id))

    def _told(self, kept: OwnProposal, data: bytes) -> OwnProposal:
        try:
            state = ProposalState.from_bytes(data)
        except ProtocolError as exc:
            raise VerificationError(
                "what the node says of the proposal cannot be read: {reason}", exc
            ) from exc
        if len(state.files) != len(kept.proposal.files):
            raise VerificationError("the node speaks of another number of files than were proposed")
        return self._keep(replace(kept, state=state))

    def _keep(self, kept: OwnProposal) -> OwnProposal:
        self._folder.save(kept)
        return kept
