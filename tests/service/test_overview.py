"""What became of reported hits, as the agency sees it: the day, the words, and how each list fares."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from node.clock import DAY_MS
from node.partners.hits.overview import FEW, Precision, ReportedHit, precision, reported_hits
from node.store.hits.records import CaseRecord, HitSourceRecord, HitWindow, ResolutionRecord
from node.store.store import Store
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action
from support.records import hit_record

LIST, OTHER_LIST = "fr.example/lists/main", "nl.example/lists/main"
RECORD = hit_record(received_ms=1000)
CASE = CaseRecord(
    partner="hoster", report_id=b"r" * 16, subset="baseline", opened_ms=0, due_ms=0, sealed_dispute=b""
)
OPEN = ReportedHit(record=RECORD, resolution=None, case=None, sources=())
CLOSED = replace(OPEN, record=replace(RECORD, closed_ms=5))
DISPUTED = replace(OPEN, case=CASE)


def said(action: Action, *, partner: str = "hoster", lists: tuple[str, ...] = (LIST,)) -> ReportedHit:
    """A hit of which a partner said what became of the file."""
    resolution = ResolutionRecord(
        partner=partner, report_id=b"r" * 16, done_ms=5, action=action, received_ms=6, receipt=b""
    )
    return ReportedHit(
        record=replace(RECORD, partner=partner),
        resolution=resolution,
        case=None,
        sources=[
            HitSourceRecord(partner=partner, report_id=b"r" * 16, origin=origin, position=0, received_ms=0)
            for origin in lists
        ],
    )


def answered(hit: ReportedHit, outcome: Outcome) -> ReportedHit:
    """The same hit with an answer to its dispute."""
    return replace(hit, case=replace(CASE, answered_ms=9, outcome=outcome))


@pytest.mark.parametrize(
    ("hit", "after_ms", "state"),
    [
        (OPEN, DAY_MS, "open"),
        (OPEN, DAY_MS + 1, "overdue"),
        (said(Action.REMOVED), DAY_MS + 1, "resolved"),
        (CLOSED, DAY_MS + 1, "closed"),
        (DISPUTED, DAY_MS + 1, "disputed"),
        (replace(CLOSED, case=CASE), 0, "disputed"),
        (answered(OPEN, Outcome.REJECTED), DAY_MS + 1, "overdue"),
    ],
)
def test_one_word_says_how_it_stands(hit: ReportedHit, after_ms: int, state: str) -> None:
    assert hit.state(RECORD.received_ms + after_ms) == state


def test_a_closed_report_is_nobodys_debt() -> None:
    assert not CLOSED.overdue(RECORD.received_ms + 2 * DAY_MS)


FALSE = said(Action.FALSE_POSITIVE)


@pytest.mark.parametrize(
    ("hit", "judged", "wrong"),
    [
        (OPEN, False, False),
        (DISPUTED, False, False),
        (said(Action.REMOVED), True, False),
        (said(Action.PRESERVED), True, False),
        (FALSE, True, True),
        (answered(FALSE, Outcome.REJECTED), True, False),
        (answered(FALSE, Outcome.UPHELD), True, True),
        (answered(said(Action.REMOVED), Outcome.UPHELD), True, True),
        (answered(OPEN, Outcome.REJECTED), True, False),
    ],
)
def test_the_agencys_answer_outweighs_the_partners_word(
    hit: ReportedHit, *, judged: bool, wrong: bool
) -> None:
    assert (hit.judged, hit.wrong) == (judged, wrong)


def keep(store: Store, hits: Sequence[ReportedHit], *, spoken: int = 1) -> None:
    """Keep hits as if they came one after the other, each with what was said of it so many times."""
    with store.write() as unit:
        for number, hit in enumerate(hits):
            partner, identity = hit.record.partner, number.to_bytes(16)
            unit.hits.add(replace(hit.record, report_id=identity, received_ms=number), b"sealed")
            unit.hit_outcomes.add_sources([replace(each, report_id=identity) for each in hit.sources])
            if hit.resolution is not None:
                words = [Action.FALSE_POSITIVE] * (spoken - 1) + [hit.resolution.action]
                for turn, action in enumerate(words):
                    unit.hit_outcomes.add(
                        replace(hit.resolution, report_id=identity, done_ms=turn, action=action)
                    )
            if hit.case is not None:
                case = replace(hit.case, partner=partner, report_id=identity, answered_ms=None, outcome=None)
                unit.partner_cases.add(case)
                if hit.case.outcome is not None:
                    unit.partner_cases.answer(case, outcome=hit.case.outcome, answer=b"", answered_ms=9)


BOTH = (LIST, OTHER_LIST)


def test_a_hit_counts_for_every_list_behind_it(store: Store) -> None:
    keep(store, [said(Action.REMOVED, lists=BOTH), FALSE, replace(OPEN, sources=FALSE.sources)])
    found = {(one.origin, one.reports, one.judged, one.wrong) for one in precision(store)}
    assert found == {(LIST, 3, 2, 1), (OTHER_LIST, 1, 1, 0)}


EVERY = [
    replace(OPEN, sources=FALSE.sources),
    replace(DISPUTED, sources=FALSE.sources),
    said(Action.REMOVED, lists=BOTH),
    said(Action.DISABLED, partner="other"),
    FALSE,
    said(Action.FALSE_POSITIVE, partner="other", lists=BOTH),
    answered(FALSE, Outcome.REJECTED),
    answered(FALSE, Outcome.UPHELD),
    answered(said(Action.PRESERVED), Outcome.UPHELD),
    answered(replace(OPEN, sources=FALSE.sources), Outcome.REJECTED),
    replace(said(Action.REMOVED), record=replace(RECORD, collection=2)),
]


@pytest.mark.parametrize("spoken", [1, 3])
def test_the_database_counts_as_somebody_who_reads_every_report(store: Store, spoken: int) -> None:
    keep(store, EVERY, spoken=spoken)
    read = list(reported_hits(store))
    assert len(read) == len(EVERY)
    for one in precision(store):
        hits = [
            hit
            for hit in read
            if hit.record.collection == one.collection and one.origin in {each.origin for each in hit.sources}
        ]
        judged = [hit for hit in hits if hit.judged]
        assert (one.reports, one.judged) == (len(hits), len(judged))
        assert one.partners == len({hit.record.partner for hit in judged})
        assert one.wrong == sum(hit.wrong for hit in judged)
        assert one.false_positives == sum(hit.action is Action.FALSE_POSITIVE for hit in judged)
        assert one.upheld == sum(hit.case is not None and hit.case.outcome == Outcome.UPHELD for hit in hits)
    assert [(one.origin, one.collection) for one in precision(store)] == [
        (LIST, 1),
        (LIST, 2),
        (OTHER_LIST, 1),
    ]


@pytest.mark.parametrize(
    ("window", "reports"),
    [
        (HitWindow(), 10),
        (HitWindow(since_ms=4), 6),
        (HitWindow(until_ms=4), 4),
        (HitWindow(since_ms=4, until_ms=7), 3),
        (HitWindow(newest=3), 3),
        (HitWindow(until_ms=7, newest=100), 7),
        (HitWindow(since_ms=100), 0),
    ],
)
def test_reports_of_a_window_are_counted(store: Store, window: HitWindow, reports: int) -> None:
    keep(store, [FALSE] * 10)
    found = precision(store, window)
    assert sum(one.reports for one in found) == reports
    with store.read() as unit:
        told = unit.hit_tallies.resolutions(window, within_ms=DAY_MS)
    assert sum(each.reports for each in told) == reports


def fares(store: Store, hits: Sequence[ReportedHit]) -> Precision:
    keep(store, hits)
    (found,) = precision(store)
    return found


@pytest.mark.parametrize(
    ("right", "wrong", "share"), [(FEW - 1, 0, None), (FEW - 1, 1, (FEW - 1) / FEW), (0, 100, 0.0)]
)
def test_few_hits_say_nothing(store: Store, right: int, wrong: int, share: float | None) -> None:
    assert fares(store, [said(Action.REMOVED)] * right + [FALSE] * wrong).share == share


@pytest.mark.threat("a false resolution")
@pytest.mark.parametrize(("hits", "partners"), [((FALSE,) * 9, 1), ((FALSE, EVERY[3]), 2)])
def test_one_partner_does_not_speak_for_all(store: Store, hits: Sequence[ReportedHit], partners: int) -> None:
    assert fares(store, hits).partners == partners
