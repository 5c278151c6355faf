"""Counting for a transparency report: from lists, releases, partners, reports and cases as they are kept."""

from datetime import UTC, datetime

import pytest

from node.access.quotas import Quotas
from node.clock import DAY_MS
from node.errors import UsageError
from node.lists.corrections.withdraw import withdraw
from node.lists.tallies import tally
from node.partners.counts import count
from node.partners.hits import overview
from node.store.hits.records import CaseRecord, HitRecord, HitSourceRecord, ResolutionRecord
from node.transparency import publication
from node.transparency.counts import (
    ANSWERS,
    FALSE_POSITIVE,
    IN_TIME,
    LATER,
    NOT_TOLD,
    REJECTED,
    UPHELD,
    WAITING,
    Counts,
    JudgedCount,
    ListCount,
    MonthCount,
)
from node.transparency.periods import Period
from protocol.lists.event import BASELINE, NATIONAL, PRIVATE_FROM, Op
from protocol.lists.ext import Reason
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action
from support.lists import member, register
from support.records import hit_record, partner_record
from support.stores import Agency, file_digests, rows

PERIOD = Period.parse("2026Q1")
MEMBERS = register(member("fr.example", "FR"), member("nl.example", "NL"), member("un.example", None))
JANUARY, FEBRUARY, MARCH, APRIL = PERIOD.edges_ms


def counted(agency: Agency, now_ms: int, *, reports_since_ms: int = 0) -> Counts:
    return count(
        agency.store,
        PERIOD,
        node="fr.example",
        members=MEMBERS,
        now_ms=now_ms,
        reports_since_ms=reports_since_ms,
    )


def publish_at(agency: Agency, time_ms: int) -> None:
    agency.now_ms = time_ms
    agency.publish()


def hit(number: int, received_ms: int, collection: int = BASELINE) -> HitRecord:
    return hit_record(report_id=bytes([number]) * 16, collection=collection, received_ms=received_ms)


def case(number: int, opened_ms: int, outcome: Outcome | None) -> CaseRecord:
    return CaseRecord(
        partner="hoster",
        report_id=bytes([number]) * 16,
        subset="baseline",
        opened_ms=opened_ms,
        due_ms=opened_ms + DAY_MS,
        sealed_dispute=b"",
        answered_ms=None if outcome is None else opened_ms + 1,
        outcome=outcome,
    )


def a_quarter(agency: Agency) -> None:
    """Entries before, in and after a quarter; withdrawals of some."""
    agency.add(rows("old 1", "old 2"))
    publish_at(agency, JANUARY - DAY_MS)
    agency.add(rows("a", "b", "c"))
    agency.add(rows("n", collection=NATIONAL))
    agency.add(rows("secret", collection=PRIVATE_FROM))
    publish_at(agency, JANUARY + DAY_MS)
    withdraw(agency.store, agency.origin, file_digests("old 1")[0], reason=Reason.ERROR)
    publish_at(agency, FEBRUARY + DAY_MS)
    agency.add(rows("later"))
    publish_at(agency, APRIL + DAY_MS)


def test_entries_are_counted_by_when_they_were_published(agency: Agency) -> None:
    a_quarter(agency)
    each = len(file_digests("a"))
    counts = counted(agency, APRIL + 9 * DAY_MS)
    origin = agency.origin
    assert list(counts.lists) == [
        ListCount(
            origin=origin,
            collection="baseline",
            added=3 * each,
            withdrawn=each,
            shredded=0,
            in_force=4 * each,
        ),
        ListCount(origin=origin, collection="national", added=each, withdrawn=0, shredded=0, in_force=each),
    ]
    assert list(counts.months) == [
        MonthCount(month="2026-01", added=4 * each, withdrawn=0, in_force=6 * each),
        MonthCount(month="2026-02", added=0, withdrawn=each, in_force=5 * each),
        MonthCount(month="2026-03", added=0, withdrawn=0, in_force=5 * each),
    ]
    assert (counts.members, list(counts.countries), counts.k) == (3, ["FR", "NL"], 2)


def test_a_tally_counts_every_event_once_in_every_bundle(agency: Agency) -> None:
    agency.add(rows(*(f"file {number}" for number in range(300))))
    # A second before what it publishes, which is of the first moment of the slot.
    publish_at(agency, JANUARY - 1000)
    size = agency.log.head.size
    assert size > 512
    told = tally(agency.store, agency.log, PERIOD.edges_ms)
    assert told.count(Op.ADD, slots=range(9)) == told.in_force(slot=1) == size == sum(told.counts.values())
    assert told.in_force(slot=0) == 0


def test_months_that_have_not_begun_are_left_out(agency: Agency) -> None:
    a_quarter(agency)
    counts = counted(agency, FEBRUARY)
    assert [month.month for month in counts.months] == list(counts.hits_by_month) == ["2026-01", "2026-02"]
    with pytest.raises(UsageError, match="has not begun"):
        counted(agency, JANUARY - 1)


def test_hits_cases_and_partners_are_those_of_the_period(agency: Agency) -> None:
    with agency.store.write() as unit:
        for number, time_ms in enumerate((JANUARY - 1, JANUARY, FEBRUARY, MARCH, APRIL - 1, APRIL)):
            unit.hits.add(hit(number, time_ms, NATIONAL if number == 2 else BASELINE), b"")
            if number in {0, 2, 4}:
                unit.hits.end(hit(number, time_ms), ended_ms=APRIL + number, version=2)
        outcomes = (Outcome.UPHELD, Outcome.UPHELD, Outcome.REJECTED, None, Outcome.UPHELD)
        for number, outcome in enumerate(outcomes):
            unit.partner_cases.add(case(number, JANUARY - 1 if number == 0 else FEBRUARY, outcome))
        for name, added_ms in (("early", JANUARY - DAY_MS), ("late", APRIL - 1), ("after", APRIL)):
            unit.partners.add(partner_record(name=name, added_ms=added_ms))
    counts = counted(agency, APRIL + DAY_MS)
    assert counts.hits_by_collection == {"baseline": 3, "national": 1}
    assert counts.hits_by_month == {"2026-01": 1, "2026-02": 1, "2026-03": 2}
    assert counts.hits_withdrawn == 2
    assert {name: counts.disputes.get(name, 0) for name in ANSWERS} == {UPHELD: 2, REJECTED: 1, WAITING: 1}
    assert counts.partners == 2


def test_evaluations_are_those_of_the_months_of_a_period(agency: Agency) -> None:
    quotas = Quotas(agency.store)
    with agency.store.write() as unit:
        for name in ("one", "two"):
            unit.partners.add(partner_record(name=name, added_ms=JANUARY - 40 * DAY_MS))
    for time_ms, name, values in (
        (JANUARY - 1, "one", 700),
        (JANUARY, "one", 64),
        (JANUARY, "two", 128),
        (FEBRUARY, "one", 256),
        (FEBRUARY, "two", 512),
        (APRIL, "one", 1024),
    ):
        quotas.spend(name, values, now=datetime.fromtimestamp(time_ms / 1000, UTC))
    quotas.refund("two", 12, now=datetime.fromtimestamp(FEBRUARY / 1000, UTC))
    with agency.store.read() as unit:
        found = [
            unit.partners.evaluations([month]) for month in ("2025-12", *PERIOD.months, "2026-04", "2020-01")
        ]
        assert found == [700, 192, 756, 0, 1024, 0]
        assert unit.partners.evaluations(PERIOD.months) == 192 + 756
    counts = counted(agency, APRIL)
    assert counts.evaluations == 192 + 756


PEERS_LIST = "nl.example/lists/csam"
TOLD = (
    (Action.REMOVED, -5),
    (Action.DISABLED, DAY_MS),
    (Action.PRESERVED, DAY_MS + 1),
    (Action.FALSE_POSITIVE, 1),
    None,
)
"""What partners did, and how long after the report."""


def test_outcomes_are_by_the_partners_word_and_judged_hits_of_own_lists(agency: Agency) -> None:
    with agency.store.write() as unit:
        for number, told in enumerate(TOLD):
            unit.hits.add(hit(number, JANUARY), b"")
            name = bytes([number]) * 16
            unit.hit_outcomes.add_sources(
                [
                    HitSourceRecord(
                        partner="hoster", report_id=name, origin=origin, position=0, received_ms=JANUARY
                    )
                    for origin in (agency.origin, PEERS_LIST)
                ]
            )
            if told is not None:
                unit.hit_outcomes.add(
                    ResolutionRecord(
                        partner="hoster",
                        report_id=name,
                        done_ms=JANUARY + told[1],
                        action=told[0],
                        received_ms=JANUARY + 9,
                        receipt=b"",
                    )
                )
    counts = counted(agency, APRIL)
    assert counts.hits_by_outcome == {IN_TIME: 2, LATER: 1, FALSE_POSITIVE: 1, NOT_TOLD: 1}
    assert list(counts.judged) == [JudgedCount(origin=agency.origin, collection="baseline", right=3, wrong=1)]
    assert publication.FEW == overview.FEW


@pytest.mark.parametrize(("since_ms", "kept"), [(0, True), (JANUARY, True), (JANUARY + 1, False)])
def test_what_may_have_been_purged_is_not_counted_as_all(
    agency: Agency, since_ms: int, *, kept: bool
) -> None:
    assert counted(agency, APRIL, reports_since_ms=since_ms).reports_kept is kept
