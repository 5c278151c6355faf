"""What this node cosigned as a witness, inside one transaction; a record is replaced only by whoever read it."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import BigInteger, Row, bindparam, select, update
from sqlmodel import Field

from node.errors import ConflictError, NotFoundError
from node.store.peers.records import WitnessRecord
from node.store.tables import Rows, TableModel, record, table, values_of
from protocol.witness.cosign import Witnessed


class WitnessedLog(TableModel):
    """One log. A lost row would let this witness contradict itself, so nothing deletes one."""

    __tablename__ = "witnessed_log"

    origin: str = Field(max_length=255, primary_key=True)
    origin_sha256: str = Field(max_length=64, unique=True)
    size: int = Field(sa_type=BigInteger)
    root: bytes
    time_s: int = Field(sa_type=BigInteger)
    note: bytes
    cosignature: bytes


_TABLE = table(WitnessedLog)
_C = _TABLE.c
_BY_ORIGIN: Final = select(_TABLE).where(_C.origin == bindparam("origin"))


class WitnessRows(Rows):
    """The `witnessed_log` table."""

    def find(self, origin: str) -> WitnessRecord | None:
        """What was cosigned last of a log; None if nothing ever was."""
        return self._find(_record, _BY_ORIGIN, origin=origin)

    def get(self, origin_sha256: str) -> WitnessRecord:
        """The record by the SHA-256 of its origin in hexadecimal digits; raises `NotFoundError`."""
        missing = NotFoundError("no checkpoint of this log was cosigned here")
        return self._get(_record, select(_TABLE).where(_C.origin_sha256 == origin_sha256), missing)

    def ls(self) -> Sequence[WitnessRecord]:
        """All records, by origin."""
        return self._records(_record, select(_TABLE).order_by(_C.origin))

    def replace(self, old: WitnessRecord | None, new: WitnessRecord) -> None:
        """Put `new` in the place of `old`; raises `ConflictError` when another came in between."""
        values = values_of(new.head, cosignature=new.cosignature)
        meanwhile = ConflictError("another checkpoint of {origin} was cosigned meanwhile", new.origin)
        if old is None:
            origin_sha256 = sha256(new.origin.encode()).hexdigest()
            self._insert(_TABLE, values | {"origin": new.origin, "origin_sha256": origin_sha256}, meanwhile)
            return
        held = old.head
        # The time too: of two cosignatures on one size the later one stays, as none may be dated before it.
        same = (_C.origin == old.origin, _C.size == held.size, _C.root == held.root, _C.time_s == held.time_s)
        if self._connection.execute(update(_TABLE).where(*same).values(values)).rowcount != 1:
            raise meanwhile


def _record(row: Row[Any]) -> WitnessRecord:
    return record(WitnessRecord, row, head=record(Witnessed, row))
