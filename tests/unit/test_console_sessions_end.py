"""How long a session of a partner's console lasts, and a passkey that was shown in one counts."""

from datetime import UTC, datetime, timedelta

import pytest

from node.access.sessions import IDLE, LONGEST, Visitor
from node.clock import system_entropy
from node.console.hoster.sessions import Sessions
from node.console.visitors import FRESH_MS, has_proved
from node.hoster.console_tokens import Guest
from node.store.accounts.records import PersonRole
from support.times import SettableClock

NOW_MS = 1_790_000_000_000
MOMENT = timedelta(milliseconds=1)
GUEST = Guest(name="Alice", role=PersonRole.ANALYST)


@pytest.mark.threat("a wrong clock")
@pytest.mark.parametrize(
    ("ago_ms", "counts"), [(0, True), (FRESH_MS, True), (FRESH_MS + 1, False), (-1, False), (NOW_MS, False)]
)
def test_a_passkey_counts_as_shown_for_ten_minutes(ago_ms: int, *, counts: bool) -> None:
    shown = Visitor(person="alice", role=PersonRole.OPERATOR, csrf="", proved_ms=NOW_MS - ago_ms)
    assert has_proved(shown, NOW_MS) is counts


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(datetime(2026, 5, 4, 12, tzinfo=UTC))


@pytest.fixture
def sessions(clock: SettableClock) -> Sessions:
    return Sessions(clock, system_entropy)


def test_a_session_ends_however_much_it_is_used(sessions: Sessions, clock: SettableClock) -> None:
    token, end = sessions.open(GUEST), clock.now() + LONGEST
    while clock.now() + IDLE < end:
        clock.advance(IDLE - MOMENT)
        assert sessions.find(token) is not None
    clock.moment = end - MOMENT
    assert sessions.find(token) is not None
    clock.moment = end
    assert sessions.find(token) is None


def test_a_session_ends_when_it_is_not_used(sessions: Sessions, clock: SettableClock) -> None:
    token = sessions.open(GUEST)
    clock.advance(IDLE - MOMENT)
    assert sessions.find(token) is not None
    clock.advance(IDLE)
    assert sessions.find(token) is None


@pytest.mark.threat("a wrong clock")
def test_a_session_used_while_the_clock_was_ahead_is_none(sessions: Sessions, clock: SettableClock) -> None:
    """Else nobody's idleness would end it before the clock gets there."""
    token = sessions.open(GUEST)
    for _ in range(8):
        clock.advance(IDLE - MOMENT)
        assert sessions.find(token) is not None
    clock.advance(-timedelta(hours=2))
    assert sessions.find(token) is None


def test_a_clock_that_is_set_by_a_second_ends_no_session(sessions: Sessions, clock: SettableClock) -> None:
    token = sessions.open(GUEST)
    clock.advance(timedelta(minutes=5))
    assert sessions.find(token) is not None
    clock.advance(-timedelta(seconds=1))
    assert sessions.find(token) is not None
