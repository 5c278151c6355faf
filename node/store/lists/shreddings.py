"""Shreddings and tombstones inside one transaction; what is recorded twice is kept once."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Integer, bindparam, delete, func, select, update
from sqlmodel import Field

from node.store.lists.records import Shredding, StillListed, Tombstone
from node.store.tables import Rows, TableModel, key_part, table, values_of


class ShreddingRow(TableModel):
    """An event whose opening is to be deleted, or was."""

    __tablename__ = "shredding"

    log_id: int = Field(sa_column=key_part(Integer))
    position: int = Field(sa_column=key_part())
    by: int = Field(sa_type=BigInteger)
    mac: bytes | None = None
    file: int | None = Field(default=None, sa_type=BigInteger)
    erased_ms: int | None = Field(default=None, sa_type=BigInteger)


class TombstoneRow(TableModel):
    """A shredded digest, as a keyed hash."""

    __tablename__ = "tombstone"

    mac: bytes = Field(primary_key=True)
    log_id: int = Field(sa_column=key_part(Integer))
    by: int = Field(sa_type=BigInteger)
    leaf_hash: bytes
    blocks: bool
    created_ms: int = Field(sa_type=BigInteger)


class StandingRow(TableModel):
    """An entry or dispute of a tombstoned digest in another list."""

    __tablename__ = "standing"

    log_id: int = Field(sa_column=key_part(Integer))
    position: int = Field(sa_column=key_part())
    mac: bytes = Field(index=True)


_SHREDDING, _TOMBSTONE, _STANDING = table(ShreddingRow), table(TombstoneRow), table(StandingRow)
_ALL: Final = select(_SHREDDING).order_by(_SHREDDING.c.log_id, _SHREDDING.c.position)
_OF_LOG: Final = _ALL.where(_SHREDDING.c.log_id == bindparam("log_id"))
_STILL_LISTED: Final = select(_STANDING).order_by(_STANDING.c.log_id, _STANDING.c.position)
_TOMBSTONES: Final = select(_TOMBSTONE).order_by(_TOMBSTONE.c.log_id, _TOMBSTONE.c.by, _TOMBSTONE.c.mac)


class ShreddingRows(Rows):
    """The `shredding` table."""

    def add(self, shreddings: Sequence[Shredding]) -> None:
        """Record; a position that is recorded already keeps its first record."""
        for each in shreddings:
            values = values_of(each, "mac", "file", "erased_ms")
            self._put(_SHREDDING, values, replace=False)

    def ls(self, log_id: int | None = None) -> Sequence[Shredding]:
        """By list and position, of one list or of all."""
        query = _ALL if log_id is None else _OF_LOG
        return self._records(Shredding, query, log_id=log_id)

    def bury(self, shreddings: Sequence[Shredding]) -> None:
        """Note the tombstones of recorded shreddings, and their files, before their openings are deleted."""
        for each in shreddings:
            new = _at(each).where(_SHREDDING.c.mac.is_(None))
            self._connection.execute(new.values(mac=each.mac, file=each.file))

    def erased(self, shreddings: Sequence[Shredding], *, now_ms: int) -> None:
        """Note that everything of these was deleted, unless that is known already."""
        for each in shreddings:
            first = func.coalesce(_SHREDDING.c.erased_ms, now_ms)
            self._connection.execute(_at(each).values(erased_ms=first))

    def reopen(self, log_id: int, *, first: int) -> None:
        """Do the deletions from the position `first` on once more."""
        c = _SHREDDING.c
        again = update(_SHREDDING).where(c.log_id == log_id, c.position >= first).values(erased_ms=None)
        self._connection.execute(again)


class TombstoneRows(Rows):
    """The `tombstone` and `standing` tables."""

    def add(self, tombstones: Sequence[Tombstone]) -> None:
        """Keep; one digest once for each list."""
        for each in tombstones:
            self._put(_TOMBSTONE, values_of(each), replace=False)

    def ls(self) -> Sequence[Tombstone]:
        """All of them, by list and position."""
        return self._records(Tombstone, _TOMBSTONES)

    def lift(self, mac: bytes) -> int:
        """Forget a digest's tombstones, and who still lists it; returns how many there were."""
        self._connection.execute(delete(_STANDING).where(_STANDING.c.mac == mac))
        return self._connection.execute(delete(_TOMBSTONE).where(_TOMBSTONE.c.mac == mac)).rowcount

    def note_still_listed(self, standing: Sequence[StillListed]) -> None:
        """Record entries of tombstoned digests in other lists."""
        for each in standing:
            self._put(_STANDING, values_of(each), replace=False)

    def still_listed(self) -> Sequence[StillListed]:
        """All of them, by list and position."""
        return self._records(StillListed, _STILL_LISTED)

    def drop_still_listed(self, log_id: int, positions: Sequence[int]) -> None:
        """Forget those of a list that were shredded."""
        c = _STANDING.c
        for position in positions:
            self._connection.execute(delete(_STANDING).where(c.log_id == log_id, c.position == position))


def _at(each: Shredding) -> Any:
    c = _SHREDDING.c
    return update(_SHREDDING).where(c.log_id == each.log_id, c.position == each.position)
