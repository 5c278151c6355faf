"""What needs a human now: for each kind of work how much of it waits, in a sentence, and the page where it is done.

Counted from what other pages list, cheaply enough to be looked at all day: nothing is folded, and no row is read that
only its page shows. Blocks of removed members are not counted: that they stay is what happens by itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from node.console.languages import translated_plural
from node.console.world import World
from node.errors import StoreError
from node.ports.approvals import Approval, Outcome
from node.ports.persons import PersonRole
from node.runtime import waiting_proposals
from node.runtime.approvals import open_approvals
from node.runtime.hits import casework
from node.runtime.put_back import silent
from node.runtime.terms import findings
from node.services.access.approving import KINDS
from node.services.evidence.accusing import FORKED
from node.services.partners.overview import DAY_MS
from node.services.review.quarantine import FLOOD
from node.services.review.recall import report_withdrawals
from node.services.review.reminding import due
from node.services.trust.expiry import Standing, Thing, late
from node.services.trust.revoking import not_resumed

REVIEW_AHEAD: Final = timedelta(days=30)
_GUESTS: Final = frozenset({Thing.INVITATION, Thing.PARTNER_KEY})
"""A partner renews its key by itself, and an invitation that ends harms nobody."""

_HANDLING: Final = frozenset({PersonRole.ANALYST, PersonRole.OPERATOR})
_JUDGING: Final = frozenset({PersonRole.ANALYST})
_RUNNING: Final = frozenset({PersonRole.OPERATOR})
_DOERS: Final[Mapping[str, frozenset[PersonRole]]] = {
    "quarantine": _HANDLING | {PersonRole.SECURITY},
    "witnesses": _RUNNING | {PersonRole.SECURITY},
    "keys": frozenset({PersonRole.SECURITY}),
    "hits": _HANDLING,
    "disputes": _JUDGING,
    "tasks": _HANDLING | {PersonRole.SECURITY},
    "proposals": _JUDGING,
    "partners": _RUNNING,
    "review": _JUDGING,
    "members": _RUNNING,
    "recalls": _HANDLING,
    "health": _RUNNING,
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


def needs(world: World) -> list[Need]:
    """Everything that waits, the urgent first."""
    found = [need for count in _COUNTS for need in count(world) if need.count]
    return sorted(found, key=lambda need: not need.urgent)


def _set_aside(world: World) -> Iterator[Need]:
    with world.shelf.storage.read() as unit:
        kinds = Counter(record.kind for record in unit.quarantine.ls())
        claims = [one for one in unit.evidence.ls() if one.released_ms is None and not one.kind.convicts]
    forked, floods = kinds.pop(FORKED, 0), kinds.pop(FLOOD, 0)
    yield Need(
        page="quarantine",
        count=forked,
        words=translated_plural(
            "log stands still: its agency signed two histories",
            "logs stand still: their agencies signed two histories",
            forked,
        ),
        urgent=True,
    )
    yield Need(
        page="quarantine",
        count=floods,
        words=translated_plural(
            "entry is reported suspiciously often", "entries are reported suspiciously often", floods
        ),
        urgent=True,
    )
    yield Need(
        page="quarantine",
        count=len(claims),
        words=translated_plural(
            "claim about a log that nobody has looked at",
            "claims about logs that nobody has looked at",
            len(claims),
        ),
        urgent=True,
    )
    rest = kinds.total()
    yield Need(
        page="quarantine",
        count=rest,
        words=translated_plural(
            "thing was set aside by a guard and counts for nothing until it is released",
            "things were set aside by guards and count for nothing until they are released",
            rest,
        ),
    )


def _alarms(world: World) -> Iterator[Need]:
    with world.shelf.storage.read() as unit:
        alarms = sum(record.alarm for record in unit.cosigners.ls())
    yield Need(
        page="witnesses",
        count=alarms,
        words=translated_plural(
            "witness claims another history of a log of this node",
            "witnesses claim another history of a log of this node",
            alarms,
        ),
        urgent=True,
    )


def _unconfirmed(world: World) -> Iterator[Need]:
    quiet = silent(world.identity)
    yield Need(
        page="health",
        count=len(quiet),
        words=translated_plural(
            "member does not say whether this node was put back: additions wait",
            "members do not say whether this node was put back: additions wait",
            len(quiet),
        ),
        urgent=True,
    )


def _ends(world: World) -> Iterator[Need]:
    """Beside peers, which the map shows."""
    found = [
        one
        for one in late(findings(world.identity, world.shelf))
        if one.term.thing not in _GUESTS | {Thing.PEER_LISTS}
    ]
    ended = [one for one in found if one.standing is Standing.ENDED and one.consequence.grave]
    yield Need(
        page="keys",
        count=len(ended),
        words=translated_plural(
            "key or document has ended, and something stopped",
            "keys or documents have ended, and something stopped",
            len(ended),
        ),
        urgent=True,
    )
    soon = len(found) - len(ended)
    yield Need(
        page="keys",
        count=soon,
        words=translated_plural(
            "key, document or cosignature is past half of its life",
            "keys, documents or cosignatures are past half of their life",
            soon,
        ),
    )


def _holders(world: World) -> Iterator[Need]:
    """What holders of offline keys sign elsewhere, of which somebody here has to think."""
    stolen = len(not_resumed(world.identity.trust.revocations()))
    yield Need(
        page="keys",
        count=stolen,
        words=translated_plural(
            "log whose key was stolen: nothing added to it counts before it is said where it goes on",
            "logs whose keys were stolen: nothing added to them counts before it is said where they go on",
            stolen,
        ),
        urgent=True,
    )
    waiting = len(waiting_proposals.names(world.identity.home))
    yield Need(
        page="keys",
        count=waiting,
        words=translated_plural(
            "proposal waits for its holders, or to be put in force",
            "proposals wait for their holders, or to be put in force",
            waiting,
        ),
    )


def _hits(world: World) -> Iterator[Need]:
    with world.shelf.storage.read() as unit:
        counts = unit.hits.counts(unsaid_since_ms=world.now_ms - DAY_MS)
    overdue = counts.overdue
    yield Need(
        page="hits",
        count=counts.withdrawn,
        words=translated_plural(
            "hit was withdrawn: undo what was begun because of it",
            "hits were withdrawn: undo what was begun because of them",
            counts.withdrawn,
        ),
        urgent=True,
    )
    yield Need(
        page="hits",
        count=overdue,
        words=translated_plural(
            "hit is older than a day, and its partner has not said what became of the file",
            "hits are older than a day, and their partners have not said what became of the files",
            overdue,
        ),
        urgent=True,
    )


def _disputes(world: World) -> Iterator[Need]:
    work = casework(world.identity, world.shelf)
    waiting = [case for case in work.ls() if case.answered_ms is None]
    late_ones = sum(case.due_ms <= world.now_ms for case in waiting)
    yield Need(
        page="disputes",
        count=late_ones,
        words=translated_plural(
            "dispute should have been answered by now",
            "disputes should have been answered by now",
            late_ones,
        ),
        urgent=True,
    )
    rest = len(waiting) - late_ones
    if rest:
        first = min(case.due_ms for case in waiting if case.due_ms > world.now_ms)
        words = translated_plural(
            "dispute to answer, by {day}", "disputes to answer, the first by {day}", rest
        )
        yield Need(page="disputes", count=rest, words=words.format(day=_day(first)))


def _day(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d}"


def _tasks(world: World) -> Iterator[Need]:
    approvals = open_approvals(world.identity, world.shelf)
    undone = approvals.ls(Outcome.APPROVED, Outcome.OPEN)
    cut_off = [one for one in undone if one.cut_off]
    yield Need(
        page="tasks",
        doers=_deciders(cut_off),
        count=len(cut_off),
        words=translated_plural(
            "approved request was not carried out: approve it again",
            "approved requests were not carried out: approve them again",
            len(cut_off),
        ),
        urgent=True,
    )
    waiting = [one for one in undone if one.outcome is Outcome.OPEN and not approvals.is_expired(one)]
    yield Need(
        page="tasks",
        doers=_deciders(waiting),
        count=len(waiting),
        words=translated_plural(
            "request waits for a second person", "requests wait for a second person", len(waiting)
        ),
    )


def _deciders(requests: Sequence[Approval]) -> frozenset[PersonRole]:
    """Whoever may decide one of them."""
    return frozenset[PersonRole]().union(*(KINDS[one.kind].may_approve for one in requests))


def _proposals(world: World) -> Iterator[Need]:
    with world.shelf.storage.read() as unit:
        waiting, stopped = unit.proposals.open_count(), len(unit.disclosure.stopped())
    yield Need(
        page="proposals",
        count=waiting,
        words=translated_plural(
            "proposal of a partner to look at", "proposals of partners to look at", waiting
        ),
    )
    yield Need(
        page="partners",
        count=stopped,
        words=translated_plural(
            "partner's disclosed look-ups stopped: too many were about one entry",
            "partners' disclosed look-ups stopped: too many were about one entry",
            stopped,
        ),
    )


def _reviews(world: World) -> Iterator[Need]:
    today = world.identity.clock.now().date()
    try:
        found = due(world.shelf, until=today + REVIEW_AHEAD)
    except StoreError:
        return  # the health page tells of a damaged list
    past = sum(each.review_by <= today for each in found)
    yield Need(
        page="review",
        count=past,
        words=translated_plural(
            "own entry is past its review date", "own entries are past their review dates", past
        ),
    )
    ahead = len(found) - past
    yield Need(
        page="review",
        count=ahead,
        words=translated_plural(
            "own entry to review within 30 days", "own entries to review within 30 days", ahead
        ),
    )


def _files(world: World) -> Iterator[Need]:
    """As the last judgement has it: this page asks for no new one."""
    judged = world.judge.known()
    waiting = 0 if judged is None else len(judged.waiting)
    yield Need(
        page="review",
        count=waiting,
        words=translated_plural(
            "file of another agency waits for this agency's word",
            "files of other agencies wait for this agency's word",
            waiting,
        ),
    )


def _withdrawals(world: World) -> Iterator[Need]:
    waiting = sum(report.open for report in report_withdrawals(world.shelf))
    yield Need(
        page="recalls",
        count=waiting,
        words=translated_plural(
            "withdrawal is not applied everywhere yet", "withdrawals are not applied everywhere yet", waiting
        ),
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
