"""A receipt of a proposal: the node signs that it was told, and when.

It names the proposal by its hash and the number of its files, and says nothing of any of them: it is the same whether
the agency knows them or not. Spec: docs/spec/proposal.md, "Receipt".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from keys.key import StatementPublicKey
from keys.signer import Signer
from keys.trust.statement import open_statement, seal_statement
from protocol.encoding import encode_cbor
from protocol.errors import ProofError
from protocol.limits import MAX_PROPOSAL_RECEIPT_BYTES, MAX_PROPOSED_FILES
from protocol.statement.proposal import PROPOSAL_ID_BYTES, Proposal
from protocol.statement.report import MAX_PARTNER_BYTES
from protocol.subset.fields import Fields
from protocol.subset.manifest import MAX_TIME_MS

KIND: Final = "proposal-receipt"
FORMAT: Final = 1

_HASH: Final = 32
_MAX_NODE_BYTES: Final = 128


class _Key(IntEnum):
    FORMAT = 0
    NODE = 1
    PARTNER = 2
    PROPOSAL_ID = 3
    PROPOSAL_SHA256 = 4
    FILES = 5
    RECEIVED_MS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReceipt:
    """What a node says about a proposal that it keeps."""

    node: str
    partner: str
    proposal_id: bytes
    proposal_sha256: bytes
    """Of the proposal's body."""
    files: int
    received_ms: int

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(
            {
                _Key.FORMAT: FORMAT,
                _Key.NODE: self.node,
                _Key.PARTNER: self.partner,
                _Key.PROPOSAL_ID: self.proposal_id,
                _Key.PROPOSAL_SHA256: self.proposal_sha256,
                _Key.FILES: self.files,
                _Key.RECEIVED_MS: self.received_ms,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "ProposalReceipt":
        """Parse a receipt's payload; raises `MalformedError`."""
        fields = Fields(data, name="proposal receipt", max_bytes=MAX_PROPOSAL_RECEIPT_BYTES)
        fields.number(_Key.FORMAT, minimum=FORMAT, maximum=FORMAT)
        receipt = cls(
            node=fields.line(_Key.NODE, _MAX_NODE_BYTES),
            partner=fields.line(_Key.PARTNER, MAX_PARTNER_BYTES),
            proposal_id=fields.octets(_Key.PROPOSAL_ID, PROPOSAL_ID_BYTES),
            proposal_sha256=fields.octets(_Key.PROPOSAL_SHA256, _HASH),
            files=fields.number(_Key.FILES, minimum=1, maximum=MAX_PROPOSED_FILES),
            received_ms=fields.number(_Key.RECEIVED_MS, maximum=MAX_TIME_MS),
        )
        fields.finish()
        return receipt


def sign_proposal_receipt(receipt: ProposalReceipt, signer: Signer) -> bytes:
    """The receipt as a statement of the node."""
    return seal_statement(KIND, receipt.to_bytes(), signer)


def open_proposal_receipt(
    data: bytes, proposal: Proposal, keys: Sequence[StatementPublicKey]
) -> ProposalReceipt:
    """The receipt of exactly this proposal, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no receipt.
        ProofError: a receipt of another proposal.
    """
    receipt = ProposalReceipt.from_bytes(open_statement(data, KIND, keys))
    named = (receipt.proposal_id, receipt.proposal_sha256, receipt.partner, receipt.files)
    if named != (proposal.proposal_id, proposal.sha256(), proposal.partner, len(proposal.files)):
        raise ProofError("the receipt is of another proposal")
    return receipt
