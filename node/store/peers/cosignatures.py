"""Witnesses of own logs, and overlays, inside one transaction. A record takes the place of the one before."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import delete, insert, select

from node.store.peers.records import CosignerRecord, OverlayRecord
from node.store.peers.tables import Cosigner, Overlay
from node.store.tables import Rows, record, table

_COSIGNER: Final = table(Cosigner)
_OVERLAY: Final = table(Overlay)
_OVERLAYS: Final = select(_OVERLAY).order_by(_OVERLAY.c.log_id)


class CosignerRows(Rows):
    """The `cosigner` table."""

    def find(self, origin: str, witness: str) -> CosignerRecord | None:
        """What is known of this witness of this log."""
        wanted = (_COSIGNER.c.origin == origin, _COSIGNER.c.witness == witness)
        row = self._connection.execute(select(_COSIGNER).where(*wanted)).one_or_none()
        return None if row is None else CosignerRecord(**row._asdict())

    def ls(self) -> Sequence[CosignerRecord]:
        """All records, by origin and witness."""
        order = (_COSIGNER.c.origin, _COSIGNER.c.witness)
        rows = self._connection.execute(select(_COSIGNER).order_by(*order))
        return [CosignerRecord(**row._asdict()) for row in rows]

    def put(self, record: CosignerRecord) -> None:
        """Store the record in the place of an older one."""
        held = (_COSIGNER.c.origin == record.origin, _COSIGNER.c.witness == record.witness)
        self._connection.execute(delete(_COSIGNER).where(*held))
        self._connection.execute(insert(_COSIGNER).values(asdict(record)))


class OverlayRows(Rows):
    """The `overlay` table."""

    def find(self, log_id: int) -> OverlayRecord | None:
        """The overlay of a log."""
        query = select(_OVERLAY).where(_OVERLAY.c.log_id == log_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else record(OverlayRecord, row)

    def ls(self) -> Sequence[OverlayRecord]:
        """All overlays, by log."""
        return [record(OverlayRecord, row) for row in self._connection.execute(_OVERLAYS)]

    def put(self, record: OverlayRecord) -> None:
        """Store the record in the place of an older one."""
        self.drop(record.log_id)
        self._connection.execute(insert(_OVERLAY).values(asdict(record)))

    def drop(self, log_id: int) -> None:
        """Forget the overlay of a log, if there is one."""
        self._connection.execute(delete(_OVERLAY).where(_OVERLAY.c.log_id == log_id))
