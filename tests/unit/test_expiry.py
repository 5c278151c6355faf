"""What ends: from when on somebody is told, what is told first, and that nothing that ends lacks a consequence."""

from datetime import UTC, datetime, timedelta

import pytest

from node.trust.expiry import CONSEQUENCES, Term, TermState, Thing, judge, late, next_due

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def term(thing: Thing = Thing.DOCUMENT, *, days: int = 100, of: str = "") -> Term:
    return Term(thing=thing, of=of, start=START, end=START + days * DAY)


@pytest.mark.parametrize(
    ("thing", "day", "standing"),
    [
        (Thing.DOCUMENT, 0, TermState.GOOD),
        (Thing.DOCUMENT, 49, TermState.GOOD),
        (Thing.DOCUMENT, 50, TermState.LATE),
        (Thing.DOCUMENT, 99, TermState.LATE),
        (Thing.DOCUMENT, 100, TermState.ENDED),
        (Thing.DOCUMENT, 1000, TermState.ENDED),
        (Thing.SNAPSHOT, 59, TermState.GOOD),
        (Thing.SNAPSHOT, 60, TermState.LATE),
    ],
)
def test_somebody_is_told_at_half_of_its_life_and_later_of_what_renews_itself(
    thing: Thing, day: int, standing: TermState
) -> None:
    (found,) = judge([term(thing)], START + day * DAY)
    assert found.standing is standing
    assert bool(late([found])) == (standing is not TermState.GOOD)


def test_everything_that_ends_has_a_consequence() -> None:
    assert set(CONSEQUENCES) == set(Thing)
    assert all(meant.stops and meant.step for meant in CONSEQUENCES.values())


def test_what_ends_first_is_told_first() -> None:
    terms = [term(Thing.ROOT, days=365), term(Thing.KEY, days=30, of="auth"), term(days=180)]
    assert [found.term.thing for found in judge(terms, START)] == [Thing.KEY, Thing.DOCUMENT, Thing.ROOT]


@pytest.mark.parametrize(
    ("day", "thing"),
    [(0, Thing.KEY), (16, Thing.KEY), (31, Thing.KEY)],
    ids=["the first alarm", "what is late", "what has ended"],
)
def test_the_next_step_is_what_is_late_and_else_the_first_alarm(day: int, thing: Thing) -> None:
    terms = [term(Thing.ROOT, days=365), term(Thing.KEY, days=30, of="auth")]
    due = next_due(judge(terms, START + day * DAY))
    assert due is not None
    assert due.term.thing is thing


def test_an_early_end_with_a_late_alarm_does_not_come_first() -> None:
    young = Term(thing=Thing.KEY, of="auth", start=START + 80 * DAY, end=START + 90 * DAY)
    due = next_due(judge([young, term()], START))
    assert due is not None
    assert due.term.thing is Thing.DOCUMENT


def test_what_a_running_node_renews_is_a_step_only_once_it_is_late() -> None:
    terms = [term(), term(Thing.TIMESTAMP, days=1)]
    first = [next_due(judge(terms, START + hours * DAY / 24)) for hours in (1, 15)]
    assert [due.term.thing for due in first if due] == [Thing.DOCUMENT, Thing.TIMESTAMP]


def test_nothing_ends_where_there_is_nothing() -> None:
    assert next_due(judge([], START)) is None


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (50, "(50 days left); then peers"),
        (1, "(24 hours left); then peers"),
        (0, "ended on 2026-04-11: peers"),
    ],
)
def test_the_words_say_what_stops(left: int, says: str) -> None:
    (found,) = judge([term()], START + (100 - left) * DAY)
    assert says in found.words
