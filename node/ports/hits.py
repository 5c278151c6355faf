"""Records and tables of what partners reported, and of the cases that their disputes opened.

Reports grow for years: they are read a page at a time, and what a report says is read for one report alone.

What a report says is sealed: the digest, and the receipt, whose hash of the report would tell the digest to whoever
guesses it. Lists for people show who, when, and of which collection.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

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


class HitTable(Protocol):
    """Reports of all partners."""

    def add(self, hit: HitRecord, sealed: bytes) -> None:
        """Keep a report with what it says; raises `AlreadyExistsError` when the partner has another of that id."""
        ...

    def find(self, partner: str, report_id: bytes) -> HitRecord | None:
        """A partner's report; None when there is none."""
        ...

    def sealed(self, hit: HitRecord) -> bytes:
        """Report and receipt, sealed; raises `NotFoundError` when it was purged meanwhile."""
        ...

    def page(self, wanted: HitFilter, *, after: HitPlace | None, limit: int) -> Sequence[HitRecord]:
        """The first `limit` reports that are wanted, or those after a place: newest first.

        Unsaid ones come in the other order: the one that is late for longest first.
        """
        ...

    def counts(self, *, unsaid_since_ms: int) -> HitCounts:
        """How many are open; overdue are those that came before `unsaid_since_ms`."""
        ...

    def counted(self) -> int:
        """How many there are."""
        ...

    def between(self, first: bytes, last: bytes, *, partner: str) -> Sequence[HitRecord]:
        """Reports with ids from `first` to `last`, both included; of every partner where `partner` is empty."""
        ...

    def found_earlier(self, partner: str, *, epoch: int) -> int:
        """How many of a partner's reports in an epoch are of hits that it found in an earlier one."""
        ...

    def received_since(self, partner: str, *, since_ms: int) -> int:
        """How many reports of a partner came at `since_ms` or later."""
        ...

    def by_day(self, *, since_ms: int) -> Mapping[int, int]:
        """How many reports came on each day, by its number since 1970 in UTC; days without any are left out."""
        ...

    def reseal(self, hit: HitRecord, sealed: bytes) -> None:
        """Replace what is sealed of a report, in which something was shredded."""
        ...

    def close(self, hit: HitRecord, *, closed_ms: int) -> None:
        """Mark a report as dealt with; one that is closed stays as it is."""
        ...

    def lock(self) -> None:
        """Let nobody else keep or end a report before this transaction is over."""
        ...

    def behind(self, subset: str, entries: Collection[tuple[str, int]]) -> Sequence[HitRecord]:
        """Reports in a subset that have not ended, behind which one of these entries is: list and position."""
        ...

    def end(self, hit: HitRecord, *, ended_ms: int, version: int) -> None:
        """Mark a report as ended with a release, after all that ended before; one that did stays as it is."""
        ...

    def ended(self, partner: str, subset: str, *, after: bytes, limit: int) -> Sequence[HitRecord]:
        """A partner's reports that ended after the one with the id `after`, or all, in the order in which they did."""
        ...

    def hold(self, hit: HitRecord, *, held_ms: int | None) -> None:
        """Keep a report from being purged, or (None) no longer."""
        ...

    def purge(self, hit: HitRecord) -> None:
        """Delete a report with its resolutions, its case and what says which entries are behind it."""
        ...


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
class Fared:
    """Reports of one list and collection of which the same was said; one counts for every list that is behind it."""

    origin: str
    collection: int
    action: int | None
    """What became of the file by the partner's last word; None: it has not said."""
    outcome: int | None
    """The agency's answer to its dispute; None: none."""
    reports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Reports of one collection of which the same was said."""

    collection: int
    action: int | None
    in_time: bool
    """Whether it was done within the span that was asked for after the report came."""
    reports: int


class HitTallyTable(Protocol):
    """Reports in numbers."""

    def fared(self, window: HitWindow) -> Sequence[Fared]:
        """How many reports each list and collection is behind, by what partners and the agency said of them."""
        ...

    def judges(self, window: HitWindow) -> Mapping[tuple[str, int], int]:
        """How many partners made those reports of which somebody said what they were, by list and collection."""
        ...

    def told(self, window: HitWindow, *, within_ms: int) -> Sequence[Told]:
        """How many reports there are of each collection, by what their partners said, and whether in time."""
        ...


class HitOutcomeTable(Protocol):
    """What became of reports, and which entries are behind them."""

    def add(self, resolution: ResolutionRecord) -> None:
        """Keep a resolution; raises `AlreadyExistsError` when that report has one of that time."""
        ...

    def of(self, partner: str, report_id: bytes) -> Sequence[ResolutionRecord]:
        """All resolutions of a report, the one that counts last."""
        ...

    def counting(self, reports: Collection[ReportName]) -> Mapping[ReportName, ResolutionRecord]:
        """The resolution that counts, for those of a page of reports that have any."""
        ...

    def received_since(self, partner: str, *, since_ms: int) -> int:
        """How many resolutions of a partner came at `since_ms` or later."""
        ...

    def resolved(self, *, since_ms: int, within_ms: int) -> Sequence[Resolved]:
        """What became of the files of reports that came at `since_ms` or later, by action."""
        ...

    def add_sources(self, sources: Sequence[HitSourceRecord]) -> None:
        """Keep which entries are behind a report."""
        ...

    def sources(self, reports: Collection[ReportName]) -> Mapping[ReportName, Sequence[HitSourceRecord]]:
        """The entries behind a page of reports, each by origin."""
        ...

    def sources_of(self, partner: str, report_id: bytes) -> Sequence[HitSourceRecord]:
        """The entries behind one report, by origin."""
        ...

    def matched(self, origin: str, position: int, *, since_ms: int) -> Mapping[str, int]:
        """How many reports each partner made of an entry at `since_ms` or later."""
        ...


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


class PartnerCaseTable(Protocol):
    """Cases of all partners."""

    def add(self, case: CaseRecord) -> None:
        """Open a case; raises `AlreadyExistsError` when there is one for that report."""
        ...

    def find(self, partner: str, report_id: bytes) -> CaseRecord | None:
        """The case of a partner's report; None when there is none."""
        ...

    def of(self, reports: Collection[ReportName]) -> Mapping[ReportName, CaseRecord]:
        """The cases of those of a page of reports that have one."""
        ...

    def ls(self) -> Sequence[CaseRecord]:
        """All cases: open ones first, of these the one that is due first."""
        ...

    def answer(self, case: CaseRecord, *, outcome: int, answer: bytes, answered_ms: int) -> None:
        """Keep the answer; raises `ConflictError` when the case was answered before."""
        ...
