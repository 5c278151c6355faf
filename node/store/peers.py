"""The agencies this node knows. A node document never goes back to an older serial."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.errors import AlreadyExistsError, ConflictError, NotFoundError
from node.ports.peers import PeerRecord
from node.store.tables import Peer, table

_PEER = table(Peer)
_C = _PEER.c


class PeerRows:
    """The `peer` table inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, peer: PeerRecord) -> None:
        """Add a peer; raises `AlreadyExistsError`."""
        row = {
            "name": peer.name,
            "url": peer.url,
            "root": peer.root,
            "node_document": peer.node_document,
            "serial": peer.serial,
            "members": peer.members,
            "grant_json": peer.grant,
            "added_ms": peer.added_ms,
            "synced_ms": peer.synced_ms,
            "outcome": peer.outcome,
        }
        try:
            self._connection.execute(insert(_PEER).values(row))
        except IntegrityError:
            raise AlreadyExistsError(
                f"{peer.name} is a peer already", hint="change what it may read with: sigfed peer grant"
            ) from None

    def get(self, name: str) -> PeerRecord:
        """The peer of that name; raises `NotFoundError`."""
        row = self._connection.execute(select(_PEER).where(_C.name == name)).one_or_none()
        if row is None:
            raise NotFoundError(f"{name} is not a peer of this node", hint="see them with: sigfed peer ls")
        return _record(row)

    def ls(self) -> Sequence[PeerRecord]:
        """All peers by name."""
        return [_record(row) for row in self._connection.execute(select(_PEER).order_by(_C.name))]

    def update_trust(self, name: str, *, node_document: bytes, serial: int, members: bytes) -> None:
        """Store newer signed files; raises `ConflictError` when `serial` is lower than the one held."""
        self.get(name)
        newer = update(_PEER).where(_C.name == name, _C.serial <= serial)
        values = {"node_document": node_document, "serial": serial, "members": members}
        if self._connection.execute(newer.values(values)).rowcount != 1:
            raise ConflictError(f"{name}: its node document is older than the one held")

    def update_grant(self, name: str, grant: str) -> None:
        """Change what it may read."""
        self.get(name)
        self._connection.execute(update(_PEER).where(_C.name == name).values(grant_json=grant))

    def remove(self, name: str) -> None:
        """Forget a peer; raises `NotFoundError`. What is held of its lists stays."""
        self.get(name)
        self._connection.execute(delete(_PEER).where(_C.name == name))

    def note_sync(self, name: str, *, synced_ms: int | None, outcome: str) -> None:
        """Record how a sync ended; `synced_ms` only when it succeeded."""
        self.get(name)
        values: dict[str, str | int] = {"outcome": outcome}
        if synced_ms is not None:
            values["synced_ms"] = synced_ms
        self._connection.execute(update(_PEER).where(_C.name == name).values(values))


def _record(row: Row[Any]) -> PeerRecord:
    return PeerRecord(
        name=row.name,
        url=row.url,
        root=bytes(row.root),
        node_document=bytes(row.node_document),
        serial=row.serial,
        members=bytes(row.members),
        grant=row.grant_json,
        added_ms=row.added_ms,
        synced_ms=row.synced_ms,
        outcome=row.outcome,
    )
