"""The lies that liars of a federation tell, one list each, and how each of them must end.

A list is honest first, so that everybody follows it; then its lie is told. What a lie tries to smuggle in are files
that one honest agency lists: one more country, and they would be effective. What comes of it is in `ends` (the error
that its followers meet), `evidence`, `aside` (what the guards set aside), and in what it `gives` and `blocks`
nevertheless, which no rule forbids: an agency may second another's entries and block some, up to its caps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from keys.key import LogPrivateKey
from keys.trust.vkey import DatedVkey
from node.errors import PeerUnreachableError
from node.lists.pace import FollowGuards
from node.store.peers.records import EvidenceKind
from protocol.digest import Algorithm
from protocol.errors import OpeningError, RollbackError, TooLargeError, UntrustedError, WrongOriginError
from protocol.lists.event import BASELINE, NATIONAL, Op
from protocol.lists.ext import Ext, Reason
from support.federation import Agency
from support.liars import Face, LyingList
from support.lists import digest
from support.pulling import ALL, Served, rows_of, with_row

CAP = 5
"""Blocks of one list that apply."""
MOST = FollowGuards(max_adds_per_day=20, max_withdraws_per_day=8, max_disputes_per_day=8)
SHARED = [f"shared {number}" for number in range(40)]
"""Listed by three honest agencies each."""
SECRET = "known to one"
"""Listed by one honest agency, in a collection that no liar was granted."""
_FLOOD = 60
_ALL, _HALF = slice(None), slice(None, None, 2)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a liar talks to, and whom it copies from."""

    honest: Sequence[Agency]

    @property
    def names(self) -> list[str]:
        return [agency.name for agency in self.honest]

    @property
    def victim(self) -> Agency:
        """Whose list and commitments are copied; it lists `SECRET`."""
        return self.honest[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """One lie."""

    tell: Callable[[LyingList, Audience], None]
    ends: tuple[type[Exception], ...] = ()
    """One of these errors meets the honest followers it is told to."""
    evidence: EvidenceKind | None = None
    """What is kept of it: where it convicts, by everybody, and else by those it is told to."""
    told: slice = field(default_factory=lambda: _ALL)
    """To which of the honest."""
    aside: str = ""
    """What every honest follower sets aside."""
    gives: tuple[str, ...] = ()
    """What it lists within its cap: it counts like any agency's."""
    blocks: tuple[str, ...] = ()


BASE = tuple(SHARED[30:])
"""What every list has beside files of its own while it is honest."""


def lone(name: str) -> str:
    """The file that one honest agency lists and that the lie tries to make effective."""
    return f"lone {name}"


LONE_FLOODED = tuple(f"lone flooded {number}" for number in range(10))
"""Five come at the beginning of a flood, five at its end."""


def _fork(there: LyingList, audience: Audience) -> None:
    """Five see one history, the others another of the same size, which a quorum cosigns."""
    _branches(there, audience, "fork", sizes=(4, 4))


def _parting(there: LyingList, audience: Audience) -> None:
    """The same at two sizes."""
    _branches(there, audience, "parting", sizes=(3, 6))


def _branches(there: LyingList, audience: Audience, name: str, *, sizes: tuple[int, int]) -> None:
    for few, size, shown in ((True, sizes[0], audience.names[:5]), (False, sizes[1], audience.names[5:])):
        history = there.history.branch()
        history.add(lone(name), *(f"{name} {few} {number}" for number in range(size - 1)))
        history.only = frozenset(shown)
        there.show(Face(history=history), shown)


def _rollback(there: LyingList, audience: Audience) -> None:
    old = there.history.served.note(there.history.served.size - 2)
    there.show(Face(history=there.history, said=old), audience.names)


def _freeze(there: LyingList, audience: Audience) -> None:
    """Four are shown what they know, and the others that it went on."""
    there.show(Face(history=there.history), audience.names[:4])
    there.history = there.history.branch()
    there.history.add("went on")


def _withheld(there: LyingList, audience: Audience) -> None:
    def withhold(entries: bytes, openings: bytes) -> tuple[bytes, bytes]:
        return entries, with_row(openings, len(rows_of(openings)) - 1, b"")

    there.history.add("opened", lone("withheld"))
    there.show(Face(history=there.history, twist=withhold), audience.names)


def _swapped(there: LyingList, audience: Audience) -> None:
    """A head that a key signed which no document names."""
    there.history.add(lone("swapped"))
    stranger = LogPrivateKey.from_seed(b"s" * 32)
    said = Served(there.history.writer, stranger).note()
    there.show(Face(history=there.history, said=said), audience.names)


def _papers(there: LyingList, audience: Audience) -> None:
    """Two documents of one serial: under that of the others another key signs another history."""
    document, thief = there.liar.identity.trust.document(), LogPrivateKey.from_seed(b"t" * 32)
    (log,) = (one for one in document.logs if one.origin == there.origin)
    dated = DatedVkey.of(thief.public, name=there.origin, valid=log.vkeys[0].valid)
    logs = tuple(replace(one, vkeys=(dated,)) if one is log else one for one in document.logs)
    few, others = audience.names[:5], audience.names[5:]
    there.liar.show_document(lambda old: old, few)
    there.liar.show_document(lambda old: replace(old, logs=logs), others)
    branch = there.history.branch(thief)
    branch.add(lone("papers"))
    branch.only = frozenset(others)
    there.show(Face(history=branch), others)
    there.history.add("went on")
    there.history.only = frozenset(few)


def _adds(there: LyingList, _audience: Audience) -> None:
    middle = [f"flood {number}" for number in range(_FLOOD - len(LONE_FLOODED))]
    there.history.add(*LONE_FLOODED[:5], *middle, *LONE_FLOODED[5:])


def _disputes(there: LyingList, _audience: Audience) -> None:
    for name in SHARED[:30]:
        there.history.writer.dispute(digest(name, Algorithm.SHA256))


def _withdrawals(there: LyingList, _audience: Audience) -> None:
    writer = there.history.writer
    first = len(writer.events) - 10
    for index in range(first, first + 10):
        writer.write(Op.WITHDRAW, None, Ext(reason=Reason.ERROR), ref=index)


def _replay(there: LyingList, audience: Audience) -> None:
    """To some the note of another's list as it is, to others its events and openings in the liar's own list."""
    victim = audience.victim
    note = victim.log().note
    assert note is not None, "published before"
    there.show(Face(history=there.history, said=note), audience.names[_HALF])
    _copy(there, victim, openings=True)


def _copied(there: LyingList, audience: Audience) -> None:
    """A commitment that the liar cannot open: to some as if it granted it, to others as if it did not."""
    _copy(there, audience.victim, openings=False)
    there.show(Face(history=there.history, granted=ALL), audience.names[_HALF])


def _copy(there: LyingList, victim: Agency, *, openings: bool) -> None:
    writer = there.history.writer
    for _, event, opening in victim.items(victim.origin):
        collection = int.from_bytes(event[2:4])
        if openings or collection == NATIONAL:
            writer.events.append(event)
            writer.openings.append(opening if openings and collection == BASELINE else b"")


def _overlong(there: LyingList, audience: Audience) -> None:
    there.history.add(lone("overlong"))
    longer = Face(history=there.history, twist=lambda entries, openings: (entries * 1000, openings))
    there.show(longer, audience.names)
    longer = Face(history=there.history, twist=lambda entries, openings: (entries, openings * 10_000))
    there.show(longer, audience.names[_HALF])


def _trickle(there: LyingList, audience: Audience) -> None:
    """What a slow drip is to a follower once its line has given up: `test_remote_hostile` has the line itself."""
    there.history.add(lone("trickle"))
    slow = PeerUnreachableError("it sends too slowly")
    there.show(Face(history=there.history, error=slow), audience.names)


LIES: dict[str, Lie] = {
    "fork": Lie(tell=_fork, evidence=EvidenceKind.FORK),
    "parting": Lie(tell=_parting, evidence=EvidenceKind.DIVERGENCE),
    "rollback": Lie(tell=_rollback, ends=(RollbackError,), evidence=EvidenceKind.ROLLBACK),
    "freeze": Lie(tell=_freeze, evidence=EvidenceKind.FREEZE, told=slice(4)),
    "withheld": Lie(tell=_withheld, ends=(OpeningError,)),
    "swapped": Lie(tell=_swapped, ends=(UntrustedError,)),
    "adds": Lie(tell=_adds, aside="add", gives=LONE_FLOODED[:5]),
    "disputes": Lie(tell=_disputes, aside="dispute", blocks=tuple(SHARED[:CAP])),
    "withdrawals": Lie(tell=_withdrawals, aside="withdraw", blocks=BASE[:CAP]),
    "replay": Lie(tell=_replay, ends=(WrongOriginError, OpeningError)),
    "copied": Lie(tell=_copied, ends=(OpeningError,), told=_HALF),
    "overlong": Lie(tell=_overlong, ends=(TooLargeError,)),
    "trickle": Lie(tell=_trickle, ends=(PeerUnreachableError,)),
    "papers": Lie(tell=_papers, evidence=EvidenceKind.TRUST),
}
TRICKLE, PAPERS = "trickle", "papers"
"""What ends a sync is told by the last list of its node, and what convicts a whole node by its only one."""
