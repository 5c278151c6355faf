"""Quarantine for people: what is set aside, why, since when, and what happens when it is released.

What waits here: events that a guard set aside, logs that a proof convicted, the blocks of a removed member, and entries
that partners report suspiciously often, which stay listed.
Looking is for anybody; releasing takes two persons (`node.app.quarantine`). Released evidence is remembered, so the
same contradiction does not stop its log again; a new one does. Releasing is safe to repeat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keys.message import Message
from keys.trust.members import Members
from node.errors import NotFoundError, UsageError
from node.store.lists.records import FLOOD, FORKED, LogKind, LogRecord, Quarantined
from node.store.peers.records import EvidenceRecord
from node.store.store import Store
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
    released_ms: int | None = None

    @property
    def words(self) -> Message:
        """What is set aside, for people."""
        first, last = f"{self.first:,}", f"{self.first + self.count - 1:,}"
        if self.kind == FORKED:
            return Message("{list} stands still at {size} events", self.origin, f"{self.size:,}")
        if self.kind == BLOCKS:
            return Message(
                "{count} blocks of {node}, which is no member any more", f"{self.count:,}", self.node
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
    with store.read() as unit:
        logs = {log.id: log for log in unit.logs.ls(*LogKind)}
        records, kept = unit.quarantine.ls(), unit.evidence.ls()
    found = [_aside(record, logs[record.log_id], kept) for record in records]
    return [*found, *_removed(store, members)]


def get(store: Store, members: Members, name: str) -> QuarantineItem:
    """One of them, by its number or by the name of a removed member; raises `NotFoundError`."""
    if name.isascii() and name.isdigit() and len(name) < 19:
        with store.read() as unit:
            record = unit.quarantine.get(int(name))
            log = next(log for log in unit.logs.ls(*LogKind) if log.id == record.log_id)
            return _aside(record, log, unit.evidence.ls())
    for aside in _removed(store, members):
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


def release(store: Store, members: Members, name: str, *, now_ms: int) -> str:
    """Release it; one line for people. Repeated, it changes nothing."""
    if not name.isdigit():
        return _release_blocks(store, members, name, now_ms)
    aside = get(store, members, name)
    with store.write() as unit:
        if unit.quarantine.get(int(name)).released_ms is None:
            unit.quarantine.release(int(name), now_ms=now_ms)
        if aside.kind == FORKED:
            unit.evidence.release([aside.origin, aside.node], now_ms=now_ms)
    return f"released: {aside.words}"


def _aside(record: Quarantined, log: LogRecord, kept: Sequence[EvidenceRecord]) -> QuarantineItem:
    whole = record.kind == FORKED
    subjects = (log.origin, log.node) if whole else ()
    proofs = [one for subject in subjects for one in kept if one.subject == subject and one.kind.convicts]
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
        evidence=tuple(proofs),
        released_ms=record.released_ms,
    )


def _removed(store: Store, members: Members) -> Iterator[QuarantineItem]:
    """Blocks of nodes whose lists are held and that the register does not name."""
    known = {member.node for member in members.members}
    with store.read() as unit:
        logs = [log for log in unit.logs.ls(LogKind.PEER_LIST) if log.node not in known]
        done = unit.evidence.released_blocks()
    for node in sorted({log.node for log in logs}):
        refs = _blocks(store, [log for log in logs if log.node == node])
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
            )


def _blocks(store: Store, logs: Sequence[LogRecord]) -> list[EntryRef]:
    """Of these lists; no list is gone through."""
    origins = {log.origin for log in logs if log.note is not None}
    if not origins:
        return []
    # A register from which nobody left needs none of these.
    from node.judgement.part import part_of  # noqa: PLC0415
    from node.judgement.premises import Premises  # noqa: PLC0415
    from node.lists.touches import catch_up  # noqa: PLC0415

    catch_up(store)
    with store.read() as unit:
        listings = part_of(store, unit, Premises.of(unit), ()).listings
    return [
        block.ref
        for listing in listings
        if listing.origin in origins
        for block in listing.blocks
        if not block.ended_by
    ]


def _release_blocks(store: Store, members: Members, node: str, now_ms: int) -> str:
    require_no_member(members, node)
    with store.read() as unit:
        logs = [log for log in unit.logs.ls(LogKind.PEER_LIST) if log.node == node]
    refs = _blocks(store, logs)
    with store.write() as unit:
        count = unit.evidence.release_blocks(refs, now_ms=now_ms)
    return f"released: {count:,} blocks of {node}"
