"""Telling partners which of their reports ended: signed when it is asked for, and kept beside the receipt.

Whoever asks names the last end that it knows, so that the answer is small, and asking says nothing about any file.
Spec: docs/spec/statement.md, "End".
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from keys.errors import BadSignatureError
from keys.signer import Signer
from node.objects.taken_reports import TakenReport, change, taken
from node.store.hits.records import HitRecord
from node.store.store import Store
from node.trust.own import OwnTrust
from protocol.limits import MAX_ENDS
from protocol.statement.end import Ended, EndedReports, ReportEnd
from protocol.statement.receipt import kept_receipt


class Ends:
    """The ends of all partners' reports."""

    def __init__(self, store: Store, trust: OwnTrust, *, signer: Callable[[], Signer]) -> None:
        self._store = store
        self._trust = trust
        self._signer = signer

    async def after(self, partner: str, subset: str, report_id: bytes) -> EndedReports:
        """The next of a partner's reports that ended after this one; from the first, where it did not end."""
        return await asyncio.to_thread(self._after, partner, subset, report_id)

    def _after(self, partner: str, subset: str, report_id: bytes) -> EndedReports:
        with self._store.read() as unit:
            records = unit.hits.ended(partner, subset, after=report_id, limit=MAX_ENDS)
        return EndedReports(tuple(map(self._ended, records)))

    def _ended(self, record: HitRecord) -> Ended:
        kept = taken(self._store, record)
        if not kept.end or not self._is_signed(kept.end):
            end = self._end(record, kept).signed(self._signer())
            kept = replace(kept, end=end)
            with self._store.write() as unit:
                change(self._store, unit, record, lambda now: replace(now, end=end))
        return Ended(record.report_id, kept.receipt, kept.end)

    def _end(self, record: HitRecord, kept: TakenReport) -> ReportEnd:
        receipt = kept_receipt(kept.receipt)
        assert record.ended_ms is not None, "only ended reports are told"
        assert record.ended_version is not None, "they ended with a release"
        return ReportEnd(
            node=receipt.node,
            partner=receipt.partner,
            report_id=receipt.report_id,
            report_sha256=receipt.report_sha256,
            subset_id=receipt.subset_id,
            version=record.ended_version,
            # An earlier version read the clock twice: its receipts are older than its records of reports.
            ended_ms=receipt.received_ms if record.came_late else record.ended_ms,
        )

    def _is_signed(self, end: bytes) -> bool:
        """Whether it is by a key of the node document still: nobody believes one that was stolen since."""
        try:
            ReportEnd.opened(end, [dated.key for dated in self._trust.document().statement_keys])
        except BadSignatureError:
            return False
        return True
