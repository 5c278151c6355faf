"""What nodes took back, inside one transaction. A node's file never goes back to an older version."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, bindparam, select, update
from sqlmodel import Field

from node.errors import ConflictError
from node.store.peers.records import RevocationRecord
from node.store.tables import Rows, TableModel, table, values_of


class NodeRevocations(TableModel):
    """The newest revocations of one node, and which file its newest document names."""

    __tablename__ = "node_revocations"

    node: str = Field(max_length=255, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    payload: bytes
    envelope: bytes
    named: bytes | None = None


_TABLE = table(NodeRevocations)
_C = _TABLE.c
_ALL: Final = select(_TABLE).order_by(_C.node)
_OF_NODE: Final = select(_TABLE).where(_C.node == bindparam("node"))


class RevocationRows(Rows):
    """The `node_revocations` table."""

    def get(self, node: str) -> RevocationRecord:
        """What is known of a node; an empty record when that is nothing."""
        return self._find(RevocationRecord, _OF_NODE, node=node) or RevocationRecord(node=node)

    def ls(self) -> Sequence[RevocationRecord]:
        """All that is known, by node name."""
        return self._records(RevocationRecord, _ALL)

    def name(self, node: str, sha256: bytes | None) -> None:
        """Remember which file a node's newest document names."""
        if sha256 is not None:
            self._begin(node)
        self._connection.execute(update(_TABLE).where(_C.node == node).values(named=sha256))

    def put(self, node: str, *, version: int, payload: bytes, envelope: bytes) -> None:
        """Store a newer file, or the one held under other signatures; raises `ConflictError` for any other."""
        values = {"version": version, "payload": payload, "envelope": envelope}
        self._begin(node)
        may_go = (_C.version < version) | (_C.payload == payload)
        changed = update(_TABLE).where(_C.node == node, may_go).values(values)
        if self._connection.execute(changed).rowcount != 1:
            raise ConflictError("{node}: its revocations are not newer than those held", node)

    def _begin(self, node: str) -> None:
        nothing = RevocationRecord(node=node)
        self._put(_TABLE, values_of(nothing), replace=False)
