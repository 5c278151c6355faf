"""A partner's dispute of a hit, and the agency's answer to it.

A dispute names a report that the node has a receipt for, so it repeats no digest; the case bears the report's id.
The answer is signed: an agency cannot take it back or tell two parties two. Spec: docs/spec/statement.md, "Case".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, ClassVar

from keys.key import StatementPublicKey
from protocol.cbor_map import CborMap, choice, line, number, octets, octets_within
from protocol.errors import ProofError
from protocol.limits import MAX_CASE_BYTES, MAX_CONTACT_BYTES, MAX_DISPUTE_BYTES, MAX_REASON_BYTES
from protocol.signed_map import Statement
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES
from protocol.subset.manifest import MAX_TIME_MS


class Outcome(IntEnum):
    """How the agency judged a dispute."""

    UPHELD = 1
    """The partner is right: the file should not be on the list."""
    REJECTED = 2
    """The entry stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerDispute(CborMap):
    """A partner says that a reported hit is wrong."""

    name: ClassVar[str] = "dispute"
    max_bytes: ClassVar[int] = MAX_DISPUTE_BYTES

    report_id: Annotated[bytes, octets(1, REPORT_ID_BYTES)]
    reason: Annotated[str, line(2, MAX_REASON_BYTES)]
    contact: Annotated[str, line(3, MAX_CONTACT_BYTES, least=0)]
    """Whom the agency may ask; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAnswer(Statement):
    """The agency's answer to one dispute."""

    name: ClassVar[str] = "case answer"
    kind: ClassVar[str] = "case-answer"
    max_bytes: ClassVar[int] = MAX_CASE_BYTES

    partner: Annotated[str, line(1, MAX_PARTNER_BYTES)]
    report_id: Annotated[bytes, octets(2, REPORT_ID_BYTES)]
    outcome: Annotated[Outcome, choice(3, Outcome)]
    reason: Annotated[str, line(4, MAX_REASON_BYTES)]
    answered_ms: Annotated[int, number(5, MAX_TIME_MS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseState(CborMap):
    """What a node says of a case: since when, until when it will be answered, and the signed answer."""

    name: ClassVar[str] = "case"
    max_bytes: ClassVar[int] = MAX_CASE_BYTES

    opened_ms: Annotated[int, number(1, MAX_TIME_MS)]
    due_ms: Annotated[int, number(2, MAX_TIME_MS)]
    answer: Annotated[bytes, octets_within(3, MAX_CASE_BYTES)]
    """The statement, or empty while there is none."""


def open_answer(
    data: bytes, *, partner: str, report_id: bytes, keys: Sequence[StatementPublicKey]
) -> CaseAnswer:
    """The answer to exactly this partner's case, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no answer.
        ProofError: an answer to another case.
    """
    answer = CaseAnswer.opened(data, keys)
    if (answer.partner, answer.report_id) != (partner, report_id):
        raise ProofError("the answer is to another case")
    return answer
