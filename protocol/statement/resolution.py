"""What a partner did about a hit that it reported, and the agency's word that it was told.

A resolution names the report and repeats no digest. One report may get several: the one with the latest time counts, in
whatever order they arrive, so a correction that overtakes what it corrects still corrects it. What the node says is
signed, so that a partner can show in time whom it told what. Spec: docs/spec/statement.md, "Resolution".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar, Final

from keys.key import StatementPublicKey
from protocol.cbor_map import CborMap, choice, line, number, octets
from protocol.errors import ProofError
from protocol.limits import MAX_NODE_BYTES, MAX_RESOLUTION_BYTES
from protocol.signed_map import Statement
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES
from protocol.subset.manifest import MAX_TIME_MS

MAX_RECEIPT_BYTES: Final = 512


class Action(IntEnum):
    """What became of the file."""

    REMOVED = 1
    DISABLED = 2
    """Nobody can reach it; it is still there."""
    PRESERVED = 3
    """It is kept for an authority."""
    FALSE_POSITIVE = 4
    """A person looked, and it is not what the list says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution(CborMap):
    """What became of the file of one report."""

    name: ClassVar[str] = "resolution"
    max_bytes: ClassVar[int] = MAX_RESOLUTION_BYTES

    report_id: Annotated[bytes, octets(1, REPORT_ID_BYTES)]
    action: Annotated[Action, choice(2, Action)]
    done_ms: Annotated[int, number(3, MAX_TIME_MS)]
    """When, by the partner's clock; of several for one report the latest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionReceipt(Statement):
    """What a node says about a resolution that it keeps."""

    name: ClassVar[str] = "receipt of a resolution"
    kind: ClassVar[str] = "resolution-receipt"
    max_bytes: ClassVar[int] = MAX_RECEIPT_BYTES

    node: Annotated[str, line(1, MAX_NODE_BYTES)]
    partner: Annotated[str, line(2, MAX_PARTNER_BYTES)]
    report_id: Annotated[bytes, octets(3, REPORT_ID_BYTES)]
    action: Annotated[Action, choice(4, Action)]
    done_ms: Annotated[int, number(5, MAX_TIME_MS)]
    received_ms: Annotated[int, number(6, MAX_TIME_MS)]

    @property
    def resolution(self) -> Resolution:
        """What the partner said."""
        return Resolution(report_id=self.report_id, action=self.action, done_ms=self.done_ms)


def open_resolution(
    data: bytes, *, partner: str, resolution: Resolution, keys: Sequence[StatementPublicKey]
) -> ResolutionReceipt:
    """The receipt for exactly this partner's resolution, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no such receipt.
        ProofError: a receipt for another resolution.
    """
    receipt = ResolutionReceipt.opened(data, keys)
    if (receipt.partner, receipt.resolution) != (partner, resolution):
        raise ProofError("the receipt is for another resolution")
    return receipt
