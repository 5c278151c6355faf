"""`sigfed status` of an agency's node: what is held and how fresh."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from node.cli.output import moment, table
from node.cli.session import Session
from node.fields import Fact
from node.pages.text import counted

if TYPE_CHECKING:  # commands that do not show lists start without them
    from keys.trust.members import Members
    from keys.trust.node_document import NodeDocument
    from node.app.health.storage import Refusals
    from node.judgement.quarantine import QuarantineItem
    from node.lists.catalogue import ListReport
    from node.store.peers.records import PeerRecord
    from node.subsets.catalogue import SubsetReport

_Part = tuple[Mapping[str, Fact], Sequence[str]]
"""Fields and lines."""

SOON = timedelta(days=30)
"""How far ahead reminders of reviews look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    """What is told of a node; of a part with a module of its own, its fields and its lines."""

    document: "NodeDocument"
    register: "Members"
    country: str
    today: date
    lists: "Sequence[ListReport]"
    subsets: "Sequence[SubsetReport]"
    peers: "Sequence[PeerRecord]"
    overlaid: Mapping[str, int]
    """Lists of peers of which only withdrawals and disputes of a newer head apply, and how many events it has more."""
    partners: int
    to_review: Mapping[date, int]
    aside: "Sequence[QuarantineItem]"
    recall: _Part
    hits: _Part
    witnesses: _Part
    ends: _Part
    refused: "Refusals"
    dated: str
    """The next step that has a date."""

    @property
    def waiting(self) -> int:
        """Events of own lists that are not published."""
        return sum(report.waiting for report in self.lists if report.log.kind == "own_list")


def show_status(here: Session) -> None:
    """The state of a node."""
    identity = here.identity()
    now = _read_status(here)
    here.output.result(_fields(now, here.group(identity.settings.group)), *_lines(now))
    here.output.following(_next_step(now), now.dated)


def _read_status(here: Session) -> _Status:
    from node.app.health.storage import refusals
    from node.cli.entries.recall_status import recall_status
    from node.cli.federation.witnesses import witness_status
    from node.cli.keys.expiry import expiry_status
    from node.cli.partners.hit_status import agency_status
    from node.judgement import quarantine
    from node.judgement.reminders import count_due
    from node.lists.catalogue import report_lists
    from node.subsets.catalogue import report_subsets

    identity = here.identity()
    document, register = identity.trust.document(), identity.trust.members()
    today = identity.clock.now().date()
    with here.reading() as store:
        with store.read() as unit:
            peers, partners = list(unit.peers.ls()), len(unit.partners.ls())
            overlaid = unit.overlays.ahead()
        ends, end_lines, dated = expiry_status(identity, store)
        return _Status(
            document=document,
            register=register,
            country=identity.settings.country,
            today=today,
            lists=report_lists(store),
            subsets=report_subsets(store),
            peers=peers,
            overlaid=overlaid,
            partners=partners,
            to_review=count_due(store, until=today + SOON),
            aside=quarantine.ls(store, register),
            recall=recall_status(store),
            hits=agency_status(identity, store),
            witnesses=witness_status(identity, store),
            ends=(ends, end_lines),
            refused=refusals(identity, store),
            dated=dated,
        )


def _fields(now: _Status, group: str) -> dict[str, Fact]:
    (recalled, _), (reported, _), (witnessed, _), (ends, _) = now.recall, now.hits, now.witnesses, now.ends
    return {
        "node": now.document.node,
        "country": now.country,
        "members": len(now.register.members),
        "k": now.register.k,
        "lists": [_list_fields(report) for report in now.lists],
        "peers": [
            {"peer": peer.name, "synced_ms": peer.synced_ms, "outcome": peer.outcome} for peer in now.peers
        ],
        "overlaid": dict(now.overlaid),
        "subsets": [
            {"subset": report.subset.name, "version": report.newest.version if report.newest else 0}
            for report in now.subsets
        ],
        "partners": now.partners,
        "group": group,
        "to_review": sum(now.to_review.values()),
        "recall": recalled,
        **reported,
        **witnessed,
        "set_aside": len(now.aside),
        "refused": {place: str(error) for place, error in now.refused.items()},
        "document_valid_until": now.document.valid.end.isoformat(),
        **ends,
    }


def _lines(now: _Status) -> Iterator[str]:
    (_, recalled), (_, reported), (_, witnessed), (_, ends) = now.recall, now.hits, now.witnesses, now.ends
    yield (
        f"{now.document.node} ({now.country}), {counted(len(now.register.members), 'member')},"
        f" {now.register.k} countries must agree"
    )
    for error in now.refused.values():
        yield f"nothing is written: {error}; {error.hint}"
    yield from table(
        ("list", "events", "active", "waiting", "checked"), [_list_cells(each) for each in now.lists]
    )
    for peer in now.peers:
        yield f"peer {peer.name}: {peer.outcome or 'never synced'} ({moment(peer.synced_ms)})"
    for origin, count in now.overlaid.items():
        yield f"{origin}: of {count:,} newer events only withdrawals and disputes apply"
    for report in now.subsets:
        yield f"subset {report.subset.name}: release {report.newest.version if report.newest else 'none yet'}"
    yield from (*recalled, *reported, *witnessed)
    if now.to_review:
        yield _review_line(now.to_review, now.today)
    yield from _aside_lines(now.aside)
    yield from ends
    yield f"{counted(now.partners, 'partner')}; node document valid until {now.document.valid.end:%Y-%m-%d}"


def _aside_lines(aside: "Sequence[QuarantineItem]") -> Iterator[str]:
    from node.store.lists.records import FLOOD, FORKED

    for one in aside:
        if one.kind == FORKED:
            yield f"stands still: {one.origin}, {one.reason}"
    for one in aside:
        if one.kind == FLOOD:
            yield f"reported too often: entry {one.first:,} of {one.origin}, {one.reason}"
    if aside:
        yield f"{counted(len(aside), 'thing')} set aside: sigfed quarantine ls"


def _review_line(found: Mapping[date, int], today: date) -> str:
    count, past = sum(found.values()), sum(each for day, each in found.items() if day <= today)
    entries = f"{count:,} entries" if count > 1 else "1 entry"
    return f"review: {entries} to look at again within {SOON.days} days, {past:,} overdue: sigfed review due"


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


def _next_step(now: _Status) -> str:
    if not now.lists:
        return "sigfed list create NAME"
    if now.waiting:
        return "sigfed publish"
    if not now.peers:
        return "sigfed member add URL, then sigfed peer add NODE --grant baseline"
    if not now.subsets:
        return "sigfed subset create NAME"
    return "sigfed run, if it is not running; sigfed doctor, if something seems wrong"
