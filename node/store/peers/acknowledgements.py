"""Acknowledgements of lists and of trust files, withdrawals, and what releases follow, inside one transaction."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Table,
    and_,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field

from node.errors import ConflictError
from node.store.peers.records import Acknowledgement, Applied, Reached, TrustAcknowledged, Withdrawal
from node.store.tables import DAY, Peer, Rows, TableModel, key_part, table, values_of


class TrustAcknowledgementRow(TableModel):
    """The newest statement of a peer about this node's trust files."""

    __tablename__ = "trust_acknowledgement"

    peer: str = Field(max_length=255, primary_key=True)
    root_version: int = Field(sa_type=BigInteger)
    serial: int = Field(sa_type=BigInteger)
    time_ms: int = Field(sa_type=BigInteger)
    received_ms: int = Field(sa_type=BigInteger)
    statement: bytes


class TrustAcknowledgedRow(TableModel):
    """What a peer was last told that is held of its trust files."""

    __tablename__ = "trust_acknowledged"

    peer: str = Field(max_length=255, primary_key=True)
    content: bytes


class AcknowledgementRow(TableModel):
    """The newest statement of a peer about an own list."""

    __tablename__ = "acknowledgement"

    log_id: int = Field(sa_column=key_part(Integer))
    peer: str = Field(max_length=255, primary_key=True)
    held_size: int = Field(sa_type=BigInteger)
    released_size: int | None = Field(default=None, sa_type=BigInteger)
    time_ms: int = Field(sa_type=BigInteger)
    received_ms: int = Field(sa_type=BigInteger)
    statement: bytes


class AcknowledgedRow(TableModel):
    """What this node last acknowledged of a peer's list."""

    __tablename__ = "acknowledged"

    origin: str = Field(max_length=255, primary_key=True)
    content: bytes


class WithdrawalRow(TableModel):
    """Neighbouring withdraw events of an own list."""

    __tablename__ = "withdrawal"

    log_id: int = Field(sa_column=key_part(Integer))
    first: int = Field(sa_column=key_part())
    last: int = Field(sa_type=BigInteger)
    published_ms: int | None = Field(default=None, sa_type=BigInteger)


class ReachedRow(TableModel):
    """When a withdrawal reached a peer, and its releases."""

    __tablename__ = "reached"

    log_id: int = Field(sa_column=key_part(Integer))
    first: int = Field(sa_column=key_part())
    peer: str = Field(max_length=255, primary_key=True)
    held_ms: int | None = Field(default=None, sa_type=BigInteger)
    released_ms: int | None = Field(default=None, sa_type=BigInteger)


class JudgedRow(TableModel):
    """Up to which size a subset's newest release follows a list."""

    __tablename__ = "judged_list"

    subset: str = Field(max_length=64, primary_key=True)
    origin: str = Field(max_length=255, primary_key=True)
    size: int = Field(sa_type=BigInteger)


_PEER = table(Peer)
_ACKS, _SENT = table(AcknowledgementRow), table(AcknowledgedRow)
_TRUST_ACKS, _TRUST_SENT = table(TrustAcknowledgementRow), table(TrustAcknowledgedRow)
_WITHDRAWAL, _REACHED, _JUDGED = table(WithdrawalRow), table(ReachedRow), table(JudgedRow)
Said = TypeVar("Said", Acknowledgement, TrustAcknowledged)


class AcknowledgementRows(Rows):
    """The `acknowledgement` and `acknowledged` tables."""

    def find(self, log_id: int, peer: str) -> Acknowledgement | None:
        """The newest of a peer about a list."""
        query = select(_ACKS).where(_ACKS.c.log_id == log_id, _ACKS.c.peer == peer)
        return self._find(Acknowledgement, query)

    def ls(self, log_id: int) -> Sequence[Acknowledgement]:
        """The newest of each peer about a list, by peer."""
        query = select(_ACKS).where(_ACKS.c.log_id == log_id).order_by(_ACKS.c.peer)
        return self._records(Acknowledgement, query)

    def replace(self, old: Acknowledgement | None, new: Acknowledgement) -> None:
        """Put `new` in the place of `old`; raises `ConflictError` when another came in between."""
        _swap(self._connection, _ACKS, old, new, "log_id", "peer")

    def sent(self, origin: str) -> bytes | None:
        """What was last acknowledged to the owner of a peer's list: its content without the time."""
        row = self._connection.execute(select(_SENT.c.content).where(_SENT.c.origin == origin)).one_or_none()
        return None if row is None else bytes(row[0])

    def note_sent(self, origin: str, content: bytes) -> None:
        """Remember what was acknowledged."""
        self._put(_SENT, {"origin": origin, "content": content})

    def forget(self, peer: str) -> None:
        """Drop what a node that is no peer any more acknowledged, and what was acknowledged to it."""
        self._connection.execute(delete(_ACKS).where(_ACKS.c.peer == peer))
        theirs = _SENT.c.origin.startswith(f"{peer}/", autoescape=True)
        self._connection.execute(delete(_SENT).where(theirs))


class TrustAcknowledgementRows(Rows):
    """The `trust_acknowledgement` and `trust_acknowledged` tables."""

    def find(self, peer: str) -> TrustAcknowledged | None:
        """The newest of a peer."""
        return self._find(TrustAcknowledged, select(_TRUST_ACKS).where(_TRUST_ACKS.c.peer == peer))

    def ls(self) -> Sequence[TrustAcknowledged]:
        """The newest of each peer, by peer."""
        return self._records(TrustAcknowledged, select(_TRUST_ACKS).order_by(_TRUST_ACKS.c.peer))

    def replace(self, old: TrustAcknowledged | None, new: TrustAcknowledged) -> None:
        """Put `new` in the place of `old`; raises `ConflictError` when another came in between."""
        _swap(self._connection, _TRUST_ACKS, old, new, "peer")

    def sent(self, peer: str) -> bytes | None:
        """What a peer was last told that is held of its trust files: the content without the time."""
        row = self._connection.execute(
            select(_TRUST_SENT.c.content).where(_TRUST_SENT.c.peer == peer)
        ).one_or_none()
        return None if row is None else bytes(row[0])

    def note_sent(self, peer: str, content: bytes) -> None:
        """Remember what it was told."""
        self._put(_TRUST_SENT, {"peer": peer, "content": content})

    def forget(self, peer: str) -> None:
        """Drop what a node that is no peer any more said and was told."""
        for each in (_TRUST_ACKS, _TRUST_SENT):
            self._connection.execute(delete(each).where(each.c.peer == peer))


class WithdrawalRows(Rows):
    """The `withdrawal` and `reached` tables."""

    def add(self, withdrawal: Withdrawal) -> None:
        """Record one that waits for publication, in the transaction that takes its positions."""
        self._connection.execute(insert(_WITHDRAWAL).values(values_of(withdrawal)))

    def publish(self, log_id: int, *, size: int, now_ms: int) -> None:
        """Note that everything before `size` is published now."""
        c = _WITHDRAWAL.c
        new = (c.log_id == log_id, c.last < size, c.published_ms.is_(None))
        self._connection.execute(update(_WITHDRAWAL).where(*new).values(published_ms=now_ms))

    def ls(self, log_id: int) -> Sequence[Withdrawal]:
        """Withdrawals of a list, oldest first."""
        query = select(_WITHDRAWAL).where(_WITHDRAWAL.c.log_id == log_id).order_by(_WITHDRAWAL.c.first)
        return self._records(Withdrawal, query)

    def waiting(self) -> Sequence[Withdrawal]:
        """Those of all lists that are not published yet."""
        query = select(_WITHDRAWAL).where(_WITHDRAWAL.c.published_ms.is_(None))
        return self._records(Withdrawal, query.order_by(_WITHDRAWAL.c.log_id))

    def note_reached(self, reached: Sequence[Reached]) -> None:
        """Record; times that are known already stay."""
        for each in reached:
            self._note(each)

    def reached(self, log_id: int) -> Sequence[Reached]:
        """Whom the withdrawals of a list reached."""
        query = select(_REACHED).where(_REACHED.c.log_id == log_id)
        return self._records(Reached, query.order_by(_REACHED.c.first, _REACHED.c.peer))

    def applied_by_day(self, *, since_ms: int) -> Sequence[Applied]:
        """How fast those published at `since_ms` or later were applied, by peers that were there then."""
        c, w = _REACHED.c, _WITHDRAWAL.c
        took = case((c.held_ms > c.released_ms, c.held_ms), else_=c.released_ms) - w.published_ms
        day = (w.published_ms // DAY).label("day")
        there = and_(_PEER.c.name == c.peer, _PEER.c.added_ms <= w.published_ms)
        wanted = (
            select(day, func.count(), func.sum(took), func.max(took))
            .select_from(
                _WITHDRAWAL.join(_REACHED, and_(c.log_id == w.log_id, c.first == w.first)).join(_PEER, there)
            )
            .where(w.published_ms >= since_ms, c.held_ms.is_not(None), c.released_ms.is_not(None))
            .group_by(day)
            .order_by(day)
        )
        return [
            Applied(day=int(row[0]), count=int(row[1]), total_ms=int(row[2]), slowest_ms=int(row[3]))
            for row in self._connection.execute(wanted)
        ]

    def forget(self, peer: str) -> None:
        """Drop what reached a node that is no peer any more."""
        self._connection.execute(delete(_REACHED).where(_REACHED.c.peer == peer))

    def _note(self, each: Reached) -> None:
        c = _REACHED.c
        same = (c.log_id == each.log_id, c.first == each.first, c.peer == each.peer)
        known = {
            "held_ms": func.coalesce(c.held_ms, each.held_ms),
            "released_ms": func.coalesce(c.released_ms, each.released_ms),
        }
        self._put(_REACHED, values_of(each), replace=False)
        self._connection.execute(update(_REACHED).where(*same).values(known))


class JudgedRows(Rows):
    """The `judged_list` table."""

    def note(self, subset: str, sizes: Mapping[str, int]) -> None:
        """Replace what a subset follows: sizes by origin."""
        self._connection.execute(delete(_JUDGED).where(_JUDGED.c.subset == subset))
        rows = [{"subset": subset, "origin": origin, "size": size} for origin, size in sizes.items()]
        if rows:
            self._connection.execute(insert(_JUDGED), rows)

    def smallest(self, origin: str) -> int | None:
        """The smallest size at which a subset follows a list; None when none does."""
        query = select(func.min(_JUDGED.c.size)).where(_JUDGED.c.origin == origin)
        found = self._connection.execute(query).scalar_one()
        return None if found is None else int(found)


def _swap(connection: Connection, rows: Table, old: Said | None, new: Said, *key: str) -> None:
    """Put `new` in the place of `old`, which has the same key."""
    values = values_of(new)
    try:
        if old is None:
            changed = connection.execute(insert(rows).values(values)).rowcount
        else:
            same = [rows.c[name] == values[name] for name in key]
            held = update(rows).where(*same, rows.c.statement == old.statement)
            changed = connection.execute(held.values(values)).rowcount
    except IntegrityError:
        changed = 0
    if changed != 1:
        raise ConflictError("another acknowledgement of this peer came in between")
