"""What a partner did about a hit that it reported, and the agency's word that it was told.

A resolution names the report and repeats no digest. One report may get several: the one with the latest time counts, in
whatever order they arrive, so a correction that overtakes what it corrects still corrects it. What the node says is
signed, so that a partner can show in time whom it told what. Spec: docs/spec/statement.md, "Resolution".
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
from protocol.limits import MAX_RESOLUTION_BYTES
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES
from protocol.subset.fields import Fields
from protocol.subset.manifest import MAX_TIME_MS

KIND: Final = "resolution-receipt"
FORMAT: Final = 1
MAX_RECEIPT_BYTES: Final = 512

_MAX_NODE_BYTES: Final = 128


class Action(IntEnum):
    """What became of the file."""

    REMOVED = 1
    DISABLED = 2
    """Nobody can reach it; it is still there."""
    PRESERVED = 3
    """It is kept for an authority."""
    FALSE_POSITIVE = 4
    """A person looked, and it is not what the list says."""


class _Sent(IntEnum):
    FORMAT = 0
    REPORT_ID = 1
    ACTION = 2
    DONE_MS = 3


class _Told(IntEnum):
    FORMAT = 0
    NODE = 1
    PARTNER = 2
    REPORT_ID = 3
    ACTION = 4
    DONE_MS = 5
    RECEIVED_MS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What became of the file of one report."""

    report_id: bytes
    action: Action
    done_ms: int
    """When, by the partner's clock; of several for one report the latest counts."""

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(
            {
                _Sent.FORMAT: FORMAT,
                _Sent.REPORT_ID: self.report_id,
                _Sent.ACTION: int(self.action),
                _Sent.DONE_MS: self.done_ms,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Resolution":
        """Parse a request; raises `MalformedError`."""
        fields = Fields(data, name="resolution", max_bytes=MAX_RESOLUTION_BYTES)
        fields.number(_Sent.FORMAT, minimum=FORMAT, maximum=FORMAT)
        resolution = cls(
            report_id=fields.octets(_Sent.REPORT_ID, REPORT_ID_BYTES),
            action=Action(fields.number(_Sent.ACTION, minimum=min(Action), maximum=max(Action))),
            done_ms=fields.number(_Sent.DONE_MS, maximum=MAX_TIME_MS),
        )
        fields.finish()
        return resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionReceipt:
    """What a node says about a resolution that it keeps."""

    node: str
    partner: str
    resolution: Resolution
    received_ms: int

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(
            {
                _Told.FORMAT: FORMAT,
                _Told.NODE: self.node,
                _Told.PARTNER: self.partner,
                _Told.REPORT_ID: self.resolution.report_id,
                _Told.ACTION: int(self.resolution.action),
                _Told.DONE_MS: self.resolution.done_ms,
                _Told.RECEIVED_MS: self.received_ms,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "ResolutionReceipt":
        """Parse a receipt's payload; raises `MalformedError`."""
        fields = Fields(data, name="receipt of a resolution", max_bytes=MAX_RECEIPT_BYTES)
        fields.number(_Told.FORMAT, minimum=FORMAT, maximum=FORMAT)
        receipt = cls(
            node=fields.line(_Told.NODE, _MAX_NODE_BYTES),
            partner=fields.line(_Told.PARTNER, MAX_PARTNER_BYTES),
            resolution=Resolution(
                report_id=fields.octets(_Told.REPORT_ID, REPORT_ID_BYTES),
                action=Action(fields.number(_Told.ACTION, minimum=min(Action), maximum=max(Action))),
                done_ms=fields.number(_Told.DONE_MS, maximum=MAX_TIME_MS),
            ),
            received_ms=fields.number(_Told.RECEIVED_MS, maximum=MAX_TIME_MS),
        )
        fields.finish()
        return receipt


def sign_resolution(receipt: ResolutionReceipt, signer: Signer) -> bytes:
    """The receipt as a statement of the node."""
    return seal_statement(KIND, receipt.to_bytes(), signer)


def open_resolution(
    data: bytes, *, partner: str, resolution: Resolution, keys: Sequence[StatementPublicKey]
) -> ResolutionReceipt:
    """The receipt for exactly this partner's resolution, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no such receipt.
        ProofError: a receipt for another resolution.
    """
    receipt = ResolutionReceipt.from_bytes(open_statement(data, KIND, keys))
    if (receipt.partner, receipt.resolution) != (partner, resolution):
        raise ProofError("the receipt is for another resolution")
    return receipt
