"""Records as the store keeps them, of which a test names only what it is about."""

from dataclasses import replace
from typing import Any

from node.store.hits.records import HitRecord
from node.store.partners.records import PartnerRecord

_HIT = HitRecord(
    partner="hoster",
    report_id=b"r" * 16,
    subset="baseline",
    version=1,
    collection=1,
    algorithm=3,
    received_ms=1,
    epoch=1,
    found_epoch=None,
    request_sha256=b"q" * 32,
)
_PARTNER = PartnerRecord(
    name="hoster", subset="baseline", auth_key=b"k" * 32, evaluations_per_day=10_000, added_ms=1
)


def hit_record(**changes: Any) -> HitRecord:
    """A report of the partner `hoster`, of a file on the baseline."""
    return replace(_HIT, **changes)


def partner_record(**changes: Any) -> PartnerRecord:
    """The partner `hoster`, which was enrolled in the first millisecond of 1970."""
    return replace(_PARTNER, **changes)
