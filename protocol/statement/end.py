"""The end of a reported hit: the node signs that its newest release does not list what was reported any more.

It stands beside the receipt, which goes on saying what the lists said, and names the report as that does: by its hash.
Spec: docs/spec/statement.md, "End".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from keys.key import StatementPublicKey
from protocol.cbor_map import SHA256_BYTES, CborMap, items, line, number, octets
from protocol.encoding import CborValue
from protocol.errors import MalformedError, ProofError
from protocol.fields import array_of
from protocol.limits import MAX_ENDS, MAX_ENDS_BYTES, MAX_LOG_SIZE, MAX_NODE_BYTES
from protocol.signed_map import Statement
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES, HitReport
from protocol.subset.identity import SUBSET_ID_BYTES
from protocol.subset.manifest import MAX_TIME_MS

MAX_END_BYTES: Final = 512
FROM_THE_FIRST: Final = bytes(REPORT_ID_BYTES)
"""In place of a report's id: what ended is asked for from the beginning."""

_MAX_ENVELOPE_BYTES: Final = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEnd(Statement):
    """What a node says of a report that its newest release bears out no more."""

    name: ClassVar[str] = "end of a report"
    kind: ClassVar[str] = "report-ended"
    max_bytes: ClassVar[int] = MAX_END_BYTES

    node: Annotated[str, line(1, MAX_NODE_BYTES)]
    partner: Annotated[str, line(2, MAX_PARTNER_BYTES)]
    report_id: Annotated[bytes, octets(3, REPORT_ID_BYTES)]
    report_sha256: Annotated[bytes, octets(4, SHA256_BYTES)]
    """Of the report's body."""
    subset_id: Annotated[bytes, octets(5, SUBSET_ID_BYTES)]
    version: Annotated[int, number(6, MAX_LOG_SIZE, minimum=1)]
    """Of the newest release when it ended, which does not list the digest."""
    ended_ms: Annotated[int, number(7, MAX_TIME_MS)]


def open_end(data: bytes, report: HitReport, keys: Sequence[StatementPublicKey]) -> ReportEnd:
    """The end of exactly this report, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no end of a report.
        ProofError: the end of another report.
    """
    end = ReportEnd.opened(data, keys)
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


def _ended(value: CborValue, where: str) -> Ended:
    match array_of(value, where):
        case [bytes() as report_id, bytes() as receipt, bytes() as end] if (
            len(report_id) == REPORT_ID_BYTES and max(len(receipt), len(end)) <= _MAX_ENVELOPE_BYTES
        ):
            return Ended(report_id, receipt, end)
    raise MalformedError("{where}: not a report's id and two statements", where)


def _written(one: Ended) -> CborValue:
    return [one.report_id, one.receipt, one.end]


@dataclass(frozen=True, slots=True)
class EndedReports(CborMap):
    """Some reports of one partner that ended, in the order in which they did: `MAX_ENDS` at most.

    Raises:
        MalformedError: more than that.
    """

    name: ClassVar[str] = "ended reports"
    max_bytes: ClassVar[int] = MAX_ENDS_BYTES

    ended: Annotated[tuple[Ended, ...], items(1, _ended, _written)]

    def __post_init__(self) -> None:
        if len(self.ended) > MAX_ENDS:
            raise MalformedError("ended reports: more than {most}", MAX_ENDS)

    @property
    def is_full(self) -> bool:
        """Whether there may be more after the last of these."""
        return len(self.ended) == MAX_ENDS
