"""Evaluations a partner may have: a bucket that fills over a day, and a cap a month.

Evaluations are what tests a hash, so evaluations are what is counted, before any is made: padding included, refused
batches not. The bucket limits the pace of somebody who wants to test hashes he holds, the cap the sum.
"""

from dataclasses import replace
from datetime import UTC, datetime

from node.clock import DAY_MS, milliseconds
from node.errors import OverQuotaError, UnauthenticatedError
from node.store.partners.allowances import AllowanceRows
from node.store.partners.records import Allowance
from node.store.store import Store

DAYS_A_MONTH = 31
COVER_PER_DAY = 7_680
"""What a partner's cover takes: 64 every quarter of an hour, and with each update of 24."""
MIN_EVALUATIONS_PER_DAY = 16_384
"""Room for that, and for as much again."""

_MILLI = 1000


def evaluations_for(files_per_day: int, screen_bits: int) -> int:
    """Evaluations a day for a partner that declares so many new files a day.

    Three hashes of a file are screened; each passes by chance with probability at most 2^-(bits - 1); of a file
    that passes up to four hashes are asked. Half as much again for bursts, and the cover, which stored files travel in.
    """
    passing = min(1.0, 3 * 2.0 ** (1 - screen_bits)) if screen_bits else 1.0
    return max(MIN_EVALUATIONS_PER_DAY, int(files_per_day * passing * 4 * 1.5) + COVER_PER_DAY)


def candidates_a_day(evaluations_per_day: int, screen_bits: int) -> int:
    """So many hashes of its choice a partner can have decided in a day: the screen clears all but few of them."""
    return evaluations_per_day << screen_bits


class Quotas:
    """The allowances of all partners."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def spend(self, name: str, count: int, *, now: datetime) -> None:
        """Take `count` evaluations from a partner's allowance.

        No disk is waited for: a power cut may give back what was taken in the last moments before it.

        Raises:
            OverQuotaError: not that many are left; nothing was taken. It says when they will be.
            UnauthenticatedError: the partner was suspended since its token was looked at.
        """
        with self._store.write_allowances() as rows:
            before, per_day, suspended = rows.lock(name)
            if suspended:
                raise UnauthenticatedError("the partner is suspended")
            _keep(rows, name, before, spend(before, per_day, count, now), now=now)

    def refund(self, name: str, count: int, *, now: datetime) -> None:
        """Give back `count` evaluations that were taken and not made; never more than a full bucket."""
        with self._store.write_allowances() as rows:
            before, per_day, _ = rows.lock(name)
            filled = fill(before, per_day, now)
            level = min(per_day * _MILLI, filled.level + count * _MILLI)
            given = replace(filled, level=level, used=max(0, filled.used - count))
            _keep(rows, name, before, given, now=now)

    def left(self, name: str, *, now: datetime) -> int:
        """Evaluations that a partner could make at once now."""
        with self._store.read() as unit:
            partner = unit.partners.get(name)
            return left(unit.partners.allowance(name), partner.evaluations_per_day, now)


def _keep(rows: AllowanceRows, name: str, before: Allowance, after: Allowance, *, now: datetime) -> None:
    if before.month != after.month and before.used:
        rows.add_to_month(before.month, before.used)
    now_ms = milliseconds(now)
    # The day only: no more is needed to see whom to ask after, and the moments of look-ups are nobody's business.
    rows.keep(name, after, seen_ms=now_ms - now_ms % DAY_MS)


def fill(allowance: Allowance, per_day: int, now: datetime) -> Allowance:
    """The allowance of somebody who has `per_day` at `now`, before anything is taken."""
    now_ms = milliseconds(now)
    # A clock set back fills no bucket. One that was a month ahead was wrong: the bucket starts anew, since waiting
    # until then would shut a partner out for years.
    wrong = allowance.level_ms - now_ms >= DAYS_A_MONTH * DAY_MS
    since_ms = now_ms - DAY_MS if wrong else allowance.level_ms
    elapsed = max(0, now_ms - since_ms)
    full = per_day * _MILLI
    level = min(full, allowance.level + full * elapsed // DAY_MS)
    month = now.astimezone(UTC).strftime("%Y-%m")
    used = allowance.used if month == allowance.month else 0
    return Allowance(level=level, level_ms=max(now_ms, since_ms), month=month, used=used)


def left(allowance: Allowance, per_day: int, now: datetime) -> int:
    """Evaluations that somebody who has `per_day` could make at once at `now`."""
    filled = fill(allowance, per_day, now)
    return min(filled.level // _MILLI, _cap(per_day) - filled.used)


def spend(
    allowance: Allowance, per_day: int, count: int, now: datetime, *, what: str = "evaluations"
) -> Allowance:
    """The allowance after taking `count`; raises `OverQuotaError`, which names `what` is counted."""
    filled = fill(allowance, per_day, now)
    if filled.used + count > _cap(per_day):
        raise _over(what, "month", _until_next_month(now))
    missing = count * _MILLI - filled.level
    if missing > 0:
        rate = per_day * _MILLI
        raise _over(what, "day", max(1, -(-missing * DAY_MS // rate) // 1000))
    return replace(filled, level=filled.level - count * _MILLI, used=filled.used + count)


def _cap(per_day: int) -> int:
    return per_day * DAYS_A_MONTH


def _over(what: str, period: str, seconds: int) -> OverQuotaError:
    return OverQuotaError(
        "the {what} of this {period} are used up",
        what,
        period,
        retry_after_seconds=seconds,
        hint="wait, or ask the agency for a larger quota",
    )


def _until_next_month(now: datetime) -> int:
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return max(1, int((following - now).total_seconds()))
