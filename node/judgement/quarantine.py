"""Quarantine for people: what is set aside, why, since when, and what happens when it is released.

What waits here: events that a guard set aside, logs that a proof convicted, the blocks of a removed member, and entries
that partners report suspiciously often, which stay listed.
Looking is for anybody; releasing takes two persons (`node.app.quarantine`). Released evidence is remembered, so the
same contradiction does not stop its log again; a new one does.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from keys.message import Message
from keys.trust.members import Members
from node.errors import NotFoundError, UsageError
from node.store.lists.records import FLOOD, FORKED, LogKind, LogRecord, Quarantined
from node.store.peers.records import EvidenceRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.lists.ext import EntryRef


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineItem:
    """Something that waits for people; `id` is what they call it by: a number, or the name of a removed member."""

    id: str
    kind: str
    """That of the quarantine record, or `blocks`."""
    node: str
    origin: str
    reason: str
    since_ms: int
    """0 where nobody knows."""
    count: int
    """Events that are set aside, or blocks; 0 for a whole log."""
    first: int = 0
    size: int = 0
    """Events of the log that are held."""
    evidence: tuple[EvidenceRecord, ...] = ()
    """All that is kept of a log that stands still, and of its node."""
    blocks: tuple[EntryRef, ...] = ()
    released_ms: int | None = None

    @property
    def words(self) -> Message:
        """What is set aside, for people."""
        first, last = f"{self.first:,}", f"{self.first + self.count - 1:,}"
        if self.kind == FORKED:
            return Message("{list} stands still at size {size}", self.origin, f"{self.size:,}")
        if self.kind == BLOCKS:
            return Message.counted(
                "{count} block of {node}, which is no member any more",
                "{count} blocks of {node}, which is no member any more",
                self.count,
                self.node,
            )
        if self.kind == FLOOD:
            return Message("entry {first} of {list}, which stays listed", first, self.origin)
        if self.kind == "row":
            return Message("line {first} of an import into {list}", first, self.origin)
        if self.count > 1:
            return Message("events {first} to {last} of {list}", first, last, self.origin)
        return Message("event {first} of {list}", first, self.origin)

    @property
    def consequence(self) -> str:
        """What releasing it does, for people."""
        if self.kind == FORKED:
            return Message(
                "it is followed again, and its adds count again; which of its histories is true is not decided by it"
            )
        if self.kind == BLOCKS:
            return Message("these blocks end: what they kept out of releases can come back")
        if self.kind == FLOOD:
            return Message(
                "it counts as looked at; it was listed all the time, and comes back here after as many new reports"
            )
        if self.kind == "row":
            return Message("the line counts as looked at; import it again to list it")
        return Message("these events count like any other")


BLOCKS = "blocks"


def ls(store: Store, members: Members) -> list[QuarantineItem]:
    """Everything that waits: records by number, then blocks of removed members by name."""
    _catch_up(store, members)
    with store.read() as unit:
        logs, kept = {log.id: log for log in unit.logs.ls(*LogKind)}, unit.evidence.ls()
        found = [_aside(record, logs[record.log_id], kept) for record in unit.quarantine.ls()]
        return [*found, *_removed(store, unit, members)]


def get(store: Store, members: Members, name: str) -> QuarantineItem:
    """One of them, by its number or by the name of a removed member; raises `NotFoundError`."""
    _catch_up(store, members)
    with store.read() as unit:
        return _find(store, unit, members, name)


def lock(store: Store, unit: Unit, members: Members, name: str) -> QuarantineItem:
    """As `get`, in the transaction that releases it: nothing joins it before that ends."""
    if _is_number(name):
        unit.quarantine.lock(int(name))
    return _find(store, unit, members, name)


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 19


def _find(store: Store, unit: Unit, members: Members, name: str) -> QuarantineItem:
    if _is_number(name):
        record = unit.quarantine.get(int(name))
        log = next(log for log in unit.logs.ls(*LogKind) if log.id == record.log_id)
        return _aside(record, log, unit.evidence.ls())
    for aside in _removed(store, unit, members):
        if aside.id == name:
            return aside
    raise NotFoundError("nothing of {name} is set aside", name, hint="see all with: sigfed quarantine ls")


def require_open(aside: QuarantineItem) -> None:
    """Check that it was not released yet; raises `UsageError`."""
    if aside.released_ms is not None:
        raise UsageError(
            "number {id} was released already", aside.id, hint="see what waits: sigfed quarantine ls"
        )


def require_no_member(members: Members, name: str) -> None:
    """Check that `name` is not a node whose blocks are its own to take back; raises `UsageError`."""
    if any(member.node == name for member in members.members):
        raise UsageError("{node} is a member: its blocks are its own to take back", name)


def release(unit: Unit, aside: QuarantineItem, *, now_ms: int) -> Message:
    """Release what `lock` found, with the evidence that it names; one line for people."""
    if aside.kind == BLOCKS:
        unit.evidence.release_blocks(aside.blocks, now_ms=now_ms)
    else:
        unit.quarantine.release(int(aside.id), now_ms=now_ms)
        unit.evidence.release([one.sha256 for one in aside.evidence], now_ms=now_ms)
    return Message("released: {what}", aside.words)


def _aside(record: Quarantined, log: LogRecord, kept: Sequence[EvidenceRecord]) -> QuarantineItem:
    whole = record.kind == FORKED
    subjects = (log.origin, log.node) if whole else ()
    about = tuple(one for subject in subjects for one in kept if one.subject == subject)
    return QuarantineItem(
        id=str(record.id),
        kind=record.kind,
        node=log.node,
        origin=log.origin,
        reason=record.reason,
        since_ms=record.created_ms,
        first=record.first,
        count=0 if whole else record.last - record.first + 1,
        size=log.head.size,
        evidence=about,
        released_ms=record.released_ms,
    )


def _of_removed(unit: Unit, members: Members) -> list[LogRecord]:
    """Lists that are held of nodes that the register does not name."""
    known = {member.node for member in members.members}
    return [log for log in unit.logs.ls(LogKind.PEER_LIST) if log.node not in known and log.note is not None]


def _catch_up(store: Store, members: Members) -> None:
    """Have noted what says where the blocks of removed members are."""
    with store.read() as unit:
        if not _of_removed(unit, members):
            return
    from node.lists.touches import catch_up  # noqa: PLC0415 - a register from which nobody left needs none of this

    catch_up(store)


def _removed(store: Store, unit: Unit, members: Members) -> Iterator[QuarantineItem]:
    logs, done = _of_removed(unit, members), unit.evidence.released_blocks()
    for node in sorted({log.node for log in logs}):
        refs = _blocks(store, unit, {log.origin for log in logs if log.node == node})
        waiting = [ref for ref in refs if ref not in done]
        if waiting:
            yield QuarantineItem(
                id=node,
                kind=BLOCKS,
                node=node,
                origin=", ".join(sorted({ref.origin for ref in waiting})),
                reason=Message(
                    "it was removed from the register; blocks stay until two persons release them"
                ),
                since_ms=0,
                count=len(waiting),
                blocks=tuple(waiting),
            )


def _blocks(store: Store, unit: Unit, origins: Collection[str]) -> list[EntryRef]:
    """Of these lists; no list is gone through."""
    from node.judgement.part import part_of  # noqa: PLC0415 - as above
    from node.judgement.premises import Premises  # noqa: PLC0415

    return [
        block.ref
        for listing in part_of(store, unit, Premises.of(unit), ()).listings
        if listing.origin in origins
        for block in listing.blocks
        if not block.ended_by
    ]
