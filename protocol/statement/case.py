"""A partner's dispute of a hit, and the agency's answer to it.

A dispute names a report that the node has a receipt for, so it repeats no digest; the case bears the report's id.
The answer is signed: an agency cannot take it back or tell two parties two. Spec: docs/spec/statement.md, "Case".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from keys.key import StatementPublicKey
from keys.signer import Signer
from keys.trust.statement import open_statement, seal_statement
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import ProofError
from protocol.limits import (
    MAX_CASE_BYTES,
    MAX_CONTACT_BYTES,
    MAX_DISPUTE_BYTES,
    MAX_REASON_BYTES,
)
from protocol.statement.report import MAX_PARTNER_BYTES, REPORT_ID_BYTES
from protocol.subset.fields import Fields
from protocol.subset.manifest import MAX_TIME_MS

KIND: Final = "case-answer"
FORMAT: Final = 1


class Outcome(IntEnum):
    """How the agency judged a dispute."""

    UPHELD = 1
    """The partner is right: the file should not be on the list."""
    REJECTED = 2
    """The entry stands."""


class _Dispute(IntEnum):
    FORMAT = 0
    REPORT_ID = 1
    REASON = 2
    CONTACT = 3


class _Answer(IntEnum):
    FORMAT = 0
    PARTNER = 1
    REPORT_ID = 2
    OUTCOME = 3
    REASON = 4
    ANSWERED_MS = 5


class _Case(IntEnum):
    FORMAT = 0
    OPENED_MS = 1
    DUE_MS = 2
    ANSWER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerDispute:
    """A partner says that a reported hit is wrong."""

    report_id: bytes
    reason: str
    contact: str
    """Whom the agency may ask; may be empty."""

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(
            {
                _Dispute.FORMAT: FORMAT,
                _Dispute.REPORT_ID: self.report_id,
                _Dispute.REASON: self.reason,
                _Dispute.CONTACT: self.contact,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "PartnerDispute":
        """Parse a request; raises `MalformedError`."""
        fields = Fields(data, name="dispute", max_bytes=MAX_DISPUTE_BYTES)
        fields.number(_Dispute.FORMAT, minimum=FORMAT, maximum=FORMAT)
        dispute = cls(
            report_id=fields.octets(_Dispute.REPORT_ID, REPORT_ID_BYTES),
            reason=fields.line(_Dispute.REASON, MAX_REASON_BYTES),
            contact=fields.line(_Dispute.CONTACT, MAX_CONTACT_BYTES, least=0),
        )
        fields.finish()
        return dispute


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAnswer:
    """The agency's answer to one dispute."""

    partner: str
    report_id: bytes
    outcome: Outcome
    reason: str
    answered_ms: int

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        return encode_cbor(
            {
                _Answer.FORMAT: FORMAT,
                _Answer.PARTNER: self.partner,
                _Answer.REPORT_ID: self.report_id,
                _Answer.OUTCOME: int(self.outcome),
                _Answer.REASON: self.reason,
                _Answer.ANSWERED_MS: self.answered_ms,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "CaseAnswer":
        """Parse an answer's payload; raises `MalformedError`."""
        fields = Fields(data, name="case answer", max_bytes=MAX_CASE_BYTES)
        fields.number(_Answer.FORMAT, minimum=FORMAT, maximum=FORMAT)
        answer = cls(
            partner=fields.line(_Answer.PARTNER, MAX_PARTNER_BYTES),
            report_id=fields.octets(_Answer.REPORT_ID, REPORT_ID_BYTES),
            outcome=Outcome(fields.number(_Answer.OUTCOME, minimum=min(Outcome), maximum=max(Outcome))),
            reason=fields.line(_Answer.REASON, MAX_REASON_BYTES),
            answered_ms=fields.number(_Answer.ANSWERED_MS, maximum=MAX_TIME_MS),
        )
        fields.finish()
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseState:
    """What a node says of a case: since when, until when it will be answered, and the signed answer."""

    opened_ms: int
    due_ms: int
    answer: bytes
    """The statement, or empty while there is none."""

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        fields: dict[int, CborValue] = {
            _Case.FORMAT: FORMAT,
            _Case.OPENED_MS: self.opened_ms,
            _Case.DUE_MS: self.due_ms,
            _Case.ANSWER: self.answer,
        }
        return encode_cbor(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "CaseState":
        """Parse a reply; raises `MalformedError`."""
        fields = Fields(data, name="case", max_bytes=MAX_CASE_BYTES)
        fields.number(_Case.FORMAT, minimum=FORMAT, maximum=FORMAT)
        state = cls(
            opened_ms=fields.number(_Case.OPENED_MS, maximum=MAX_TIME_MS),
            due_ms=fields.number(_Case.DUE_MS, maximum=MAX_TIME_MS),
            answer=fields.octets_within(_Case.ANSWER, MAX_CASE_BYTES),
        )
        fields.finish()
        return state


def sign_answer(answer: CaseAnswer, signer: Signer) -> bytes:
    """The answer as a statement of the node."""
    return seal_statement(KIND, answer.to_bytes(), signer)


def open_answer(
    data: bytes, *, partner: str, report_id: bytes, keys: Sequence[StatementPublicKey]
) -> CaseAnswer:
    """The answer to exactly this partner's case, signed by one of the node's statement keys.

    Raises:
        MalformedTrustError, BadSignatureError: not a statement of the node.
        MalformedError: a payload that is no answer.
        ProofError: an answer to another case.
    """
    answer = CaseAnswer.from_bytes(open_statement(data, KIND, keys))
    if (answer.partner, answer.report_id) != (partner, report_id):
        raise ProofError("the answer is to another case")
    return answer
