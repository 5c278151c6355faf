"""How long a session of a console lasts, and a passkey that was shown in one counts."""

from datetime import timedelta

import pytest

from node.access.sessions import IDLE, LONGEST, Visitor, is_living
from node.console.visitors import FRESH_MS, has_proved
from node.store.accounts.records import PersonRole

NOW_MS = 1_790_000_000_000
MOMENT, SET = timedelta(milliseconds=1), timedelta(minutes=1)
NONE, HOUR = timedelta(), timedelta(hours=1)


@pytest.mark.threat("a wrong clock")
@pytest.mark.parametrize(
    ("ago_ms", "counts"), [(0, True), (FRESH_MS, True), (FRESH_MS + 1, False), (-1, False), (NOW_MS, False)]
)
def test_a_passkey_counts_as_shown_for_ten_minutes(ago_ms: int, *, counts: bool) -> None:
    shown = Visitor(person="alice", role=PersonRole.OPERATOR, csrf="", proved_ms=NOW_MS - ago_ms)
    assert has_proved(shown, NOW_MS) is counts


@pytest.mark.threat("a wrong clock")
@pytest.mark.parametrize(
    ("opened", "used", "lives"),
    [
        (NONE, NONE, True),
        (LONGEST - MOMENT, IDLE - MOMENT, True),
        (LONGEST, NONE, False),
        (HOUR, IDLE, False),
        (-MOMENT, NONE, False),
        (HOUR, MOMENT - SET, True),
        (HOUR, -SET, False),
    ],
    ids=["new", "last moment", "too old", "idle", "opened ahead", "clock was set back", "used ahead"],
)
def test_a_session_ends_by_its_age_without_use_and_where_a_clock_was_ahead(
    opened: timedelta, used: timedelta, *, lives: bool
) -> None:
    opened_ms, seen_ms = (NOW_MS - ago // MOMENT for ago in (opened, used))
    assert is_living(opened_ms=opened_ms, seen_ms=seen_ms, now_ms=NOW_MS) is lives
