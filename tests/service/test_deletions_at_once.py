"""Two deletions at once, as when two peers are synced side by side: neither writes back what the other took out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest

from node.errors import NotFoundError
from node.objects import taken_reports
from node.objects.recipient_files import erase_from_copies, read_part, sealed_parts
from node.objects.report_pages import report_pages
from node.objects.sealed_names import report_name
from node.objects.taken_reports import TakenReport, erase_reports, taken
from node.store.hits.records import HitFilter, HitRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from support.hits import named, report_of
from support.records import hit_record

pytestmark = pytest.mark.both_databases

A, B, C = named("a"), named("b"), named("c")


def test_the_slower_one_does_not_write_back_what_the_other_took_out(store: Store) -> None:
    store.objects.put_all(sealed_parts(store, "token", [(1, digest) for digest in (A, B, C)]))
    overtaken: list[bool] = []

    def is_gone(digest: Digest) -> bool:
        if not overtaken:
            overtaken.append(True)
            erase_from_copies(store, lambda each: each == B)
        return digest == A

    erase_from_copies(store, is_gone)
    [name] = store.objects.ls("recipients/")
    assert [digest for _, digest in read_part(store, name)] == [C]


def test_reports_that_end_in_one_moment_get_two_numbers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        keep_report(store, name)
    together, end = Barrier(2), taken_reports.end_shredded

    def end_together(unit: Unit, record: HitRecord, *, now_ms: int) -> None:
        with suppress(BrokenBarrierError):  # where one waits for the other they do not meet
            together.wait(timeout=1)
        end(unit, record, now_ms=now_ms)

    monkeypatch.setattr(taken_reports, "end_shredded", end_together)
    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(erase_reports, store, is_only(gone), now_ms=2) for gone in (A, B)]:
            done.result()
    kept = kept_records(store)
    assert {record.ended_number for record in kept} == {1, 2}
    assert not any(taken(store, record).body for record in kept)


def test_a_report_that_is_purged_meanwhile_is_passed_over(store: Store) -> None:
    first, second = keep_report(store, "a"), keep_report(store, "b")

    def purged_while_judged(digest: Digest) -> bool:
        if digest == A:
            with store.write() as unit:
                unit.hits.purge(first)
        return digest in {A, B}

    erase_reports(store, purged_while_judged, now_ms=2)
    [left] = kept_records(store)
    assert (left.name, left.ended_number, taken(store, left).body) == (second.name, 1, b"")


def test_a_report_that_cannot_be_ended_does_not_pass_for_one_that_was_purged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_report(store, "a")

    def fail(unit: Unit, record: HitRecord, *, now_ms: int) -> None:
        raise NotFoundError("something else is missing")

    with monkeypatch.context() as failing:
        failing.setattr(taken_reports, "end_shredded", fail)
        with pytest.raises(NotFoundError):
            erase_reports(store, is_only(A), now_ms=2)
    erase_reports(store, is_only(A), now_ms=2)
    [record] = kept_records(store)
    assert (record.ended_number, taken(store, record).body) == (1, b"")


def kept_records(store: Store) -> list[HitRecord]:
    return [record for page in report_pages(store, HitFilter()) for record in page]


def is_only(gone: Digest) -> Callable[[Digest], bool]:
    return lambda digest: digest == gone


def keep_report(store: Store, name: str) -> HitRecord:
    report = report_of(name)
    record = hit_record(partner=report.partner, report_id=report.report_id, algorithm=report.digest.algorithm)
    sealed = store.vault.seal(
        report_name(record.partner, record.report_id), TakenReport(report.to_bytes(), b"receipt").to_bytes()
    )
    with store.write() as unit:
        unit.hits.add(record, sealed)
    return record
