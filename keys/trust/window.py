"""When something signed counts: from `start`, until but not at `end`.

Two documents that follow each other share a moment as end and start; exactly one of them counts then. The present is
always an argument. Spec: docs/spec/trust.md, "Windows".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from keys.encoding import Fields, Json, format_time
from keys.errors import MalformedTrustError, NotCurrentError


@dataclass(frozen=True, slots=True)
class Window:
    """A time from `start` until `end`, both UTC with whole seconds.

    Raises `MalformedTrustError` for a window that is empty or has other times.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment.utcoffset() != timedelta(0) or moment.microsecond:
                raise MalformedTrustError("window: a time that is not UTC with whole seconds")
        if self.start >= self.end:
            raise MalformedTrustError("window: it ends before it starts")

    def covers(self, now: datetime) -> bool:
        """Whether `now` (aware) is inside."""
        return self.start <= now < self.end

    def require(self, now: datetime, what: str) -> None:
        """Returns if `now` is inside, else raises `NotCurrentError` about `what`."""
        if now < self.start:
            # More often than a document from the future it is a clock that is behind: show both times.
            here = format_time(now)
            raise NotCurrentError(
                "{what} counts from {start} only, and here it is {here}", what, format_time(self.start), here
            )
        if now >= self.end:
            raise NotCurrentError("{what} ended on {end}", what, format_time(self.end))

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"start": format_time(self.start), "end": format_time(self.end)}

    @classmethod
    def read(cls, fields: Fields) -> "Window":
        """From the field `valid` of an object; raises `MalformedTrustError`."""
        valid = fields.nested("valid")
        return cls(valid.time("start"), valid.time("end"))


class Dated(Protocol):
    """Something with a window."""

    @property
    def valid(self) -> Window:
        """When it counts."""
        ...


DatedT = TypeVar("DatedT", bound=Dated)


def valid_at(items: Iterable[DatedT], now: datetime) -> tuple[DatedT, ...]:
    """Those of `items` that count at `now` (aware), in their order."""
    return tuple(item for item in items if item.valid.covers(now))
