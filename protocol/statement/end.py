"""The end of a reported hit: the node signs that its newest release does not list what was reported any more.

It stands beside the receipt, which goes on saying what the lists said, and names the report as that does: by its hash.
Spec: docs/spec/statement.md, "End".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from keys.key import StatementPublicKey
from keys.signer import Signer
from keys.trust.statement import open_statement, seal_statement
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError, ProofError
from protocol.limits import MAX_ENDS, MAX_ENDS_BYTES, MAX_LOG_SIZE
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES, HitReport
from protocol.subset.fields import Fields, array_of
from protocol.subset.identity import SUBSET_ID_BYTES
from protocol.subset.manifest import MAX_TIME_MS

KIND: Final = "report-ended"
FORMAT: Final = 1
MAX_END_BYTES: Final = 512
FROM_THE_FIRST: Final = bytes(REPORT_ID_BYTES)
"""In place of a report's id: what ended is asked for from the beginning."""

_HASH: Final = 32
_MAX_NODE_BYTES: Final = 128
_MAX_ENVELOPE_BYTES: Final = 4 * 1024


class _Key(IntEnum):
    FORMAT = 0
    NODE = 1
    PARTNER = 2
    REPORT_ID = 3
    REPORT_SHA256 = 4
    SUBSET_ID = 5
    VERSION = 6
    ENDED_MS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEnd:
    """What a node says of a report that its newest release bears out no more."""

    node: str
    partner: str
    report_id: bytes
    report_sha256: bytes
    """Of the report's body."""
    subset_id: bytes
    version: int
    """Of the newest release when it ended, which does not list the digest."""
    ended_ms: int

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        fields: dict[int, CborValue] = {
            _Key.FORMAT: FORMAT,
            _Key.NODE: self.node,
            _Key.PARTNER: self.partner,
            _Key.REPORT_ID: self.report_id,
            _Key.REPORT_SHA256: self.report_sha256,
            _Key.SUBSET_ID: self.subset_id,
            _Key.VERSION: self.version,
            _Key.ENDED_MS: self.ended_ms,
        }
        return encode_cbor(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "ReportEnd":
        """Parse a payload; raises `MalformedError`."""
        fields = Fields(data, name="end of a report", max_bytes=MAX_END_BYTES)
        fields.number(_Key.FORMAT, minimum=FORMAT, maximum=FORMAT)
        end = cls(
            node=fields.line(_Key.NODE, _MAX_NODE_BYTES),
            partner=fields.line(_Key.PARTNER, MAX_PARTNER_BYTES),
            report_id=fields.octets(_Key.REPORT_ID, REPORT_ID_BYTES),
            report_sha256=fields.octets(_Key.REPORT_SHA256, _HASH),
            subset_id=fields.octets(_Key.SUBSET_ID, SUBSET_ID_BYTES),
            version=fields.number(_Key.VERSION, minimum=1, maximum=MAX_LOG_SIZE),
            ended_ms=fields.number(_Key.ENDED_MS, maximum=MAX_TIME_MS),
        )
        fields.finish()
        return end


def sign_end(end: ReportEnd, signer: Signer) -> bytes:
    """The end as a statement of the node."""
    return seal_statement(KIND, end.to_bytes(), signer)


def open_end(data: bytes, report: HitReport, keys: Sequence[StatementPublicKey]) -> ReportEnd:
    """The end of exactly this report, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no end of a report.
        ProofError: the end of another report.
    """
    end = ReportEnd.from_bytes(open_statement(data, KIND, keys))
    named = (end.report_id, end.report_sha256, end.partner, end.subset_id)
    if named != (report.report_id, report.sha256(), report.partner, report.subset_id):
        raise ProofError("the end is of another report")
    return end


@dataclass(frozen=True, slots=True)
class Ended:
    """One ended report as a partner is told of it: what both sides keep."""

    report_id: bytes
    receipt: bytes
    """The statement that the report was taken."""
    end: bytes
    """The statement that it ended."""


@dataclass(frozen=True, slots=True)
class EndedReports:
    """Some reports of one partner that ended, in the order in which they did: `MAX_ENDS` at most.

    Raises:
        MalformedError: more than that.
    """

    ended: tuple[Ended, ...]

    def __post_init__(self) -> None:
        if len(self.ended) > MAX_ENDS:
            raise MalformedError(f"ended reports: more than {MAX_ENDS}")

    @property
    def is_full(self) -> bool:
        """Whether there may be more after the last of these."""
        return len(self.ended) == MAX_ENDS

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor({0: FORMAT, 1: [[one.report_id, one.receipt, one.end] for one in self.ended]})

    @classmethod
    def from_bytes(cls, data: bytes) -> "EndedReports":
        """Parse a reply; no statement in it is verified yet. Raises `MalformedError`."""
        fields = Fields(data, name="ended reports", max_bytes=MAX_ENDS_BYTES)
        fields.number(0, minimum=FORMAT, maximum=FORMAT)
        found = cls(fields.items(1, _ended))
        fields.finish()
        return found


def _ended(value: CborValue, where: str) -> Ended:
    match array_of(value, where):
        case [bytes() as report_id, bytes() as receipt, bytes() as end] if (
            len(report_id) == REPORT_ID_BYTES and max(len(receipt), len(end)) <= _MAX_ENVELOPE_BYTES
        ):
            return Ended(report_id, receipt, end)
    raise MalformedError(f"{where}: not a report's id and two statements")
