"""Kept contradictions, heads that were heard, and released blocks, inside one transaction."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, UniqueConstraint, and_, bindparam, delete, or_, select, update
from sqlmodel import Field

from node.errors import NotFoundError
from node.store.peers.records import EvidenceRecord, HeardHead
from node.store.tables import Rows, TableModel, table, values_of
from protocol.lists.ext import EntryRef


class Evidence(TableModel):
    """One kept contradiction; the bytes are an object."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("subject", "kind", "pair"),)

    sha256: str = Field(max_length=64, primary_key=True)
    kind: str = Field(max_length=16)
    subject: str = Field(max_length=255)
    pair: str = Field(max_length=64)
    source: str = Field(max_length=255)
    created_ms: int = Field(sa_type=BigInteger)
    released_ms: int | None = Field(default=None, sa_type=BigInteger)


class Heard(TableModel):
    """The last head of a log that one peer told: one row each, so that nobody fills the table."""

    __tablename__ = "heard_head"

    origin: str = Field(max_length=255, primary_key=True)
    source: str = Field(max_length=255, primary_key=True)
    size: int = Field(sa_type=BigInteger)
    root: bytes
    note: bytes
    heard_ms: int = Field(sa_type=BigInteger)


class ReleasedBlock(TableModel):
    """A block of a removed member that a second person released."""

    __tablename__ = "released_block"

    origin: str = Field(max_length=255, primary_key=True)
    position: int = Field(sa_type=BigInteger, primary_key=True)
    leaf: bytes
    released_ms: int = Field(sa_type=BigInteger)


_EVIDENCE = table(Evidence)
_HEARD = table(Heard)
_BLOCK = table(ReleasedBlock)
_KEPT: Final = select(_EVIDENCE).order_by(_EVIDENCE.c.created_ms, _EVIDENCE.c.sha256)
_ABOUT: Final = _KEPT.where(_EVIDENCE.c.subject == bindparam("subject"))
_ALL_HEARD: Final = select(_HEARD).order_by(_HEARD.c.origin, _HEARD.c.source)
_BLOCKS: Final = select(_BLOCK)


class EvidenceRows(Rows):
    """The `evidence`, `heard_head` and `released_block` tables."""

    def add(self, record: EvidenceRecord) -> bool:
        """Keep; False when that subject, kind and pair is kept already."""
        c = _EVIDENCE.c
        same = and_(c.subject == record.subject, c.kind == record.kind.value, c.pair == record.pair)
        known = select(c.sha256).where(or_(c.sha256 == record.sha256, same))
        if self._connection.execute(known).first() is not None:
            return False
        self._add(_EVIDENCE, values_of(record))
        return True

    def ls(self, subject: str | None = None) -> Sequence[EvidenceRecord]:
        """All that is kept, oldest first, what was released included."""
        query = _KEPT if subject is None else _ABOUT
        return self._records(EvidenceRecord, query, subject=subject)

    def get(self, sha256: str) -> EvidenceRecord:
        """By its name; raises `NotFoundError`."""
        missing = NotFoundError("no such evidence is kept", hint="see what is kept with: sigfed evidence ls")
        return self._get(EvidenceRecord, select(_EVIDENCE).where(_EVIDENCE.c.sha256 == sha256), missing)

    def release(self, names: Sequence[str], *, now_ms: int) -> None:
        """People looked at what is kept by these SHA-256."""
        c = _EVIDENCE.c
        opened = update(_EVIDENCE).where(c.sha256.in_(names), c.released_ms.is_(None))
        self._connection.execute(opened.values(released_ms=now_ms))

    def hear(self, head: HeardHead) -> None:
        """Replace what was heard of the log from the source."""
        self._put(_HEARD, values_of(head))

    def heard(self) -> Sequence[HeardHead]:
        """All heads that were heard."""
        return self._records(HeardHead, _ALL_HEARD)

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
        self._add(_BLOCK, rows)
        return len(rows)

    def released_blocks(self) -> frozenset[EntryRef]:
        """Blocks of removed members that people released."""
        return frozenset(
            EntryRef(row.origin, row.position, bytes(row.leaf)) for row in self._connection.execute(_BLOCKS)
        )
