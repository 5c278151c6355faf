"""What needs a human now: for each kind of work how much of it waits, in a sentence, and the page where it is done.

Counted from what other pages list, cheaply enough to be looked at all day: nothing is judged, and no row is read that
only its page shows. Blocks of removed members are not counted: that they stay is what happens by itself.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from node.access.approvals import KINDS
from node.acts.act import ANALYSTS, JUDGES, OPERATORS, SECURITY
from node.acts.hits import HANDLING
from node.app.approvals import open_approvals
from node.app.expiry import findings
from node.app.partners.hits import casework
from node.clock import moment_of
from node.console.languages import translated_plural
from node.console.world import World
from node.errors import StoreError
from node.identity.outside_note import silent
from node.judgement.recall import report_withdrawals
from node.judgement.reminders import count_due
from node.rotation import proposals
from node.store.accounts.records import Approval, Outcome, PersonRole
from node.store.lists.records import FLOOD, FORKED
from node.trust.expiry import TermState, Thing, late
from node.trust.revoke import not_resumed

REVIEW_AHEAD: Final = timedelta(days=30)
_GUESTS: Final = frozenset({Thing.INVITATION, Thing.PARTNER_KEY})
"""A partner renews its key by itself, and an invitation that ends harms nobody."""

_DOERS: Final[Mapping[str, frozenset[PersonRole]]] = {
    "quarantine": JUDGES,
    "witnesses": OPERATORS | SECURITY,
    "keys": SECURITY,
    "hits": HANDLING,
    "disputes": ANALYSTS,
    "tasks": JUDGES,
    "proposals": ANALYSTS,
    "partners": OPERATORS,
    "review": ANALYSTS,
    "members": OPERATORS,
    "recalls": HANDLING,
    "health": OPERATORS,
}
"""Whose work each page is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One kind of work that waits."""

    page: str
    """Name of the page where it is done."""
    count: int
    words: str
    """What waits, without the number."""
    urgent: bool = False
    doers: frozenset[PersonRole] = frozenset()
    """Who can do it, where that differs on one page."""

    @property
    def who(self) -> Sequence[PersonRole]:
        """Who can do it, in the order of roles."""
        doers = self.doers or _DOERS[self.page]
        return [role for role in PersonRole if role in doers]


def waits(
    page: str,
    count: int,
    one: str,
    many: str,
    *,
    urgent: bool = False,
    doers: frozenset[PersonRole] = frozenset(),
) -> Need:
    """What waits, in the words for one of it or for many."""
    words = translated_plural(one, many, count)
    return Need(page=page, count=count, words=words, urgent=urgent, doers=doers)


def in_order(found: Iterable[Need]) -> list[Need]:
    """What waits of everything that was counted, the urgent first."""
    return sorted((need for need in found if need.count), key=lambda need: not need.urgent)


def needs(world: World) -> list[Need]:
    """Everything that waits, the urgent first."""
    return in_order(need for count in _COUNTS for need in count(world))


def _set_aside(world: World) -> Iterator[Need]:
    with world.store.read() as unit:
        kinds = Counter(record.kind for record in unit.quarantine.ls())
        claims = [one for one in unit.evidence.ls() if one.released_ms is None and not one.kind.convicts]
    forked, floods = kinds.pop(FORKED, 0), kinds.pop(FLOOD, 0)
    yield waits(
        "quarantine",
        forked,
        "log stands still: its agency signed two histories",
        "logs stand still: their agencies signed two histories",
        urgent=True,
    )
    yield waits(
        "quarantine",
        floods,
        "entry is reported suspiciously often",
        "entries are reported suspiciously often",
        urgent=True,
    )
    yield waits(
        "quarantine",
        len(claims),
        "claim about a log that nobody has looked at",
        "claims about logs that nobody has looked at",
        urgent=True,
    )
    rest = kinds.total()
    yield waits(
        "quarantine",
        rest,
        "thing was set aside by a guard and counts for nothing until it is released",
        "things were set aside by guards and count for nothing until they are released",
    )


def _alarms(world: World) -> Iterator[Need]:
    with world.store.read() as unit:
        alarms = sum(record.alarm for record in unit.cosigners.ls())
    yield waits(
        "witnesses",
        alarms,
        "witness claims another history of a log of this node",
        "witnesses claim another history of a log of this node",
        urgent=True,
    )


def _unconfirmed(world: World) -> Iterator[Need]:
    quiet = silent(world.identity)
    yield waits(
        "health",
        len(quiet),
        "member does not say whether this node was put back: additions wait",
        "members do not say whether this node was put back: additions wait",
        urgent=True,
    )


def _ends(world: World) -> Iterator[Need]:
    """Beside peers, which the map shows."""
    found = [
        one
        for one in late(findings(world.identity, world.store))
        if one.term.thing not in _GUESTS | {Thing.PEER_LISTS}
    ]
    ended = [one for one in found if one.standing is TermState.ENDED and one.consequence.grave]
    yield waits(
        "keys",
        len(ended),
        "key or document has ended, and something stopped",
        "keys or documents have ended, and something stopped",
        urgent=True,
    )
    soon = len(found) - len(ended)
    yield waits(
        "keys",
        soon,
        "key, document or cosignature is past half of its life",
        "keys, documents or cosignatures are past half of their life",
    )


def _holders(world: World) -> Iterator[Need]:
    """What holders of offline keys sign elsewhere, of which somebody here has to think."""
    stolen = len(not_resumed(world.identity.trust.revocations()))
    yield waits(
        "keys",
        stolen,
        "log whose key was stolen: nothing added to it counts before it is said where it goes on",
        "logs whose keys were stolen: nothing added to them counts before it is said where they go on",
        urgent=True,
    )
    waiting = len(proposals.names(world.identity.home))
    yield waits(
        "keys",
        waiting,
        "proposal waits for its holders, or to be put in force",
        "proposals wait for their holders, or to be put in force",
    )


def _hits(world: World) -> Iterator[Need]:
    with world.store.read() as unit:
        counts = unit.hits.counts(now_ms=world.now_ms)
    overdue = counts.overdue
    yield waits(
        "hits",
        counts.withdrawn,
        "hit was withdrawn: undo what was begun because of it",
        "hits were withdrawn: undo what was begun because of them",
        urgent=True,
    )
    yield waits(
        "hits",
        overdue,
        "hit is older than a day, and its partner has not said what became of the file",
        "hits are older than a day, and their partners have not said what became of the files",
        urgent=True,
    )


def _disputes(world: World) -> Iterator[Need]:
    work = casework(world.identity, world.store)
    waiting = [case for case in work.ls() if case.answered_ms is None]
    late_ones = sum(case.due_ms <= world.now_ms for case in waiting)
    yield waits(
        "disputes",
        late_ones,
        "dispute should have been answered by now",
        "disputes should have been answered by now",
        urgent=True,
    )
    rest = len(waiting) - late_ones
    if rest:
        first = min(case.due_ms for case in waiting if case.due_ms > world.now_ms)
        words = translated_plural(
            "dispute to answer, by {day}", "disputes to answer, the first by {day}", rest
        )
        yield Need(page="disputes", count=rest, words=words.format(day=f"{moment_of(first):%Y-%m-%d}"))


def _tasks(world: World) -> Iterator[Need]:
    approvals = open_approvals(world.identity, world.store)
    undone = approvals.ls(Outcome.APPROVED, Outcome.OPEN)
    cut_off = [one for one in undone if one.cut_off]
    yield waits(
        "tasks",
        len(cut_off),
        "approved request was not carried out: approve it again",
        "approved requests were not carried out: approve them again",
        urgent=True,
        doers=_deciders(cut_off),
    )
    waiting = [one for one in undone if one.outcome is Outcome.OPEN and not approvals.is_expired(one)]
    yield waits(
        "tasks",
        len(waiting),
        "request waits for a second person",
        "requests wait for a second person",
        doers=_deciders(waiting),
    )


def _deciders(requests: Sequence[Approval]) -> frozenset[PersonRole]:
    """Whoever may decide one of them."""
    return frozenset[PersonRole]().union(*(KINDS[one.kind].may_approve for one in requests))


def _proposals(world: World) -> Iterator[Need]:
    with world.store.read() as unit:
        waiting, stopped = unit.proposals.open_count(), len(unit.disclosure.stopped())
    yield waits("proposals", waiting, "proposal of a partner to look at", "proposals of partners to look at")
    yield waits(
        "partners",
        stopped,
        "partner's disclosed look-ups stopped: too many were about one entry",
        "partners' disclosed look-ups stopped: too many were about one entry",
    )


def _reviews(world: World) -> Iterator[Need]:
    today = world.identity.clock.now().date()
    try:
        found = count_due(world.store, until=today + REVIEW_AHEAD)
    except StoreError:
        return  # the health page tells of a damaged list
    past = sum(count for day, count in found.items() if day <= today)
    yield waits(
        "review", past, "own entry is past its review date", "own entries are past their review dates"
    )
    ahead = sum(found.values()) - past
    yield waits("review", ahead, "own entry to review within 30 days", "own entries to review within 30 days")


def _files(world: World) -> Iterator[Need]:
    """As the last judgement has it: this page asks for no new one."""
    judged = world.judge.known()
    waiting = 0 if judged is None else len(judged.waiting)
    yield waits(
        "review",
        waiting,
        "file of another agency waits for this agency's word",
        "files of other agencies wait for this agency's word",
    )


def _withdrawals(world: World) -> Iterator[Need]:
    waiting = sum(report.open for report in report_withdrawals(world.store))
    yield waits(
        "recalls",
        waiting,
        "withdrawal is not applied everywhere yet",
        "withdrawals are not applied everywhere yet",
    )


_COUNTS: Final[tuple[Callable[[World], Iterator[Need]], ...]] = (
    _set_aside,
    _alarms,
    _unconfirmed,
    _hits,
    _disputes,
    _ends,
    _holders,
    _tasks,
    _proposals,
    _files,
    _reviews,
    _withdrawals,
)
