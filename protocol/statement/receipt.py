"""A receipt: the node signs that it got a hit report, and what the hit means.

It names the report by its hash and never repeats the digest. The label in it confirms the hit where a release carries
no labels, and is the same as the release's where it does. Spec: docs/spec/statement.md, "Receipt".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from keys.key import StatementPublicKey
from keys.signer import Signer
from keys.trust.statement import open_statement, seal_statement, unverified_payload
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import ProofError
from protocol.limits import MAX_LOG_SIZE
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES, HitReport
from protocol.subset.fields import Fields
from protocol.subset.identity import SUBSET_ID_BYTES
from protocol.subset.label import PLAINTEXT_BYTES, Label
from protocol.subset.manifest import MAX_EPOCH, MAX_TIME_MS

KIND: Final = "receipt"
FORMAT: Final = 1
MAX_RECEIPT_BYTES: Final = 1024

_HASH: Final = 32
_MAX_NODE_BYTES: Final = 128


class _Key(IntEnum):
    FORMAT = 0
    NODE = 1
    PARTNER = 2
    REPORT_ID = 3
    REPORT_SHA256 = 4
    SUBSET_ID = 5
    EPOCH = 6
    VERSION = 7
    LABEL = 8
    RECEIVED_MS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a node says about a report that verified."""

    node: str
    partner: str
    report_id: bytes
    report_sha256: bytes
    """Of the report's body."""
    subset_id: bytes
    epoch: int
    version: int
    """Of the release in which the node found the digest; its sources are what the label's numbers mean."""
    label: Label
    received_ms: int

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        fields: dict[int, CborValue] = {
            _Key.FORMAT: FORMAT,
            _Key.NODE: self.node,
            _Key.PARTNER: self.partner,
            _Key.REPORT_ID: self.report_id,
            _Key.REPORT_SHA256: self.report_sha256,
            _Key.SUBSET_ID: self.subset_id,
            _Key.EPOCH: self.epoch,
            _Key.VERSION: self.version,
            _Key.LABEL: self.label.to_bytes(),
            _Key.RECEIVED_MS: self.received_ms,
        }
        return encode_cbor(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Receipt":
        """Parse a receipt's payload; raises `MalformedError`."""
        fields = Fields(data, name="receipt", max_bytes=MAX_RECEIPT_BYTES)
        fields.number(_Key.FORMAT, minimum=FORMAT, maximum=FORMAT)
        receipt = cls(
            node=fields.line(_Key.NODE, _MAX_NODE_BYTES),
            partner=fields.line(_Key.PARTNER, MAX_PARTNER_BYTES),
            report_id=fields.octets(_Key.REPORT_ID, REPORT_ID_BYTES),
            report_sha256=fields.octets(_Key.REPORT_SHA256, _HASH),
            subset_id=fields.octets(_Key.SUBSET_ID, SUBSET_ID_BYTES),
            epoch=fields.number(_Key.EPOCH, maximum=MAX_EPOCH),
            version=fields.number(_Key.VERSION, minimum=1, maximum=MAX_LOG_SIZE),
            label=Label.from_bytes(fields.octets(_Key.LABEL, PLAINTEXT_BYTES)),
            received_ms=fields.number(_Key.RECEIVED_MS, maximum=MAX_TIME_MS),
        )
        fields.finish()
        return receipt


def sign_receipt(receipt: Receipt, signer: Signer) -> bytes:
    """The receipt as a statement of the node."""
    return seal_statement(KIND, receipt.to_bytes(), signer)


def kept_receipt(data: bytes) -> Receipt:
    """The receipt that a node signed and kept itself, of whichever report; the signature is not verified.

    The key that made it may have been taken back since. Raises `MalformedTrustError` or `MalformedError`.
    """
    return Receipt.from_bytes(unverified_payload(data, KIND))


def open_receipt(data: bytes, report: HitReport, keys: Sequence[StatementPublicKey]) -> Receipt:
    """The receipt of exactly this report, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no receipt.
        ProofError: a receipt of another report.
    """
    receipt = Receipt.from_bytes(open_statement(data, KIND, keys))
    named = (receipt.report_id, receipt.report_sha256, receipt.partner, receipt.subset_id, receipt.epoch)
    wanted = (report.report_id, report.sha256(), report.partner, report.subset_id, report.epoch)
    if named != wanted:
        raise ProofError("the receipt is of another report")
    return receipt
