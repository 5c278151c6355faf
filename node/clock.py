"""The only file that reads the clock and draws randomness; everything else is handed both."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
Entropy = Callable[[int], bytes]
"""`entropy(n)` is n fresh random bytes."""


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> datetime:
        """Now, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now, aware and in UTC."""
        return datetime.now(UTC)


def system_entropy(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return os.urandom(count)


def milliseconds(moment: datetime) -> int:
    """A moment as milliseconds since 1970, the unit of event times."""
    return int(moment.timestamp() * 1000)


def moment_of(time_ms: int) -> datetime:
    """The moment that is so many milliseconds after 1970, in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def minute(time_ms: int) -> str:
    """A moment for people: `2026-05-31 12:00 UTC`; its number where no calendar has it, as a stranger may sign any."""
    try:
        return f"{moment_of(time_ms):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"


def kept_since_ms(clock: Clock, days: int) -> int:
    """What ended before this moment was kept for `days`; 0 for no days: nothing is ever deleted."""
    return milliseconds(clock.now() - timedelta(days=days)) if days else 0
