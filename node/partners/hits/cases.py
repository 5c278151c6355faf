"""Cases: a partner disputes a hit it reported, and the agency answers within a stated time, signed.

A case changes nothing by itself. Whoever answers it withdraws the entry from an own list, or talks to the member whose
entry it is. The partner's words are kept sealed; the answer is a statement that the partner may show to anybody.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from keys.signer import Signer
from keys.trust.node_document import NodeDocument
from node.clock import Clock, milliseconds
from node.errors import AlreadyExistsError, ConflictError, NotFoundError, UsageError
from node.objects.sealed_names import case_name
from node.objects.taken_reports import taken
from node.short_ids import only_one, typed_digits
from node.store.hits.records import CaseRecord, HitRecord
from node.store.store import Store
from protocol.digest import Digest
from protocol.limits import MAX_REASON_BYTES
from protocol.statement.case import CaseAnswer, CaseState, Outcome, PartnerDispute
from protocol.statement.receipt import open_receipt
from protocol.statement.report import REPORT_ID_BYTES

_NONE: Final = NotFoundError("there is no such id here", hint="see them with: sigfed hit ls, sigfed case ls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case with the partner's words."""

    record: CaseRecord
    dispute: PartnerDispute


class Casework:
    """The cases of this node."""

    def __init__(self, store: Store, clock: Clock, *, days: int) -> None:
        self._store = store
        self._clock = clock
        self._days = days

    def open(self, partner: str, subset: str, dispute: PartnerDispute) -> CaseState:
        """Open the case of a partner's dispute; the same dispute again finds the case that is there.

        Raises:
            NotFoundError: this partner has no such report in this subset.
            ConflictError: it disputed that report with other words before.
        """
        with self._store.read() as unit:
            unit.hits.get(partner, subset, dispute.report_id)
        now = self._clock.now()
        record = CaseRecord(
            partner=partner,
            report_id=dispute.report_id,
            subset=subset,
            opened_ms=milliseconds(now),
            due_ms=milliseconds(now + timedelta(days=self._days)),
            sealed_dispute=self._store.vault.seal(case_name(partner, dispute.report_id), dispute.to_bytes()),
        )
        try:
            with self._store.write() as unit:
                unit.partner_cases.add(record)
        except AlreadyExistsError:
            record = self._record(partner, dispute.report_id)
            if self._dispute(record) != dispute:
                raise ConflictError("this hit was disputed before, with other words") from None
        return _state(record)

    def state(self, partner: str, subset: str, report_id: bytes) -> CaseState:
        """What a partner may read of its case; raises `NotFoundError`."""
        record = self._record(partner, report_id)
        if record.subset != subset:
            raise NotFoundError("this partner has no such case")
        return _state(record)

    def ls(self) -> list[CaseRecord]:
        """All cases: open ones first, of these the one that is due first."""
        with self._store.read() as unit:
            return list(unit.partner_cases.ls())

    def show(self, record: CaseRecord) -> Case:
        """A case with the partner's words."""
        return Case(record=record, dispute=self._dispute(record))

    def answer(self, record: CaseRecord, outcome: Outcome, reason: str, *, signer: Signer) -> CaseAnswer:
        """Sign and keep the answer.

        Raises:
            UsageError: a reason that is not one printable line of sensible length.
            ConflictError: it was answered before.
        """
        _require_reason(reason)
        answer = CaseAnswer(
            partner=record.partner,
            report_id=record.report_id,
            outcome=outcome,
            reason=reason,
            answered_ms=milliseconds(self._clock.now()),
        )
        signed = answer.signed(signer)  # first: the key may be where signing takes a while
        with self._store.write() as unit:
            unit.partner_cases.answer(record, outcome=outcome, answer=signed, answered_ms=answer.answered_ms)
        return answer

    def require_answerable(self, record: CaseRecord, reason: str) -> None:
        """Check what can be known before anything is done in the name of a case; raises as `answer` does."""
        _require_reason(reason)
        if record.answered_ms is not None:
            raise ConflictError("the case was answered before")

    def overdue(self) -> list[CaseRecord]:
        """Cases that should have been answered by now."""
        now_ms = milliseconds(self._clock.now())
        return [case for case in self.ls() if case.answered_ms is None and case.due_ms <= now_ms]

    def _record(self, partner: str, report_id: bytes) -> CaseRecord:
        with self._store.read() as unit:
            record = unit.partner_cases.find(partner, report_id)
        if record is None:
            raise NotFoundError("this partner has no such case", hint="open one with: sigfed hit dispute ID")
        return record

    def _dispute(self, record: CaseRecord) -> PartnerDispute:
        name = case_name(record.partner, record.report_id)
        return PartnerDispute.from_bytes(self._store.vault.unseal(name, record.sealed_dispute))


def _require_reason(reason: str) -> None:
    if not reason.isprintable() or not 0 < len(reason.encode()) <= MAX_REASON_BYTES:
        raise UsageError("the reason is one line of up to {most} bytes", MAX_REASON_BYTES)


def get_hit(store: Store, text: str) -> HitRecord:
    """The one report whose id begins with these hexadecimal digits, perhaps after `PARTNER/`.

    Two partners may choose one id, and those who do so on purpose must not keep their reports from being handled.

    Raises:
        UsageError: too few digits, or several reports.
        NotFoundError: there is none.
    """
    partner, digits = _typed(text)
    missing = 2 * REPORT_ID_BYTES - len(digits)
    try:
        first, last = (bytes.fromhex(digits + filler * missing) for filler in "0f")
    except ValueError:
        raise _NONE from None
    with store.read() as unit:
        return only_one(unit.hits.between(first, last, partner=partner), _NONE, of_partners=True)


def get_case(store: Store, text: str) -> CaseRecord:
    """The one case whose report's id begins so; raises as `get_hit`."""
    with store.read() as unit:
        cases = unit.partner_cases.ls()
    partner, digits = _typed(text)
    found = [case for case in cases if case.report_id.hex().startswith(digits)]
    return only_one([case for case in found if partner in {"", case.partner}], _NONE, of_partners=True)


def reported_digest(store: Store, case: CaseRecord) -> Digest:
    """The digest that a case is about."""
    return taken(store, _hit(store, case)).report().digest


def listed_in(store: Store, document: NodeDocument, case: CaseRecord) -> list[tuple[str, int]]:
    """Origin and index of each entry behind the hit of a case, as its receipt says."""
    hit = _hit(store, case)
    kept = taken(store, hit)
    keys = [dated.key for dated in document.statement_keys]
    receipt = open_receipt(kept.receipt, kept.report(), keys)
    with store.read() as unit:
        numbers = unit.subsets.source_numbers(hit.subset, receipt.epoch)
    origins = {number: origin for origin, number in numbers.items()}
    return [(origins[source.number], source.index) for source in receipt.label.sources]


def _hit(store: Store, case: CaseRecord) -> HitRecord:
    with store.read() as unit:
        found = unit.hits.find(case.partner, case.report_id)
    if found is None:
        raise NotFoundError("the report of this case is not kept any more")
    return found


def _typed(text: str) -> tuple[str, str]:
    """The partner, empty if none is named, and the digits."""
    partner, _, typed = text.rpartition("/")
    return partner, typed_digits(typed)


def _state(record: CaseRecord) -> CaseState:
    return CaseState(opened_ms=record.opened_ms, due_ms=record.due_ms, answer=record.answer)
