"""`sigfed status`: what is held and how fresh, for an agency's node and for a partner."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from node.cli.output import Fact, counted, table
from node.cli.session import Session
from node.cli.times import moment

if TYPE_CHECKING:  # commands that do not show lists start without them
    from node.runtime.partner_standing import PartnerStanding
    from node.services.lists.making import ListReport
    from node.services.review.reminding import Due

SOON = timedelta(days=30)
"""How far ahead reminders of reviews look."""


def show_status(here: Session) -> None:
    """The state of a node."""
    from node.cli.expiry_status import expiry_status
    from node.cli.hit_status import agency_status
    from node.cli.recall_status import recall_status
    from node.cli.witnesses import witness_status
    from node.runtime.shelving import open_shelf
    from node.services.evidence.accusing import FORKED
    from node.services.lists.making import report_lists
    from node.services.review import quarantine
    from node.services.review.reminding import due
    from node.services.subsets.making import report_subsets

    identity = here.identity()
    document, register = identity.trust.document(), identity.trust.members()
    with open_shelf(identity) as shelf:
        lists, subsets = report_lists(shelf), list(report_subsets(shelf))
        recalled, recall_lines = recall_status(shelf)
        witnessed, witness_lines = witness_status(identity, shelf)
        reported, report_lines = agency_status(identity, shelf)
        ends, end_lines, dated = expiry_status(identity, shelf)
        to_review = due(shelf, until=(identity.clock.now() + SOON).date())
        with shelf.storage.read() as unit:
            peers, partners = list(unit.peers.ls()), list(unit.partners.ls())
        aside = quarantine.ls(shelf, register)
    waiting = sum(report.waiting for report in lists if report.log.kind == "own_list")
    here.output.result(
        {
            "node": document.node,
            "country": identity.settings.country,
            "members": len(register.members),
            "k": register.k,
            "lists": [_list_fields(report) for report in lists],
            "peers": [
                {"peer": peer.name, "synced_ms": peer.synced_ms, "outcome": peer.outcome} for peer in peers
            ],
            "subsets": [
                {"subset": report.subset.name, "version": report.newest.version if report.newest else 0}
                for report in subsets
            ],
            "partners": len(partners),
            "to_review": len(to_review),
            "recall": recalled,
            **reported,
            **witnessed,
            "set_aside": len(aside),
            "document_valid_until": document.valid.end.isoformat(),
            **ends,
        },
        f"{document.node} ({identity.settings.country}), {counted(len(register.members), 'member')},"
        f" {register.k} countries must agree",
        *table(("list", "events", "active", "waiting", "checked"), [_list_cells(report) for report in lists]),
        *(f"peer {peer.name}: {peer.outcome or 'never synced'} ({moment(peer.synced_ms)})" for peer in peers),
        *(
            f"subset {report.subset.name}: release {report.newest.version if report.newest else 'none yet'}"
            for report in subsets
        ),
        *recall_lines,
        *report_lines,
        *witness_lines,
        *(_review_line(to_review, identity.clock.now().date()) if to_review else ()),
        *(f"stands still: {one.origin}, {one.reason}" for one in aside if one.kind == FORKED),
        *(
            f"reported too often: entry {one.first:,} of {one.origin}, {one.reason}"
            for one in aside
            if one.kind == quarantine.FLOOD
        ),
        *([f"{counted(len(aside), 'thing')} set aside: sigfed quarantine ls"] if aside else []),
        *end_lines,
        f"{counted(len(partners), 'partner')}; node document valid until {document.valid.end:%Y-%m-%d}",
    )
    here.output.following(
        _next_step(lists=len(lists), waiting=waiting, peers=len(peers), subsets=len(subsets)), dated
    )


def _review_line(found: "Sequence[Due]", today: date) -> tuple[str]:
    past = sum(each.review_by <= today for each in found)
    entries = f"{len(found):,} entries" if len(found) > 1 else "1 entry"
    return (
        f"review: {entries} to look at again within {SOON.days} days, {past:,} overdue: sigfed review due",
    )


def _list_fields(report: "ListReport") -> dict[str, Fact]:
    return {
        "origin": report.log.origin,
        "size": report.log.head.size,
        "active": sum(report.active.values()),
        "waiting": report.waiting,
        "checked_ms": report.log.checked_ms,
    }


def _list_cells(report: "ListReport") -> tuple[str, ...]:
    return (
        report.log.origin,
        f"{report.log.head.size:,}",
        f"{sum(report.active.values()):,}",
        f"{report.waiting:,}",
        moment(report.log.checked_ms),
    )


def _next_step(*, lists: int, waiting: int, peers: int, subsets: int) -> str:
    if not lists:
        return "sigfed list create NAME"
    if waiting:
        return "sigfed publish"
    if not peers:
        return "sigfed member add URL, then sigfed peer add NODE --grant baseline"
    if not subsets:
        return "sigfed subset create NAME"
    return "sigfed run, if it is not running; sigfed doctor, if something seems wrong"


def partner_status(here: Session) -> None:
    """The state of a partner's client."""
    from node.cli.hit_status import partner_hits_status
    from node.runtime.partner_standing import standing

    now = standing(here.home)
    found, hit_lines, steps = partner_hits_status(here.home)
    enrolment, end_ms = now.enrolment, now.not_after_ms
    here.output.result(
        {
            "partner": enrolment.partner,
            "subset": enrolment.subset,
            "version": now.version,
            "entries": now.entries,
            "not_after_ms": end_ms,
            "grace_days": enrolment.grace_days,
            "confirmed_ms": enrolment.confirmed_ms,
            "evaluations_left": now.evaluations_left,
            "evaluations_per_day": enrolment.evaluations_per_day,
            "witnesses": list(now.backing.witnesses) if now.backing else [],
            "witnesses_needed": now.backing.needed if now.backing else 0,
            "cosigned_ms": now.cosigned_ms,
            "ahead": now.ahead,
            "gone": now.gone,
            "evidence": [str(folder) for folder in now.evidence],
            "unconfirmed_files": now.unconfirmed,
            **found,
        },
        f"{enrolment.partner}, subset {enrolment.subset}, release {now.version or 'none yet'}",
        f"valid until {moment(end_ms)}, then {enrolment.grace_days} days of grace"
        if now.version
        else "no release is held",
        *now.words,
        f"the node confirmed what is held on {moment(enrolment.confirmed_ms)}",
        *_left(now),
        *hit_lines,
    )
    here.output.following(*(steps or ["sigfed check FILE" if now.version else "sigfed update"]))


def _left(now: "PartnerStanding") -> Iterator[str]:
    if now.evaluations_left is not None:
        yield (
            f"about {now.evaluations_left:,} of {now.enrolment.evaluations_per_day:,} evaluations a day are left"
        )
