"""Reports of hits as they are kept: sealed, with their receipts, ended, and emptied when their digest is shredded.

Which reports are taken is `node.partners.hits.reports`'s to decide.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from node.errors import GoneError, NotFoundError
from node.objects.report_pages import report_pages
from node.objects.sealed_names import report_name
from node.store.hits.records import HitFilter, HitRecord
from node.store.lists.records import LogKind
from node.store.store import Store
from node.store.subsets.records import WideKey
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.encoding import CborValue, encode_cbor
from protocol.fields import Fields
from protocol.statement.report import HitReport

_MAX_SEALED: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class TakenReport:
    """What is kept of a report: its body and the signed receipt."""

    body: bytes
    """Empty when its digest was shredded."""
    receipt: bytes
    end: bytes = b""
    """The signed statement that it ended; empty until somebody asks for it."""

    def to_bytes(self) -> bytes:
        """As it is sealed."""
        fields: dict[int, CborValue] = {0: self.body, 1: self.receipt}
        return encode_cbor({**fields, 2: self.end} if self.end else fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TakenReport":
        """What `to_bytes` wrote."""
        fields = Fields(data, name="kept report", max_bytes=_MAX_SEALED)
        kept = cls(
            fields.octets_within(0, _MAX_SEALED),
            fields.octets_within(1, _MAX_SEALED),
            fields.optional_octets_within(2, _MAX_SEALED),
        )
        fields.finish()
        return kept

    def report(self) -> HitReport:
        """The report; raises `GoneError` when its digest was shredded."""
        if not self.body:
            raise GoneError("the hash of this report was shredded")
        return HitReport.from_bytes(self.body)


def erase_reports(store: Store, is_gone: Callable[[Digest], bool], *, now_ms: int) -> None:
    """Delete the bodies of reports of these digests, and end them; that there was a report, and its receipt, stays."""
    for record in (record for page in report_pages(store, HitFilter()) for record in page):
        try:
            kept = taken(store, record)
        except NotFoundError:  # purged meanwhile
            continue
        if not kept.body or not is_gone(kept.report().digest):
            continue
        with store.write() as unit:
            unit.hits.lock()
            if unit.hits.find(record.partner, record.report_id) is None:  # purged meanwhile
                continue
            change(store, unit, record, lambda now: replace(now, body=b""))
            end_shredded(unit, record, now_ms=now_ms)


def end_shredded(unit: Unit, record: HitRecord, *, now_ms: int) -> None:
    """End a report whose digest was shredded: nothing lists it any more, and nobody can prove that from here on."""
    newest = unit.releases.newest(record.subset)
    version = record.version if newest is None else newest.version
    unit.hits.end(record, ended_ms=_after(record, now_ms), version=version)


def end_reports(
    store: Store, unit: Unit, subset: str, gone: Collection[WideKey], *, version: int, now_ms: int
) -> None:
    """End the reports of digests, by their keyed hashes, that the release `version` does not list any more."""
    origins = {log.id: log.origin for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)}
    found = unit.entries.find([key for key, _ in gone])
    entries = {(origins[each.log_id], each.position) for each in found if each.log_id in origins}
    for record in unit.hits.behind(subset, entries):
        kept = _opened(store, record, unit.hits.sealed(record))
        # Two digests may share a key of the index.
        if not kept.body or store.vault.wide_keys_of([kept.report().digest])[0] in gone:
            unit.hits.end(record, ended_ms=_after(record, now_ms), version=version)


def _after(record: HitRecord, now_ms: int) -> int:
    """A report that was taken as listed ended later than it came, also where two moments are one."""
    return max(now_ms, record.received_ms + 1)


def change(store: Store, unit: Unit, record: HitRecord, how: Callable[[TakenReport], TakenReport]) -> None:
    """Change what is kept of a report: as it is now, so that what was shredded meanwhile does not come back."""
    unit.hits.lock()
    kept = how(_opened(store, record, unit.hits.sealed(record)))
    unit.hits.reseal(record, store.vault.seal(report_name(record.partner, record.report_id), kept.to_bytes()))


def taken(store: Store, record: HitRecord) -> TakenReport:
    """The report and receipt of a record.

    Raises:
        StoreError: it was altered.
        NotFoundError: it was purged meanwhile.
    """
    with store.read() as unit:
        sealed = unit.hits.sealed(record)
    return _opened(store, record, sealed)


def _opened(store: Store, record: HitRecord, sealed: bytes) -> TakenReport:
    return TakenReport.from_bytes(store.vault.unseal(report_name(record.partner, record.report_id), sealed))
