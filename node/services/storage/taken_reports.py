"""Reports of hits as they are kept: sealed, with their receipts, and emptied when their digest is shredded.

Which reports are taken is `node.services.partners.reporting`'s to decide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from node.errors import GoneError, NotFoundError
from node.ports.hits import HitFilter, HitRecord
from node.services.storage.report_pages import report_pages
from node.services.storage.sealed_names import report_name
from node.services.storage.shelf import Shelf
from protocol.digest import Digest
from protocol.encoding import encode_cbor
from protocol.statement.report import HitReport
from protocol.subset.fields import Fields

_MAX_SEALED: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class TakenReport:
    """What is kept of a report: its body and the signed receipt."""

    body: bytes
    """Empty when its digest was shredded."""
    receipt: bytes

    def to_bytes(self) -> bytes:
        """As it is sealed."""
        return encode_cbor({0: self.body, 1: self.receipt})

    @classmethod
    def from_bytes(cls, data: bytes) -> "TakenReport":
        """What `to_bytes` wrote."""
        fields = Fields(data, name="kept report", max_bytes=_MAX_SEALED)
        kept = cls(fields.octets_within(0, _MAX_SEALED), fields.octets_within(1, _MAX_SEALED))
        fields.finish()
        return kept

    def report(self) -> HitReport:
        """The report; raises `GoneError` when its digest was shredded."""
        if not self.body:
            raise GoneError("the hash of this report was shredded")
        return HitReport.from_bytes(self.body)


def erase_reports(shelf: Shelf, is_gone: Callable[[Digest], bool]) -> None:
    """Delete the bodies of reports of these digests; that there was a report, and its receipt, stays."""
    for record in (record for page in report_pages(shelf, HitFilter()) for record in page):
        try:
            kept = taken(shelf, record)
        except NotFoundError:
            continue  # purged meanwhile
        if kept.body and is_gone(kept.report().digest):
            name = report_name(record.partner, record.report_id)
            sealed = shelf.vault.seal(name, TakenReport(b"", kept.receipt).to_bytes())
            with shelf.storage.write() as unit:
                unit.hits.reseal(record, sealed)


def taken(shelf: Shelf, record: HitRecord) -> TakenReport:
    """The report and receipt of a record.

    Raises:
        StoreError: it was altered.
        NotFoundError: it was purged meanwhile.
    """
    with shelf.storage.read() as unit:
        sealed = unit.hits.sealed(record)
    name = report_name(record.partner, record.report_id)
    return TakenReport.from_bytes(shelf.vault.unseal(name, sealed))
