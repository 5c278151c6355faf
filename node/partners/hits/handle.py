"""What people at the agency do with a report: mark it as dealt with, and keep it from being purged."""

from node.storage.shelf import Shelf
from node.store.hits.records import HitRecord


def close_hit(shelf: Shelf, report: HitRecord, *, now_ms: int) -> None:
    """Mark a report as dealt with; one that is closed stays as it is."""
    with shelf.storage.write() as unit:
        unit.hits.close(report, closed_ms=now_ms)


def hold_hit(shelf: Shelf, report: HitRecord, *, held_ms: int | None) -> None:
    """Keep a report from being purged, or (None) let it be purged in its time."""
    with shelf.storage.write() as unit:
        unit.hits.hold(report, held_ms=held_ms)
