"""Records of what partners reported, and of the cases that their disputes opened.

Reports grow for years: they are read a page at a time, and what a report says is read for one report alone.

What a report says is sealed: the digest, and the receipt, whose hash of the report would tell the digest to whoever
guesses it. Lists for people show who, when, and of which collection.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from node.clock import DAY_MS

ReportName = tuple[str, bytes]
"""Partner and id of a report; the id alone is the partner's to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRecord:
    """One verified report, without what it says."""

    partner: str
    report_id: bytes
    subset: str
    version: int
    """Of the release in which the node found it."""
    collection: int
    algorithm: int
    received_ms: int
    epoch: int
    found_epoch: int | None
    """The earlier epoch in which the partner found it; None: the same."""
    request_sha256: bytes = field(repr=False)
    """Of the request with what authenticates it, which nobody can guess: the same request is answered the same."""
    closed_ms: int | None = None
    """When the agency closed it; None while it is open."""
    held_ms: int | None = None
    """Since when it must not be purged; None: it may be, in its time."""
    ended_ms: int | None = None
    """Since when no release lists what it reports; None: the newest one does."""
    ended_version: int | None = None
    """Of the newest release when it ended."""
    ended_number: int | None = None
    """Its place among all that ended, in the order in which they did."""

    @property
    def name(self) -> ReportName:
        """What tells it from every other report."""
        return self.partner, self.report_id

    @property
    def came_late(self) -> bool:
        """Whether it had ended when it came; one that was listed then ended later, also where two moments are one."""
        return self.ended_ms is not None and self.ended_ms <= self.received_ms

    @property
    def place(self) -> "HitPlace":
        """Where it stands among all reports."""
        return HitPlace(self.received_ms, self.partner, self.report_id)


SAID_WITHIN_MS: Final = DAY_MS
"""So soon a partner says what became of a reported file; a report of which it has not is overdue."""


class HitPlace(NamedTuple):
    """Where a page of reports ends; the report itself may be gone by the time that the next page is asked for."""

    received_ms: int
    partner: str
    report_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HitFilter:
    """Which reports are wanted: those that all conditions choose; without any, all."""

    open: bool = False
    """Only those that the agency has not closed."""
    unsaid_since_ms: int | None = None
    """Only open ones that came before, and of which the partner has not said what became of the file."""
    partner: str = ""
    origin: str = ""
    """Only those behind which an entry of this list is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitCounts:
    """How many reports wait for somebody."""

    open: int
    """Not closed by the agency."""
    resolved: int
    """Of these, the partner said what became of the file."""
    overdue: int
    """Of these, the partner should have said so."""
    withdrawn: int
    """Of these, no release lists any more what was reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionRecord:
    """What a partner said became of the file of one report; of several the one with the latest `done_ms` counts."""

    partner: str
    report_id: bytes
    done_ms: int
    action: int
    """A `protocol.statement.resolution.Action`."""
    received_ms: int
    receipt: bytes = field(repr=False)
    """The node's signed statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What partners said of the files of some reports, in numbers; of each report the resolution that counts."""

    action: int
    count: int
    in_time: int
    """Of these, done within the span that was asked for after the report came."""
    slowest_ms: int
    """The longest from report to action; 0 or less: it was done before it was reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitSourceRecord:
    """One entry behind a report."""

    partner: str
    report_id: bytes
    origin: str
    """Of the list."""
    position: int
    received_ms: int
    """When the report came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HitWindow:
    """Which reports are counted: those that came from `since_ms` on, and before `until_ms`."""

    since_ms: int = 0
    until_ms: int | None = None
    newest: int | None = None
    """Of these so many of the newest; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCount:
    """Reports of one list and collection of which the same was said; one counts for every list that is behind it."""

    origin: str
    collection: int
    action: int | None
    """What became of the file by the partner's last word; None: it has not said."""
    outcome: int | None
    """The agency's answer to its dispute; None: none."""
    reports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionCount:
    """Reports of one collection of which the same was said."""

    collection: int
    action: int | None
    in_time: bool
    """Whether it was done within the span that was asked for after the report came."""
    reports: int
    withdrawn: int
    """Of these, no release lists any more what was reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """One partner's dispute of a reported hit, and what became of it."""

    partner: str
    report_id: bytes
    subset: str
    opened_ms: int
    due_ms: int
    sealed_dispute: bytes = field(repr=False)
    """The partner's words."""
    answered_ms: int | None = None
    outcome: int | None = None
    """A `protocol.statement.case.Outcome`, once answered."""
    answer: bytes = b""
    """The signed statement."""
