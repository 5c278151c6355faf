"""The bucket of evaluations: it fills with time, and with time alone."""

from datetime import UTC, datetime, timedelta

import pytest

from node.access.quotas import fill, left, spend
from node.errors import OverQuotaError
from node.store.partners.records import Allowance

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PER_DAY = 1000
FULL = Allowance(level=PER_DAY * 1000, level_ms=int(NOW.timestamp() * 1000), month="2026-05", used=0)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def test_a_clock_that_goes_back_and_forth_fills_nothing() -> None:
    """Each time it comes back, the hours that were counted before would be given once more."""
    allowance = spend(FULL, PER_DAY, PER_DAY, NOW)
    for _ in range(5):
        allowance = fill(fill(allowance, PER_DAY, at(-6)), PER_DAY, NOW)
        assert left(allowance, PER_DAY, NOW) == 0
    with pytest.raises(OverQuotaError):
        spend(fill(allowance, PER_DAY, at(-6)), PER_DAY, 1, NOW)
    assert left(allowance, PER_DAY, at(12)) == PER_DAY // 2


def test_what_was_counted_until_is_never_earlier() -> None:
    moments = [0, 3, -20, 1, 5, 4]
    allowance, newest = FULL, FULL.level_ms
    for hours in moments:
        allowance = fill(allowance, PER_DAY, at(hours))
        newest = max(newest, int(at(hours).timestamp() * 1000))
        assert allowance.level_ms == newest


@pytest.mark.parametrize(("ahead", "kept"), [(30, True), (31, False), (400, False)])
def test_a_clock_that_was_a_month_ahead_shuts_nobody_out(ahead: int, kept: bool) -> None:
    later = int((NOW + timedelta(days=ahead)).timestamp() * 1000)
    allowance = fill(Allowance(level=0, level_ms=later, month="2026-05", used=0), PER_DAY, NOW)
    assert (left(allowance, PER_DAY, NOW) == 0) == kept
    assert (allowance.level_ms == later) == kept
