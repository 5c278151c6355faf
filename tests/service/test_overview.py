"""What became of reported hits, as the agency sees it: the day, the words, and how each list fares."""

from dataclasses import replace

import pytest

from node.ports.hits import CaseRecord, HitRecord, HitSourceRecord, ResolutionRecord
from node.services.partners.overview import DAY_MS, FEW, Precision, ReportedHit, precision
from protocol.statement.case import Outcome
from protocol.statement.resolution import Action

LIST, OTHER_LIST = "fr.example/lists/main", "nl.example/lists/main"
RECORD = HitRecord(
    partner="hoster",
    report_id=b"r" * 16,
    subset="baseline",
    version=1,
    collection=1,
    algorithm=3,
    received_ms=1000,
    epoch=1,
    found_epoch=None,
    request_sha256=b"",
)
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


def test_a_hit_counts_for_every_list_behind_it() -> None:
    hits = [said(Action.REMOVED, lists=(LIST, OTHER_LIST)), FALSE, replace(OPEN, sources=FALSE.sources)]
    found = {(one.origin, one.reports, one.judged, one.wrong) for one in precision(hits)}
    assert found == {(LIST, 3, 2, 1), (OTHER_LIST, 1, 1, 0)}


def fares(hits: list[ReportedHit]) -> Precision:
    (found,) = precision(hits)
    return found


def test_few_hits_say_nothing() -> None:
    assert fares([said(Action.REMOVED)] * (FEW - 1)).share is None
    assert fares([said(Action.REMOVED)] * (FEW - 1) + [FALSE]).share == (FEW - 1) / FEW


def test_one_partner_does_not_speak_for_all() -> None:
    liar = fares([FALSE] * 100)
    assert (liar.share, liar.partners) == (0.0, 1), "the number of partners stands beside the share"
    assert fares([FALSE, said(Action.REMOVED, partner="other")]).partners == 2
