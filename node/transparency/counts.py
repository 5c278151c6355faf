"""The numbers of a period as they were counted: confidential, because small ones are among them.

What a list says about entries, and which releases were made, partners and peers can count anyway: that is told as it
is. What partners did, and what became of their hits, is told only as `publication` lets it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

IN_TIME: Final = "acted_within_24_hours"
LATER: Final = "acted_later"
FALSE_POSITIVE: Final = "false_positive"
NOT_TOLD: Final = "not_told"
OUTCOMES: Final = (IN_TIME, LATER, FALSE_POSITIVE, NOT_TOLD)
"""What became of files that were reported."""

UPHELD: Final = "upheld"
REJECTED: Final = "rejected"
WAITING: Final = "waiting"
ANSWERS: Final = (UPHELD, REJECTED, WAITING)
"""What became of disputes."""

WITHDRAWN: Final = "withdrawn"
LISTED: Final = "listed"

RIGHT: Final = "right"
WRONG: Final = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCount:
    """One collection of one own list in the period."""

    origin: str
    collection: str
    added: int
    withdrawn: int
    shredded: int
    """Of those withdrawn, whose hashes were deleted everywhere."""
    in_force: int
    """Entries at the end of the period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCount:
    """All own lists in one month."""

    month: str
    added: int
    withdrawn: int
    in_force: int
    """At its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCount:
    """One subset in the period."""

    subset: str
    releases: int
    added: int
    removed: int
    hashes: int
    """In the last release up to the end of the period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCount:
    """Hits of one collection of one own list that somebody has judged."""

    origin: str
    collection: str
    right: int
    wrong: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Everything that was counted for one report."""

    node: str
    members: int
    """Agencies in the register of the federation, now."""
    countries: Sequence[str]
    """Theirs, in order."""
    k: int
    """Countries that must list a hash before partners get it."""
    lists: Sequence[ListCount]
    months: Sequence[MonthCount]
    objections: int
    """Disputes of entries of others, raised in own lists."""
    releases: Sequence[ReleaseCount]
    partners: int
    """Enrolled at the end of the period."""
    evaluations: int | None
    """Blinded values that were evaluated for partners, padding included; None: not recorded for this period."""
    hits_by_collection: Mapping[str, int]
    hits_by_month: Mapping[str, int]
    hits_by_outcome: Mapping[str, int]
    hits_withdrawn: int
    """Of all hits, no release lists any more, by now."""
    disputes: Mapping[str, int]
    judged: Sequence[JudgedCount]
    reports_kept: bool
    """Whether all reports of the period are still there; the oldest are purged in their time."""
