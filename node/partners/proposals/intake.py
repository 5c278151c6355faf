"""Taking proposals of partners, and telling what became of them. None of it looks a hash up.

What is asked of a hash here is only what is published of it, and the same work is done whatever lists and guards have:
neither a reply nor its time tells what is listed. Hashes are recognised when an analyst looks, in
`node.partners.proposals.review`. Bounds a partner keep one from burying the others' files. Spec:
docs/spec/proposal.md.
"""

from collections.abc import Callable, Collection
from typing import Final

from keys.signer import Signer
from node.clock import DAY_MS, Clock, milliseconds
from node.errors import ConflictError, NotFoundError, RateLimitedError, UsageError
from node.objects.kept_proposals import KeptProposal, delete_hashes, kept_proposal, sealed_proposal
from node.store.partners.records import FileRecord, ProposalRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.errors import UntrustedError
from protocol.statement.proposal import Proposal, require_telling
from protocol.statement.proposal_receipt import ProposalReceipt
from protocol.statement.proposal_state import FileOutcome, FileState, ProposalState
from protocol.subset.identity import subset_id

MOST_PROPOSALS_A_DAY: Final = 50
MOST_FILES_A_DAY: Final = 2_000
MOST_WAITING: Final = 5_000
"""Files of one partner that nobody decided yet."""

_WAIT_SECONDS: Final = 3600


class TakingProposals:
    """Takes the proposals of all partners of this node."""

    def __init__(
        self, store: Store, clock: Clock, *, node: str, signer: Callable[[], Signer], enabled: bool = True
    ) -> None:
        self._enabled = enabled
        self._store = store
        self._clock = clock
        self._node = node
        self._signer = signer

    def take(self, partner: str, subset: str, request: bytes) -> bytes:
        """The receipt of a proposal that `partner` sent; the same again for the same body.

        Raises:
            NotFoundError: this node takes none.
            MalformedError: not a proposal, or one with a hash that says nothing about a file.
            UntrustedError: in another partner's name.
            UsageError: of another subset than its address.
            ConflictError: the partner has another proposal of that id.
            RateLimitedError: too many in a day, or too many of its files wait.
        """
        if not self._enabled:
            raise NotFoundError("this node takes no proposals")
        proposal = Proposal.from_bytes(request)
        if proposal.partner != partner:
            raise UntrustedError("the proposal is not in the caller's name")
        with self._store.read() as unit:
            origin = unit.subsets.get(subset).origin
        if proposal.subset_id != subset_id(origin):
            raise UsageError("a proposal of another subset than its address")
        require_telling(proposal.files)
        receipt = self._receipt(proposal)
        with self._store.write(alone=True) as unit:
            earlier = unit.proposals.find(partner, proposal.proposal_id)
            if earlier is None:
                self._require_room(unit, proposal)
                gone = self._shredded(unit, proposal)
                unit.proposals.add(self._record(subset, proposal, receipt, gone))
                return receipt
        kept = kept_proposal(self._store, earlier)
        if kept.body_sha256 != proposal.sha256():
            raise ConflictError("another proposal has this id", hint="make a new id")
        return kept.receipt

    def state(self, partner: str, subset: str, proposal_id: bytes) -> ProposalState:
        """What became of a partner's proposal; raises `NotFoundError`."""
        with self._store.read() as unit:
            record = _find(unit, partner, subset, proposal_id)
            return _state(record, unit)

    def withdraw(self, partner: str, subset: str, proposal_id: bytes) -> ProposalState:
        """The partner takes back what waits, and its hashes are deleted here; raises `NotFoundError`."""
        with self._store.write(alone=True) as unit:
            record = _find(unit, partner, subset, proposal_id)
            waiting = [
                each.number for each in unit.proposals.files(record) if each.state == FileState.WAITING
            ]
            if waiting:
                outcome = FileRecord(
                    number=0, state=FileState.WITHDRAWN, decided_ms=milliseconds(self._clock.now())
                )
                unit.proposals.decide(record, waiting, outcome)
                delete_hashes(self._store, unit, record, waiting)
            state = _state(record, unit)
        if waiting:
            self._store.scrub()
        return state

    def _require_room(self, unit: Unit, proposal: Proposal) -> None:
        """Asked in the transaction that adds: proposals that come together are counted one after the other."""
        since_ms = milliseconds(self._clock.now()) - DAY_MS
        proposals, files = unit.proposals.received_since(proposal.partner, since_ms=since_ms)
        new = len(proposal.files)
        if proposals >= MOST_PROPOSALS_A_DAY or files + new > MOST_FILES_A_DAY:
            raise RateLimitedError("too many proposals in a day", retry_after_seconds=_WAIT_SECONDS)
        if unit.proposals.waiting(proposal.partner) + new > MOST_WAITING:
            raise RateLimitedError(
                "too many proposed files wait for the agency", retry_after_seconds=_WAIT_SECONDS
            )

    def _shredded(self, unit: Unit, proposal: Proposal) -> Collection[int]:
        """Files with a hash that was shredded, by number: nothing new may hold one.

        Asked in the transaction that adds, so that no shredding comes in between, and of all hashes alike.
        """
        macs, mac_of = {each.mac for each in unit.tombstones.ls()}, self._store.vault.tombstone_of
        found = [{mac_of(digest) for digest in file.digests} for file in proposal.files]
        return [number for number, of_file in enumerate(found, 1) if not macs.isdisjoint(of_file)]

    def _record(
        self, subset: str, proposal: Proposal, receipt: bytes, gone: Collection[int]
    ) -> ProposalRecord:
        kept = KeptProposal.of(proposal, receipt).without(gone)
        return ProposalRecord(
            partner=proposal.partner,
            proposal_id=proposal.proposal_id,
            subset=subset,
            claim=proposal.claim,
            files=len(proposal.files),
            received_ms=milliseconds(self._clock.now()),
            sealed=sealed_proposal(self._store, proposal.partner, proposal.proposal_id, kept),
        )

    def _receipt(self, proposal: Proposal) -> bytes:
        receipt = ProposalReceipt(
            node=self._node,
            partner=proposal.partner,
            proposal_id=proposal.proposal_id,
            proposal_sha256=proposal.sha256(),
            files=len(proposal.files),
            received_ms=milliseconds(self._clock.now()),
        )
        return receipt.signed(self._signer())


def _find(unit: Unit, partner: str, subset: str, proposal_id: bytes) -> ProposalRecord:
    record = unit.proposals.find(partner, proposal_id)
    if record is None or record.subset != subset:
        raise NotFoundError("this partner has no such proposal here")
    return record


def _state(record: ProposalRecord, unit: Unit) -> ProposalState:
    files = unit.proposals.files(record)
    return ProposalState(
        received_ms=record.received_ms,
        files=tuple(FileOutcome(FileState(each.state), each.reason) for each in files),
    )
