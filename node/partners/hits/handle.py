"""What people at the agency do with a report: mark it as dealt with, and keep it from being purged."""

from node.store.hits.records import HitRecord
from node.store.store import Store


def close_hit(store: Store, report: HitRecord, *, now_ms: int) -> None:
    """Mark a report as dealt with; one that is closed stays as it is."""
    with store.write() as unit:
        unit.hits.close(report, closed_ms=now_ms)


def hold_hit(store: Store, report: HitRecord, *, held_ms: int | None) -> None:
    """Keep a report from being purged, or (None) let it be purged in its time."""
    with store.write() as unit:
        unit.hits.hold(report, held_ms=held_ms)
