"""Reports of hits at the agency, a page at a time: each once, in order, whatever comes meanwhile; nothing sealed."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from node.clock import DAY_MS
from node.errors import NotFoundError
from node.objects.report_pages import PAGE
from node.partners.hits.cases import get_hit
from node.partners.hits.overview import hits_page, overdue_hits, reported_hits
from node.store.hits.records import (
    CaseRecord,
    HitCounts,
    HitFilter,
    HitPlace,
    HitRecord,
    HitSourceRecord,
    ResolutionRecord,
)
from node.store.store import Store
from support.records import hit_record
from support.statements import statements

LIST = "fr.example/lists/csam"
NOW_MS = 100 * DAY_MS


def report(number: int, *, received_ms: int, partner: str = "hoster") -> HitRecord:
    return hit_record(partner=partner, report_id=number.to_bytes(16, "big"), received_ms=received_ms)


def keep(store: Store, records: Sequence[HitRecord]) -> None:
    with store.write() as unit:
        for record in records:
            unit.hits.add(record, b"sealed")


def said(record: HitRecord, *, done_ms: int = 1) -> ResolutionRecord:
    return ResolutionRecord(
        partner=record.partner,
        report_id=record.report_id,
        done_ms=done_ms,
        action=1,
        received_ms=2,
        receipt=b"signed",
    )


def paged(store: Store, wanted: HitFilter, *, limit: int) -> list[HitRecord]:
    found: list[HitRecord] = []
    after: HitPlace | None = None
    while True:
        page = hits_page(store, wanted, after=after, limit=limit)
        assert len(page.hits) <= limit
        found += [hit.record for hit in page.hits]
        if page.last is None:
            return found
        after = page.last


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_every_report_is_on_one_page_newest_first(store: Store, limit: int) -> None:
    records = [report(number, received_ms=number // 3) for number in range(7)]  # some in one moment
    keep(store, records)
    found = paged(store, HitFilter(), limit=limit)
    assert [record.received_ms for record in found] == [2, 1, 1, 1, 0, 0, 0]
    assert {record.name for record in found} == {record.name for record in records}


def test_what_comes_and_goes_meanwhile_shifts_no_page(store: Store) -> None:
    records = [report(number, received_ms=number) for number in range(6)]
    keep(store, records)
    first = hits_page(store, HitFilter(), limit=2)
    keep(store, [report(9, received_ms=9)])
    with store.write() as unit:
        unit.hits.purge(first.hits[-1].record)
    second = hits_page(store, HitFilter(), after=first.last, limit=2)
    assert [hit.record.received_ms for hit in (*first.hits, *second.hits)] == [5, 4, 3, 2]


def test_overdue_ones_come_longest_overdue_first(store: Store) -> None:
    late = [report(number, received_ms=number) for number in range(5)]
    in_time = report(7, received_ms=NOW_MS - DAY_MS)
    keep(store, [*late, in_time])
    with store.write() as unit:
        unit.hit_outcomes.add(said(late[1]))
        unit.hits.close(late[2], closed_ms=9)
    assert paged(store, overdue_hits(NOW_MS), limit=2) == [late[0], late[3], late[4]]
    assert all(hit.overdue(NOW_MS) for hit in reported_hits(store, overdue_hits(NOW_MS)))
    with store.read() as unit:
        counts = unit.hits.counts(now_ms=NOW_MS)
    assert counts == HitCounts(open=5, resolved=1, overdue=3, withdrawn=0)


def test_of_one_partner_or_list_and_open_alone(store: Store) -> None:
    ours, theirs = report(1, received_ms=1), report(1, received_ms=2, partner="other")
    keep(store, [ours, theirs])
    behind = HitSourceRecord(
        partner="other", report_id=theirs.report_id, origin=LIST, position=3, received_ms=2
    )
    with store.write() as unit:
        unit.hit_outcomes.add_sources([behind])
        unit.hits.close(theirs, closed_ms=9)
    closed = replace(theirs, closed_ms=9)
    assert paged(store, HitFilter(partner="hoster"), limit=5) == [ours]
    assert paged(store, HitFilter(origin=LIST), limit=5) == [closed]
    assert paged(store, HitFilter(origin=LIST, open=True), limit=5) == []
    assert paged(store, HitFilter(open=True), limit=5) == [ours]


def test_each_report_has_what_became_of_it(store: Store) -> None:
    """Two partners may choose one id."""
    ours, theirs = report(1, received_ms=1), report(1, received_ms=2, partner="other")
    keep(store, [ours, theirs])
    case = CaseRecord(
        partner="other",
        report_id=theirs.report_id,
        subset="baseline",
        opened_ms=3,
        due_ms=4,
        sealed_dispute=b"words",
    )
    with store.write() as unit:
        unit.hit_outcomes.add(said(ours, done_ms=2))
        unit.hit_outcomes.add(said(ours, done_ms=1))
        unit.partner_cases.add(case)
    other, first = hits_page(store, HitFilter()).hits
    assert (other.case, other.resolution) == (case, None)
    assert (first.case, first.resolution) == (None, said(ours, done_ms=2))


def test_reports_of_years_are_read_in_rounds(store: Store) -> None:
    keep(store, [report(number, received_ms=number) for number in range(PAGE + 1)])
    assert [hit.record.received_ms for hit in reported_hits(store)] == list(range(PAGE, -1, -1))


def test_a_page_costs_as_many_statements_as_any_other_and_reads_nothing_sealed(store: Store) -> None:
    keep(store, [report(number, received_ms=number) for number in range(60)])
    asked: dict[int, list[str]] = {}
    for limit in (2, 50):
        with statements() as asked[limit]:
            hits_page(store, HitFilter(), limit=limit)
    assert len(asked[2]) == len(asked[50])
    assert not [words for words in asked[50] if "hit_report.sealed" in words]


@pytest.mark.parametrize("typed", ["0000", "000000000", "0" * 31 + "7", "hoster/00000"])
def test_a_report_is_found_by_what_is_typed_of_its_id(store: Store, typed: str) -> None:
    record = report(7, received_ms=1)
    keep(store, [record, replace(record, report_id=b"\xff" * 16)])
    assert get_hit(store, typed) == record


@pytest.mark.parametrize("typed", ["0001", "fffff0", "zzzz", "other/0000", "0" * 33])
def test_what_is_no_id_here_is_not_found(store: Store, typed: str) -> None:
    keep(store, [report(7, received_ms=1), report(2**128 - 1, received_ms=1)])
    with pytest.raises(NotFoundError):
        get_hit(store, typed)
