"""A receipt of a proposal: the node signs that it was told, and when.

It names the proposal by its hash and the number of its files, and says nothing of any of them: it is the same whether
the agency knows them or not. Spec: docs/spec/proposal.md, "Receipt".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from keys.key import StatementPublicKey
from protocol.cbor_map import SHA256_BYTES, line, number, octets
from protocol.errors import ProofError
from protocol.limits import MAX_NODE_BYTES, MAX_PROPOSAL_RECEIPT_BYTES, MAX_PROPOSED_FILES
from protocol.signed_map import Statement
from protocol.statement.proposal import PROPOSAL_ID_BYTES, Proposal
from protocol.statement.report import MAX_PARTNER_BYTES
from protocol.subset.manifest import MAX_TIME_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReceipt(Statement):
    """What a node says about a proposal that it keeps."""

    name: ClassVar[str] = "proposal receipt"
    kind: ClassVar[str] = "proposal-receipt"
    max_bytes: ClassVar[int] = MAX_PROPOSAL_RECEIPT_BYTES

    node: Annotated[str, line(1, MAX_NODE_BYTES)]
    partner: Annotated[str, line(2, MAX_PARTNER_BYTES)]
    proposal_id: Annotated[bytes, octets(3, PROPOSAL_ID_BYTES)]
    proposal_sha256: Annotated[bytes, octets(4, SHA256_BYTES)]
    """Of the proposal's body."""
    files: Annotated[int, number(5, MAX_PROPOSED_FILES, minimum=1)]
    received_ms: Annotated[int, number(6, MAX_TIME_MS)]


def open_proposal_receipt(
    data: bytes, proposal: Proposal, keys: Sequence[StatementPublicKey]
) -> ProposalReceipt:
    """The receipt of exactly this proposal, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no receipt.
        ProofError: a receipt of another proposal.
    """
    receipt = ProposalReceipt.opened(data, keys)
    named = (receipt.proposal_id, receipt.proposal_sha256, receipt.partner, receipt.files)
    if named != (proposal.proposal_id, proposal.sha256(), proposal.partner, len(proposal.files)):
        raise ProofError("the receipt is of another proposal")
    return receipt
