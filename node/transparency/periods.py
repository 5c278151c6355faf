"""Periods of a report: a year, a half-year, a quarter or a month, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from node.errors import UsageError

_FORM: Final = re.compile(
    r"(?P<year>20[0-9]{2})(?:(?P<part>[HQ])(?P<number>[1-4])|-(?P<month>[0-9]{2}))?", re.ASCII
)
_LENGTHS: Final = {"H": 6, "Q": 3}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Some months in a row of one year."""

    text: str
    """As it was asked for."""
    year: int
    first: int
    """Its first month, 1 to 12."""
    length: int
    """Months."""

    @classmethod
    def parse(cls, text: str) -> "Period":
        """The period that a text means; raises `UsageError`."""
        found = _FORM.fullmatch(text.upper())
        if found is not None:
            year = int(found["year"])
            if found["month"]:
                first, length = int(found["month"]), 1
            else:
                length = _LENGTHS[found["part"]] if found["part"] else 12
                first = (int(found["number"] or 1) - 1) * length + 1
            if 1 <= first <= 12:
                return cls(text=text.upper(), year=year, first=first, length=length)
        raise UsageError(
            "no such period", hint="a year, half-year, quarter or month: 2026, 2026H1, 2026Q3, 2026-05"
        )

    @property
    def edges_ms(self) -> tuple[int, ...]:
        """When its months begin, and when it ends."""
        return tuple(_begin_ms(self.year, self.first + at) for at in range(self.length + 1))

    @property
    def first_ms(self) -> int:
        """When it begins."""
        return self.edges_ms[0]

    @property
    def end_ms(self) -> int:
        """When it is over: the first moment that is not in it."""
        return self.edges_ms[-1]

    @property
    def months(self) -> tuple[str, ...]:
        """Its months, as `2026-05`."""
        return tuple(f"{self.year}-{month:02}" for month in range(self.first, self.first + self.length))

    @property
    def short_months(self) -> tuple[str, ...]:
        """The same for narrow places, as `May`."""
        return _MONTHS[self.first - 1 : self.first - 1 + self.length]

    @property
    def days(self) -> str:
        """Its first and last day, as people read them."""
        last = datetime.fromtimestamp(self.end_ms / 1000 - 1, UTC)
        return f"{self.year}-{self.first:02}-01 to {last:%Y-%m-%d}"

    def holds(self, time_ms: int) -> bool:
        """Whether a time is in it."""
        return self.first_ms <= time_ms < self.end_ms


def _begin_ms(year: int, month: int) -> int:
    years, rest = divmod(month - 1, 12)
    return int(datetime(year + years, rest + 1, 1, tzinfo=UTC).timestamp()) * 1000
