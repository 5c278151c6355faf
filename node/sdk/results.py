"""What the clients return: frozen values in the words of the command line. None of them holds a hash."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from node.clock import moment_of
from node.hoster.hits.spool import SpooledHit
from node.hoster.release.update import UpdateReport
from node.hoster.status import PartnerStatus
from node.ports.verdicts import Outcome, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What one file is, as far as it is known."""

    name: str
    outcome: Outcome
    """`hit`, `clean`, `test-file` (the published one) or `unknown`, which is never clean."""
    reason: str = ""
    """Of what is unknown: why, in words. It is kept, and looked up at the next `update`."""
    faults: Sequence[str] = ()
    """What of the file could not be looked at, such as a picture that does not decode: the outcome is of the rest."""
    collection: str = ""
    countries: Sequence[str] = ()
    algorithms: Sequence[str] = ()
    """Of a hit: names of the algorithms whose hashes are listed."""
    weak: bool = False
    """One old hash alone met: such matches can be forged, so a person must look before anything is done."""
    hit_id: str = ""
    """Of a hit: what `report`, `resolve` and `dispute` take. It is recorded durably already."""
    subset: str = ""
    """Where several are followed: whose word it is; empty for what is clean, of which they all say the same."""
    asked: bool = True
    """False of what is unknown because only hashes were given of kinds that the subset does not take in."""
    subsets: Sequence["FileResult"] = ()
    """Where several are followed: what each of them says."""

    @property
    def listed(self) -> bool:
        """Whether it is on the list."""
        return self.outcome is Outcome.HIT

    @property
    def clean(self) -> bool:
        """Whether all of it was looked at, and nothing of it is on the list."""
        return self.outcome is Outcome.CLEAN and not self.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class HitResult:
    """One hit, and what was done about it."""

    id: str
    name: str
    state: str
    """`waiting`, `reported`, `refused`, `disputed`, `resolved` or `withdrawn`."""
    found: datetime
    collection: str
    countries: Sequence[str]
    weak: bool
    refused: str
    """Why the agency does not take the report; empty: it was not refused."""
    action: str | None
    """What became of the file; None until that is recorded."""
    told: Sequence[str]
    """Names of the reporters that were told besides the agency."""
    subset: str = ""
    """Whose hit it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldResult:
    """What became of telling one reporter of one hit."""

    reporter: str
    hit_id: str
    reference: str
    """Under which it is known there; empty: it was not told."""
    reason: str = ""
    """Why it was not told; empty: it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """What became of hits that were to be reported."""

    hits: Sequence[HitResult]
    left: int
    """Hits that are still to be reported; nothing is lost meanwhile."""
    problem: str = ""
    """Why not all were reported, or told to a reporter, and what of the agency's does not verify; empty: nothing."""
    told: Sequence[ToldResult] = ()
    """What became of telling those who were named besides the agency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedResult:
    """What a disclosed look-up said of a picture."""

    file: FileResult
    """What was found privately, before anything was shown."""
    near: bool | None
    """Whether it is near something listed, for a person to look at; None: it was not shown, or not answered."""
    collection: str | None = None
    """Of what it is near to."""
    reason: str = ""
    """Why `near` is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """What an update brought."""

    old: int
    new: int
    """Release versions; the same when there was nothing new."""
    added: int
    removed: int
    entries: int
    confirmed: int
    """Files that were unknown and have their outcome now: hits among them are in `hits()`."""
    warnings: Sequence[str] = field(default_factory=tuple)
    subset: str = ""
    subsets: Sequence["UpdateResult"] = ()
    """Where several are followed: what came of each. `confirmed` and `warnings` are of all, the rest of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResult:
    """How this machine stands; nobody is asked."""

    partner: str
    subset: str
    version: int
    """Of the release in force; 0: none."""
    entries: int
    not_after: datetime | None
    unreported_hits: int
    overdue_hits: int
    """Found more than a day ago, and what became of the file is not recorded."""
    unknown_files: int
    """That wait until the node can be asked."""
    subsets: Sequence["StatusResult"] = ()
    """Where several are followed: how each stands. The end is the first of theirs, and counts are of all."""


def file_result(name: str, verdict: Verdict, faults: Sequence[str] = ()) -> FileResult:
    """From the verdict of a file."""
    return FileResult(
        name=name,
        outcome=verdict.outcome,
        reason=verdict.reason,
        faults=tuple(faults),
        collection=verdict.collection,
        countries=verdict.countries,
        algorithms=verdict.algorithms,
        weak=verdict.weak,
        hit_id=verdict.hit_id,
        subset=verdict.subset,
        asked=verdict.asked,
        subsets=tuple(file_result(name, each, faults) for each in verdict.subsets),
    )


def hit_result(hit: SpooledHit, subset: str) -> HitResult:
    """From a hit in the spool of a subset."""
    return HitResult(
        id=hit.id,
        name=hit.name,
        state=hit.state,
        found=moment_of(hit.found_ms),
        collection=hit.collection,
        countries=hit.countries,
        weak=hit.weak,
        refused=hit.refused,
        action=hit.action.value if hit.action else None,
        told=tuple(each.reporter for each in hit.told if each.reference),
        subset=subset,
    )


def update_result(report: UpdateReport, subset: str, confirmed: int, wrong: Sequence[str]) -> UpdateResult:
    """From the report of an update of a subset, and what went wrong with the operator's programs."""
    return UpdateResult(
        old=report.old,
        new=report.new,
        added=report.added,
        removed=report.removed,
        entries=report.entries,
        confirmed=confirmed,
        warnings=(*report.warnings, *wrong),
        subset=subset,
    )


def joint_update(each: Sequence[UpdateResult]) -> UpdateResult:
    """From the updates of all subsets."""
    if len(each) == 1:
        return each[0]
    return replace(
        each[0],
        confirmed=sum(one.confirmed for one in each),
        warnings=tuple(words for one in each for words in one.warnings),
        subsets=tuple(each),
    )


def report_result(each: Sequence[ReportResult]) -> ReportResult:
    """From the reports of all subsets that were to be told of hits."""
    return ReportResult(
        hits=tuple(hit for one in each for hit in one.hits),
        left=sum(one.left for one in each),
        problem="; ".join(dict.fromkeys(one.problem for one in each if one.problem)),
        told=tuple(told for one in each for told in one.told),
    )


def status_result(
    now: PartnerStatus, subset: str, hits: Sequence[SpooledHit], *, now_ms: int
) -> StatusResult:
    """From how the client of a subset stands, and its hits."""
    return StatusResult(
        partner=now.enrolment.partner,
        subset=subset,
        version=now.version,
        entries=now.entries,
        not_after=moment_of(now.not_after_ms) if now.not_after_ms else None,
        unreported_hits=sum(hit.waiting for hit in hits),
        overdue_hits=sum(hit.overdue(now_ms) for hit in hits),
        unknown_files=now.unconfirmed,
    )


def joint_status(each: Sequence[StatusResult]) -> StatusResult:
    """From how all subsets stand."""
    if len(each) == 1:
        return each[0]
    ends = [one.not_after for one in each if one.not_after is not None]
    return replace(
        each[0],
        not_after=min(ends, default=None),
        unreported_hits=sum(one.unreported_hits for one in each),
        overdue_hits=sum(one.overdue_hits for one in each),
        unknown_files=sum(one.unknown_files for one in each),
        subsets=tuple(each),
    )
