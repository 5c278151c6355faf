"""Taking what partners did about the hits that they reported, against signed receipts.

It is a partner's word: it closes nothing, withdraws nothing and counts for nobody else's report. Of several for one
report the one with the latest time counts, in whatever order they arrive; all are kept. Each is in the audit log, by
the first digits of the report's id. Spec: docs/spec/statement.md, "Resolution".
"""

from collections.abc import Callable
from typing import Final

from keys.signer import Signer
from node.audit.actors import NODE
from node.audit.log import enqueue, new_record
from node.clock import DAY_MS, Clock, milliseconds
from node.errors import AlreadyExistsError, ConflictError, RateLimitedError
from node.short_ids import SHORT
from node.store.hits.records import ResolutionRecord
from node.store.store import Store
from protocol.statement.resolution import Resolution, ResolutionReceipt

MAX_FOR_ONE: Final = 32
"""Resolutions of one report: corrections are few, and each is kept."""
MAX_A_DAY: Final = 20_000
"""Of one partner in 24 hours: each of the reports that it can make in a day, and as many corrections."""

_WAIT_SECONDS: Final = 3600


class Resolving:
    """Takes the resolutions of all partners of this node."""

    def __init__(self, store: Store, clock: Clock, *, node: str, signer: Callable[[], Signer]) -> None:
        self._store = store
        self._clock = clock
        self._node = node
        self._signer = signer

    def resolve(self, partner: str, subset: str, resolution: Resolution) -> bytes:
        """The receipt of a resolution; the same one again has the same receipt.

        Raises:
            NotFoundError: this partner has no such report in this subset, or it is not kept any more.
            ConflictError: it said something else of that very time, or corrected itself too often.
            RateLimitedError: more in a day than there can be.
        """
        known = self._known(partner, subset, resolution)
        if known is not None:
            return known
        now_ms = milliseconds(self._clock.now())
        receipt = ResolutionReceipt(
            node=self._node,
            partner=partner,
            report_id=resolution.report_id,
            action=resolution.action,
            done_ms=resolution.done_ms,
            received_ms=now_ms,
        )
        record = ResolutionRecord(
            partner=partner,
            report_id=resolution.report_id,
            done_ms=resolution.done_ms,
            action=resolution.action,
            received_ms=now_ms,
            receipt=receipt.signed(self._signer()),
        )
        return self._keep(subset, record, resolution)

    def _known(self, partner: str, subset: str, resolution: Resolution) -> bytes | None:
        """The receipt, if this was said before."""
        with self._store.read() as unit:
            unit.hits.get(partner, subset, resolution.report_id)
            before = unit.hit_outcomes.of(partner, resolution.report_id)
            since_ms = milliseconds(self._clock.now()) - DAY_MS
            today = unit.hit_outcomes.received_since(partner, since_ms=since_ms)
        for record in before:
            if record.done_ms == resolution.done_ms:
                if record.action != resolution.action:
                    raise ConflictError("something else was said to have become of it at that very time")
                return record.receipt
        if len(before) >= MAX_FOR_ONE:
            raise ConflictError("this hit was corrected too often", hint="talk to the agency")
        if today >= MAX_A_DAY:
            raise RateLimitedError("too many resolutions in a day", retry_after_seconds=_WAIT_SECONDS)
        return None

    def _keep(self, subset: str, record: ResolutionRecord, resolution: Resolution) -> bytes:
        told = new_record(
            self._store,
            actor=NODE,
            action="hit.resolve",
            subject=record.partner,
            now_ms=record.received_ms,
            details={
                "action": resolution.action.name.lower().replace("_", "-"),
                "hit": record.report_id.hex()[:SHORT],
                "subset": subset,
            },
        )
        try:
            with self._store.write() as unit:
                unit.hit_outcomes.add(record)
                enqueue(unit, told)
        except AlreadyExistsError:  # the same request at the same moment: both get the receipt that was kept
            known = self._known(record.partner, subset, resolution)
            assert known is not None, "what exists already is known"
            return known
        return record.receipt
