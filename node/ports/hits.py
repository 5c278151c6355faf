"""Records and tables of what partners reported, and of the cases that their disputes opened.

What a report says is sealed: the digest, and the receipt, whose hash of the report would tell the digest to whoever
guesses it. Lists for people show who, when, and of which collection.
"""

from collections.abc import Sequence
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
