"""`sigfed hit` in an agency's home: who reported what, when, and what became of it.

The hash is shown only to whoever asks for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from node.cli.output import listing, moment, spelled
from node.cli.session import Session
from node.fields import Fact
from node.pages.text import counted
from node.partners.hits.instructions import UNDO_REPORT
from node.short_ids import SHORT
from protocol.digest import Algorithm
from protocol.lists.event import collection_name

if TYPE_CHECKING:
    from node.partners.hits.overview import Precision, ReportedHit
    from node.store.hits.records import ResolutionRecord


def list_reports(here: Session, *, opened: bool, overdue: bool, partner: str, name: str) -> None:
    """Reports of partners that all conditions choose: newest first, overdue ones the longest overdue first."""
    from node.partners.hits.overview import overdue_hits, reported_hits
    from node.store.hits.records import HitFilter

    identity = here.identity()
    now_ms = identity.now_ms
    origin = here.own_list(name) if name else ""
    wanted = HitFilter(open=opened, partner=partner, origin=origin)
    if overdue:
        wanted = overdue_hits(now_ms, partner=partner, origin=origin)
    with here.reading() as store:
        found = reported_hits(store, wanted)  # one by one: there may be very many
        if here.output.as_json:
            for hit in found:
                here.output.result(_facts(hit, now_ms))
            return
        rows = [_row(hit, now_ms) for hit in found]
    header = ("id", "partner", "received", "subset", "collection", "file", "state")
    here.output.result({}, *listing(header, rows, none="no reports"))
    here.output.following(*(["sigfed hit show ID"] if rows else []), "sigfed case ls")


def show_report(here: Session, text: str, *, hashes: bool) -> None:
    """One report; the hash only when it was asked for."""
    from node.objects.taken_reports import taken
    from node.partners.hits.cases import get_hit
    from node.partners.hits.overview import reported_hit

    now_ms = here.identity().now_ms
    with here.reading() as store:
        record = get_hit(store, text)
        kept = taken(store, record)
        hit, said = reported_hit(store, record)
    value = kept.report().digest.value.hex() if hashes else None
    algorithm = Algorithm(record.algorithm).name.lower()
    lines = [
        f"{spelled(record.report_id.hex())}: reported by {record.partner}, {moment(record.received_ms)}",
        (
            f"  {collection_name(record.collection)}, by {algorithm}"
            f" in release {record.version} of {record.subset}; {hit.state(now_ms)}"
        ),
        *(f"  listed: {source.origin}, entry {source.position}" for source in hit.sources),
        *_end(hit),
        *_outcome(hit, said, now_ms),
        *([f"  held since {moment(record.held_ms)}: it is not purged"] if record.held_ms else []),
        *([f"  {algorithm} {value}"] if value else []),
    ]
    fields: dict[str, Fact] = {
        **_facts(hit, now_ms),
        "resolutions": [
            {"action": _action(one), "done_ms": one.done_ms, "received_ms": one.received_ms} for one in said
        ],
        "hash": value,
    }
    here.output.result(fields, *lines)
    short = record.report_id.hex()[:SHORT]
    here.output.following(
        f"sigfed case show {short}" if hit.disputed else f"sigfed hit close {short}, when done"
    )


def purge_reports(here: Session, *, dry_run: bool) -> None:
    """Delete reports that are finished and older than is configured, or say how many that would be."""
    from node.app.partners import retention

    identity = here.identity()
    days = identity.settings.retention.report_days
    with here.writing() as store:
        find = retention.would_purge if dry_run else retention.purge_reports
        found = find(identity, store)
    verb = "would be purged" if dry_run else "purged"
    here.output.result(
        {
            "reports": found.reports,
            "resolutions": found.resolutions,
            "cases": found.cases,
            "days": days,
            "dry_run": dry_run,
        },
        f"{counted(found.reports, 'report')} {verb}, with {counted(found.resolutions, 'resolution')}"
        f" and {counted(found.cases, 'case')}: finished more than {counted(days, 'day')} ago"
        if days
        else "reports are kept for ever: [retention] report_days is 0",
    )
    here.output.following("sigfed hit purge" if dry_run and found.reports else "sigfed hit ls --open")


def show_precision(here: Session, name: str) -> None:
    """How the hits of each list turned out."""
    from node.partners.hits.overview import precision

    origin = here.own_list(name) if name else ""
    with here.reading() as store:
        found = [one for one in precision(store) if origin in {"", one.origin}]
    header = ("list", "collection", "reports", "judged", "by partners", "wrong", "right")
    here.output.each(
        map(_precision_facts, found), listing(header, map(_precision_row, found), none="no reports")
    )
    here.output.following("sigfed hit ls --list LIST")


def _row(hit: "ReportedHit", now_ms: int) -> tuple[str, ...]:
    record = hit.record
    return (
        record.report_id.hex()[:SHORT],
        record.partner,
        moment(record.received_ms),
        record.subset,
        collection_name(record.collection),
        _action(hit.resolution) if hit.resolution else "-",
        hit.state(now_ms),
    )


def _end(hit: "ReportedHit") -> list[str]:
    """That no release lists it any more, and what follows from that."""
    record = hit.record
    if record.ended_ms is None:
        return []
    return [
        f"  withdrawn {moment(record.ended_ms)}: release {record.ended_version} does not list it",
        *([f"  {UNDO_REPORT}"] if hit.open else []),
    ]


def _outcome(hit: "ReportedHit", said: "Sequence[ResolutionRecord]", now_ms: int) -> list[str]:
    """What the partner said became of the file, and what it corrected."""
    lines = [f"  {_action(one)}, {moment(one.done_ms)}, corrected since" for one in said[:-1]]
    if said:
        last = said[-1]
        return [*lines, f"  {_action(last)}, {moment(last.done_ms)}; told {moment(last.received_ms)}"]
    if hit.overdue(now_ms):
        return ["  the partner has not said what became of the file, and a day has passed"]
    return [f"  the partner says by {moment(hit.due_ms)} what became of the file"] if hit.open else []


def _facts(hit: "ReportedHit", now_ms: int) -> dict[str, Fact]:
    record = hit.record
    return {
        "hit": record.report_id.hex(),
        "partner": record.partner,
        "received_ms": record.received_ms,
        "subset": record.subset,
        "version": record.version,
        "collection": collection_name(record.collection),
        "algorithm": Algorithm(record.algorithm).name.lower(),
        "state": hit.state(now_ms),
        "action": _action(hit.resolution) if hit.resolution else None,
        "resolved_ms": hit.resolution.done_ms if hit.resolution else 0,
        "told_ms": hit.resolution.received_ms if hit.resolution else 0,
        "due_ms": hit.due_ms,
        "overdue": hit.overdue(now_ms),
        "closed_ms": record.closed_ms or 0,
        "held": record.held_ms is not None,
        "ended_ms": record.ended_ms or 0,
        "ended_version": record.ended_version or 0,
        "sources": [{"list": source.origin, "index": source.position} for source in hit.sources],
    }


def _action(resolution: "ResolutionRecord") -> str:
    from protocol.statement.resolution import Action

    return Action(resolution.action).name.lower().replace("_", "-")


def _precision_facts(one: "Precision") -> dict[str, Fact]:
    return {
        "list": one.origin,
        "collection": collection_name(one.collection),
        "reports": one.reports,
        "judged": one.judged,
        "partners": one.partners,
        "false_positives": one.false_positives,
        "upheld": one.upheld,
        "wrong": one.wrong,
        "precision": None if one.share is None else round(one.share, 4),
    }


def _precision_row(one: "Precision") -> tuple[str, ...]:
    return (
        one.origin,
        collection_name(one.collection),
        f"{one.reports:,}",
        f"{one.judged:,}",
        f"{one.partners:,}",
        f"{one.wrong:,}",
        "too few to say" if one.share is None else f"{one.share:.1%}",
    )
