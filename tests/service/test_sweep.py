"""Sweeping takes what nobody will ever name, and nothing else."""

import pytest

from node.errors import StoreError
from node.lists.queue import Queue
from node.objects.sweep import GRACE_MS, sweep
from support.stores import NOW_MS, Agency, check_whole, rows

pytestmark = pytest.mark.both_databases


class LostError(StoreError):
    """The connection broke while the transaction was being committed."""


def abandon(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    before = set(agency.store.objects.ls(""))

    def breaks(*_: object) -> None:
        raise LostError("lost")

    monkeypatch.setattr(Queue, "commit", breaks)
    with pytest.raises(LostError):
        agency.add(rows("abandoned"))
    monkeypatch.undo()
    return set(agency.store.objects.ls("")) - before


def test_abandoned_batches_go_after_a_day_and_two_looks(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency.add(rows("a"))
    orphans = abandon(agency, monkeypatch)
    assert len(orphans) == 2
    assert sweep(agency.store, now_ms=NOW_MS) == 0
    assert sweep(agency.store, now_ms=NOW_MS + GRACE_MS - 1) == 0
    assert orphans <= set(agency.store.objects.ls(""))
    assert sweep(agency.store, now_ms=NOW_MS + GRACE_MS) == 2
    assert not orphans & set(agency.store.objects.ls(""))
    assert agency.publish().size == 2
    check_whole(agency)


def test_what_is_named_stays(agency: Agency) -> None:
    agency.publish(rows("a"))
    agency.add(rows("b"))
    before = set(agency.store.objects.ls(""))
    assert [sweep(agency.store, now_ms=NOW_MS + n * GRACE_MS) for n in range(3)] == [0, 0, 0]
    assert set(agency.store.objects.ls("")) == before


def test_a_damaged_memory_starts_anew(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    abandon(agency, monkeypatch)
    agency.store.objects.put("sweeps/seen", b"[")
    assert sweep(agency.store, now_ms=NOW_MS) == 0
    assert sweep(agency.store, now_ms=NOW_MS + GRACE_MS) == 2
