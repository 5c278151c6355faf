"""A receipt: the node signs that it got a hit report, and what the hit means.

It names the report by its hash and never repeats the digest. The label in it confirms the hit where a release carries
no labels, and is the same as the release's where it does. Spec: docs/spec/statement.md, "Receipt".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from keys.key import StatementPublicKey
from keys.trust.statement import unverified_payload
from protocol.cbor_map import SHA256_BYTES, Field, line, number, octets
from protocol.errors import ProofError
from protocol.limits import MAX_LOG_SIZE, MAX_NODE_BYTES
from protocol.signed_map import Statement
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES, HitReport
from protocol.subset.identity import SUBSET_ID_BYTES
from protocol.subset.label import PLAINTEXT_BYTES, Label
from protocol.subset.manifest import MAX_EPOCH, MAX_TIME_MS

MAX_RECEIPT_BYTES: Final = 1024

_LABEL: Final = Field(
    lambda fields: Label.from_bytes(fields.octets(8, PLAINTEXT_BYTES)), lambda label: {8: label.to_bytes()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Statement):
    """What a node says about a report that verified."""

    name: ClassVar[str] = "receipt"
    kind: ClassVar[str] = "receipt"
    max_bytes: ClassVar[int] = MAX_RECEIPT_BYTES

    node: Annotated[str, line(1, MAX_NODE_BYTES)]
    partner: Annotated[str, line(2, MAX_PARTNER_BYTES)]
    report_id: Annotated[bytes, octets(3, REPORT_ID_BYTES)]
    report_sha256: Annotated[bytes, octets(4, SHA256_BYTES)]
    """Of the report's body."""
    subset_id: Annotated[bytes, octets(5, SUBSET_ID_BYTES)]
    epoch: Annotated[int, number(6, MAX_EPOCH)]
    version: Annotated[int, number(7, MAX_LOG_SIZE, minimum=1)]
    """Of the release in which the node found the digest; its sources are what the label's numbers mean."""
    label: Annotated[Label, _LABEL]
    received_ms: Annotated[int, number(9, MAX_TIME_MS)]


def kept_receipt(data: bytes) -> Receipt:
    """The receipt that a node signed and kept itself, of whichever report; the signature is not verified.

    The key that made it may have been taken back since. Raises `MalformedTrustError` or `MalformedError`.
    """
    return Receipt.from_bytes(unverified_payload(data, Receipt.kind))


def open_receipt(data: bytes, report: HitReport, keys: Sequence[StatementPublicKey]) -> Receipt:
    """The receipt of exactly this report, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no receipt.
        ProofError: a receipt of another report.
    """
    receipt = Receipt.opened(data, keys)
    named = (receipt.report_id, receipt.report_sha256, receipt.partner, receipt.subset_id, receipt.epoch)
    wanted = (report.report_id, report.sha256(), report.partner, report.subset_id, report.epoch)
    if named != wanted:
        raise ProofError("the receipt is of another report")
    return receipt
