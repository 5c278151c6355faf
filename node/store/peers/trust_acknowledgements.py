"""Acknowledgements of trust files, inside one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.errors import ConflictError
from node.store.peers.records import TrustAcknowledged
from node.store.peers.tables import TrustAcknowledgedRow, TrustAcknowledgementRow
from node.store.tables import Rows, table, values_of

_ACKS, _SENT = table(TrustAcknowledgementRow), table(TrustAcknowledgedRow)


class TrustAcknowledgementRows(Rows):
    """The `trust_acknowledgement` and `trust_acknowledged` tables."""

    def find(self, peer: str) -> TrustAcknowledged | None:
        """The newest of a peer."""
        return self._find(TrustAcknowledged, select(_ACKS).where(_ACKS.c.peer == peer))

    def ls(self) -> Sequence[TrustAcknowledged]:
        """The newest of each peer, by peer."""
        return self._records(TrustAcknowledged, select(_ACKS).order_by(_ACKS.c.peer))

    def replace(self, old: TrustAcknowledged | None, new: TrustAcknowledged) -> None:
        """Put `new` in the place of `old`; raises `ConflictError` when another came in between."""
        values = values_of(new)
        if old is None:
            changed = self._insert(values)
        else:
            same = (_ACKS.c.peer == old.peer, _ACKS.c.statement == old.statement)
            changed = self._connection.execute(update(_ACKS).where(*same).values(values)).rowcount
        if changed != 1:
            raise ConflictError("another acknowledgement of this peer came in between")

    def sent(self, peer: str) -> bytes | None:
        """What a peer was last told that is held of its trust files: the content without the time."""
        row = self._connection.execute(select(_SENT.c.content).where(_SENT.c.peer == peer)).one_or_none()
        return None if row is None else bytes(row[0])

    def note_sent(self, peer: str, content: bytes) -> None:
        """Remember what it was told."""
        self._connection.execute(delete(_SENT).where(_SENT.c.peer == peer))
        self._connection.execute(insert(_SENT).values(peer=peer, content=content))

    def forget(self, peer: str) -> None:
        """Drop what a node that is no peer any more said and was told."""
        for each in (_ACKS, _SENT):
            self._connection.execute(delete(each).where(each.c.peer == peer))

    def _insert(self, values: Mapping[str, Any]) -> int:
        try:
            return self._connection.execute(insert(_ACKS).values(dict(values))).rowcount
        except IntegrityError:
            return 0
