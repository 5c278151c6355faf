"""What nodes took back, inside one transaction. A node's file never goes back to an older version."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, insert, select, update

from node.errors import ConflictError
from node.store.peers.records import RevocationRecord
from node.store.peers.tables import NodeRevocations
from node.store.tables import Rows, table

_TABLE = table(NodeRevocations)
_C = _TABLE.c
_OF_NODE: Final = select(_TABLE).where(_C.node == bindparam("node"))


class RevocationRows(Rows):
    """The `node_revocations` table."""

    def get(self, node: str) -> RevocationRecord:
        """What is known of a node; an empty record when that is nothing."""
        return self._find(RevocationRecord, _OF_NODE, node=node) or RevocationRecord(node=node)

    def ls(self) -> Sequence[RevocationRecord]:
        """All that is known, by node name."""
        return self._records(RevocationRecord, select(_TABLE).order_by(_C.node))

    def name(self, node: str, sha256: bytes | None) -> None:
        """Remember which file a node's newest document names."""
        if not self._known(node):
            if sha256 is not None:
                self._connection.execute(
                    insert(_TABLE).values(node=node, version=0, payload=b"", envelope=b"", named=sha256)
                )
            return
        self._connection.execute(update(_TABLE).where(_C.node == node).values(named=sha256))

    def put(self, node: str, *, version: int, payload: bytes, envelope: bytes) -> None:
        """Store a newer file, or the one held under other signatures; raises `ConflictError` for any other."""
        values = {"version": version, "payload": payload, "envelope": envelope}
        if not self._known(node):
            self._connection.execute(insert(_TABLE).values(node=node, named=None, **values))
            return
        may_go = (_C.version < version) | (_C.payload == payload)
        changed = update(_TABLE).where(_C.node == node, may_go).values(values)
        if self._connection.execute(changed).rowcount != 1:
            raise ConflictError("{node}: its revocations are not newer than those held", node)

    def _known(self, node: str) -> bool:
        return self._connection.execute(select(_C.node).where(_C.node == node)).first() is not None
