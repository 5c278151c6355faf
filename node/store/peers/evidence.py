"""Kept contradictions, heads that were heard, and released blocks, inside one transaction."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, delete, insert, or_, select, update

from node.errors import NotFoundError
from node.store.peers.records import EvidenceKind, EvidenceRecord, HeardHead
from node.store.peers.tables import Evidence, Heard, ReleasedBlock
from node.store.tables import Rows, record, table
from protocol.lists.opening import EntryRef

_EVIDENCE = table(Evidence)
_HEARD = table(Heard)
_BLOCK = table(ReleasedBlock)
_KEPT: Final = select(_EVIDENCE).order_by(_EVIDENCE.c.created_ms, _EVIDENCE.c.sha256)
_ABOUT: Final = _KEPT.where(_EVIDENCE.c.subject == bindparam("subject"))
_ALL_HEARD: Final = select(_HEARD).order_by(_HEARD.c.origin, _HEARD.c.source)


class EvidenceRows(Rows):
    """The `evidence`, `heard_head` and `released_block` tables."""

    def add(self, record: EvidenceRecord) -> bool:
        """Keep; False when that subject, kind and pair is kept already."""
        c = _EVIDENCE.c
        same = and_(c.subject == record.subject, c.kind == record.kind.value, c.pair == record.pair)
        known = select(c.sha256).where(or_(c.sha256 == record.sha256, same))
        if self._connection.execute(known).first() is not None:
            return False
        row = {
            "sha256": record.sha256,
            "kind": record.kind.value,
            "subject": record.subject,
            "pair": record.pair,
            "source": record.source,
            "created_ms": record.created_ms,
            "released_ms": record.released_ms,
        }
        self._connection.execute(insert(_EVIDENCE).values(row))
        return True

    def ls(self, subject: str | None = None) -> Sequence[EvidenceRecord]:
        """All that is kept, oldest first, what was released included."""
        query = _KEPT if subject is None else _ABOUT
        return [_record(row) for row in self._connection.execute(query, {"subject": subject})]

    def get(self, sha256: str) -> EvidenceRecord:
        """By its name; raises `NotFoundError`."""
        query = select(_EVIDENCE).where(_EVIDENCE.c.sha256 == sha256)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError("no such evidence is kept", hint="see what is kept with: sigfed evidence ls")
        return _record(row)

    def release(self, subjects: Sequence[str], *, now_ms: int) -> int:
        """People looked at everything that is kept of these; gives how many were open."""
        c = _EVIDENCE.c
        opened = update(_EVIDENCE).where(c.subject.in_(subjects), c.released_ms.is_(None))
        return self._connection.execute(opened.values(released_ms=now_ms)).rowcount

    def hear(self, head: HeardHead) -> None:
        """Replace what was heard of the log from the source."""
        c = _HEARD.c
        self._connection.execute(delete(_HEARD).where(c.origin == head.origin, c.source == head.source))
        row = {
            "origin": head.origin,
            "source": head.source,
            "size": head.size,
            "root": head.root,
            "note": head.note,
            "heard_ms": head.heard_ms,
        }
        self._connection.execute(insert(_HEARD).values(row))

    def heard(self) -> Sequence[HeardHead]:
        """All heads that were heard."""
        return [
            HeardHead(
                origin=row.origin,
                source=row.source,
                size=row.size,
                root=bytes(row.root),
                note=bytes(row.note),
                heard_ms=row.heard_ms,
            )
            for row in self._connection.execute(_ALL_HEARD)
        ]

    def unhear(self, head: HeardHead) -> None:
        """Drop what was heard: it was judged."""
        c = _HEARD.c
        self._connection.execute(delete(_HEARD).where(c.origin == head.origin, c.source == head.source))

    def forget(self, source: str) -> None:
        """Drop what was heard from a peer that is none any more."""
        self._connection.execute(delete(_HEARD).where(_HEARD.c.source == source))

    def release_blocks(self, refs: Sequence[EntryRef], *, now_ms: int) -> int:
        """Let these blocks of a removed member end; gives how many had not ended before."""
        new = set(refs) - self.released_blocks()
        rows = [
            {"origin": ref.origin, "position": ref.index, "leaf": ref.leaf_hash, "released_ms": now_ms}
            for ref in new
        ]
        if rows:
            self._connection.execute(insert(_BLOCK), rows)
        return len(rows)

    def released_blocks(self) -> frozenset[EntryRef]:
        """Blocks of removed members that people released."""
        return frozenset(
            EntryRef(row.origin, row.position, bytes(row.leaf))
            for row in self._connection.execute(select(_BLOCK))
        )


def _record(row: Row[Any]) -> EvidenceRecord:
    return record(EvidenceRecord, row, kind=EvidenceKind(row.kind))
