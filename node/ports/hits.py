"""Records and tables of what partners reported, and of the cases that their disputes opened.

What a report says is sealed: the digest, and the receipt, whose hash of the report would tell the digest to whoever
guesses it. Lists for people show who, when, and of which collection.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRecord:
    """One verified report."""

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
    sealed: bytes = field(repr=False)
    """Report and receipt."""
    closed_ms: int | None = None
    """When the agency closed it; None while it is open."""
    held_ms: int | None = None
    """Since when it must not be purged; None: it may be, in its time."""


class HitTable(Protocol):
    """Reports of all partners."""

    def add(self, hit: HitRecord) -> None:
        """Keep a report; raises `AlreadyExistsError` when the partner has another of that id."""
        ...

    def find(self, partner: str, report_id: bytes) -> HitRecord | None:
        """A partner's report; None when there is none."""
        ...

    def ls(self) -> Sequence[HitRecord]:
        """All reports, newest first."""
        ...

    def found_earlier(self, partner: str, *, epoch: int) -> int:
        """How many of a partner's reports in an epoch are of hits that it found in an earlier one."""
        ...

    def received_since(self, partner: str, *, since_ms: int) -> int:
        """How many reports of a partner came at `since_ms` or later."""
        ...

    def reseal(self, hit: HitRecord, sealed: bytes) -> None:
        """Replace what is sealed of a report, in which something was shredded."""
        ...

    def close(self, hit: HitRecord, *, closed_ms: int) -> None:
        """Mark a report as dealt with; one that is closed stays as it is."""
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
class HitSourceRecord:
    """One entry behind a report."""

    partner: str
    report_id: bytes
    origin: str
    """Of the list."""
    position: int
    received_ms: int
    """When the report came."""


class HitOutcomeTable(Protocol):
    """What became of reports, and which entries are behind them."""

    def add(self, resolution: ResolutionRecord) -> None:
        """Keep a resolution; raises `AlreadyExistsError` when that report has one of that time."""
        ...

    def of(self, partner: str, report_id: bytes) -> Sequence[ResolutionRecord]:
        """All resolutions of a report, the one that counts last."""
        ...

    def counting(self) -> Mapping[tuple[str, bytes], ResolutionRecord]:
        """The resolution that counts, by partner and report."""
        ...

    def received_since(self, partner: str, *, since_ms: int) -> int:
        """How many resolutions of a partner came at `since_ms` or later."""
        ...

    def add_sources(self, sources: Sequence[HitSourceRecord]) -> None:
        """Keep which entries are behind a report."""
        ...

    def sources(self) -> Mapping[tuple[str, bytes], Sequence[HitSourceRecord]]:
        """The entries behind all reports, by partner and report, each by origin."""
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

    def ls(self) -> Sequence[CaseRecord]:
        """All cases: open ones first, of these the one that is due first."""
        ...

    def answer(self, case: CaseRecord, *, outcome: int, answer: bytes, answered_ms: int) -> None:
        """Keep the answer; raises `ConflictError` when the case was answered before."""
        ...
