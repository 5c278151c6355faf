"""How every member of the federation stands here: followed or not, how fresh, and what is wrong with it.

Freshness is measured as releases measure it: a peer's additions take new effect while its lists were confirmed within
the age that the operator allows (`node.judgement.effective`). From half of that age on it is late, beyond it silent.
Nothing is decided here; what a state means for people is said where it is shown.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from keys.trust.members import Member, Members
from node.store.lists.records import FORKED, LogKind, LogRecord
from node.store.peers.records import PeerRecord
from node.store.unit import Unit
from node.trust.others.revocations import withheld


class Freshness(StrEnum):
    """The one thing to know about a member, the gravest first."""

    FORKED = "forked"
    """A proof of two histories: its list stands still until people have looked."""
    SILENT = "silent"
    """Not confirmed within the age allowed: its additions take no new effect."""
    WITHHOLDING = "withholding"
    """It does not show which of its keys it took back: its additions take no new effect."""
    ASIDE = "aside"
    """A guard set some of its events aside."""
    LATE = "late"
    """Past half of the age allowed."""
    NEW = "new"
    """Followed, and never synced yet."""
    UNFOLLOWED = "unfollowed"
    """A member that is no peer."""
    FRESH = "fresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStatus:
    """A member of the register other than this node."""

    member: Member
    peer: PeerRecord | None
    """None: it is not followed."""
    lists: Sequence[LogRecord]
    """What is held of it."""
    aside: int
    """Records of the guards about its logs that wait for people."""
    told_ms: int
    """When it last said what it holds of this node, which it does after it synced with it; 0: never."""
    freshness: Freshness

    @property
    def node(self) -> str:
        """Its name."""
        return self.member.node

    @property
    def synced_ms(self) -> int:
        """The last sync with it that succeeded; 0: never."""
        return 0 if self.peer is None else self.peer.synced_ms

    @property
    def follows_us(self) -> bool:
        """Whether it ever told what it holds of this node."""
        return self.told_ms > 0


def member_statuses(
    unit: Unit, register: Members, *, own: str, now_ms: int, max_age: timedelta
) -> list[MemberStatus]:
    """Every member but the node `own`, by country and name."""
    peers = {peer.name: peer for peer in unit.peers.ls()}
    told = {one.peer: one.received_ms for one in unit.trust_acknowledgements.ls()}
    logs = unit.logs.ls(LogKind.PEER_LIST, LogKind.PEER_RELEASES)
    aside = _aside(unit, logs)
    forked = frozenset(log.node for log in logs if FORKED in aside.get(log.id, ()))
    silent = withheld(unit)
    found = []
    for member in register.members:
        if member.node == own:
            continue
        peer = peers.get(member.node)
        held = [log for log in logs if log.node == member.node]
        waiting = sum(len(aside.get(log.id, ())) for log in held)
        freshness = _freshness(peer, now_ms, max_age)
        if peer is not None:
            freshness = _gravest(freshness, member.node, forked=forked, silent=silent, aside=waiting > 0)
        found.append(
            MemberStatus(
                member=member,
                peer=peer,
                lists=[log for log in held if log.kind is LogKind.PEER_LIST],
                aside=waiting,
                told_ms=told.get(member.node, 0),
                freshness=freshness,
            )
        )
    return sorted(found, key=lambda one: (one.member.country or "~", one.node))


def _aside(unit: Unit, logs: Collection[LogRecord]) -> Mapping[int, Sequence[str]]:
    """Kinds of what waits for people, by log."""
    known = {log.id for log in logs}
    found: dict[int, list[str]] = {}
    for record in unit.quarantine.ls():
        if record.log_id in known:
            found.setdefault(record.log_id, []).append(record.kind)
    return found


def _freshness(peer: PeerRecord | None, now_ms: int, max_age: timedelta) -> Freshness:
    if peer is None:
        return Freshness.UNFOLLOWED
    age_ms = now_ms - (peer.synced_ms or peer.added_ms)
    allowed_ms = max_age.total_seconds() * 1000
    if age_ms > allowed_ms:
        return Freshness.SILENT
    if not peer.synced_ms:
        return Freshness.NEW
    return Freshness.LATE if age_ms > allowed_ms / 2 else Freshness.FRESH


def _gravest(
    freshness: Freshness, node: str, *, forked: Collection[str], silent: Collection[str], aside: bool
) -> Freshness:
    if node in forked:
        return Freshness.FORKED
    if freshness is Freshness.SILENT:
        return freshness
    if node in silent:
        return Freshness.WITHHOLDING
    return Freshness.ASIDE if aside else freshness
