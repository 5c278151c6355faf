"""Witnesses of own logs, and overlays, inside one transaction. A record takes the place of the one before."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Integer, delete, select
from sqlmodel import Field

from node.store.peers.records import CosignerRecord, OverlayRecord
from node.store.tables import Log, Rows, TableModel, key_part, table, values_of


class Cosigner(TableModel):
    """One witness of one own log."""

    __tablename__ = "cosigner"

    origin: str = Field(max_length=255, primary_key=True)
    witness: str = Field(max_length=128, primary_key=True)
    size: int = Field(sa_type=BigInteger)
    since_ms: int = Field(sa_type=BigInteger)
    cosigned_s: int = Field(sa_type=BigInteger)
    asked_ms: int = Field(sa_type=BigInteger)
    outcome: str = Field(max_length=1024)
    alarm: bool


class Overlay(TableModel):
    """What is held beyond the trusted head of one log."""

    __tablename__ = "overlay"

    log_id: int = Field(sa_column=key_part(Integer))
    base_size: int = Field(sa_type=BigInteger)
    base_root: bytes
    size: int = Field(sa_type=BigInteger)
    root: bytes
    note: bytes
    sealed: bytes


_COSIGNER: Final = table(Cosigner)
_LOG: Final = table(Log)
_OVERLAY: Final = table(Overlay)
_OVERLAYS: Final = select(_OVERLAY).order_by(_OVERLAY.c.log_id)
_AHEAD: Final = (
    select(_LOG.c.origin, _OVERLAY.c.size - _OVERLAY.c.base_size)
    .join_from(_OVERLAY, _LOG, _LOG.c.id == _OVERLAY.c.log_id)
    .where(_OVERLAY.c.base_size == _LOG.c.size, _OVERLAY.c.base_root == _LOG.c.root)
    .order_by(_LOG.c.origin)
)


class CosignerRows(Rows):
    """The `cosigner` table."""

    def find(self, origin: str, witness: str) -> CosignerRecord | None:
        """What is known of this witness of this log."""
        wanted = (_COSIGNER.c.origin == origin, _COSIGNER.c.witness == witness)
        return self._find(CosignerRecord, select(_COSIGNER).where(*wanted))

    def ls(self) -> Sequence[CosignerRecord]:
        """All records, by origin and witness."""
        order = (_COSIGNER.c.origin, _COSIGNER.c.witness)
        return self._records(CosignerRecord, select(_COSIGNER).order_by(*order))

    def put(self, record: CosignerRecord) -> None:
        """Store the record in the place of an older one."""
        self._put(_COSIGNER, values_of(record))


class OverlayRows(Rows):
    """The `overlay` table."""

    def find(self, log_id: int) -> OverlayRecord | None:
        """The overlay of a log."""
        return self._find(OverlayRecord, select(_OVERLAY).where(_OVERLAY.c.log_id == log_id))

    def ls(self) -> Sequence[OverlayRecord]:
        """All overlays, by log."""
        return self._records(OverlayRecord, _OVERLAYS)

    def ahead(self) -> dict[str, int]:
        """Of each list on which an overlay lies now, by origin: how many events the overlaid head has more."""
        return {str(origin): int(more) for origin, more in self._connection.execute(_AHEAD)}

    def put(self, record: OverlayRecord) -> None:
        """Store the record in the place of an older one."""
        self._put(_OVERLAY, values_of(record))

    def drop(self, log_id: int) -> None:
        """Forget the overlay of a log, if there is one."""
        self._connection.execute(delete(_OVERLAY).where(_OVERLAY.c.log_id == log_id))
