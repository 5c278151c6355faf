"""Rows of what the guards compare with."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import numpy as np
from sqlalchemy import BigInteger, Column, bindparam, delete, insert, select
from sqlmodel import Field

from keys.message import Message
from node.errors import AlreadyExistsError, NotFoundError
from node.store.lists.columns import Keys
from node.store.lists.quarantine import quarantined
from node.store.lists.records import BenignSet, Quarantined, Tripwire
from node.store.tables import NUMBERED, QuarantineRow, Rows, TableModel, table, values_of
from protocol.slices import slices


class BenignRow(TableModel):
    """A known-benign set, whose keyed hashes are in a filter file."""

    __tablename__ = "benign_set"

    name: str = Field(max_length=64, primary_key=True)
    file: str = Field(max_length=128)
    hashes: int = Field(sa_type=BigInteger)
    rows: int = Field(sa_type=BigInteger)
    refused: int = Field(sa_type=BigInteger)
    added_ms: int = Field(sa_type=BigInteger)


class TripwireRow(TableModel):
    """A digest that must never be released, sealed."""

    __tablename__ = "tripwire"
    __table_args__ = NUMBERED

    id: int | None = Field(default=None, primary_key=True)
    key: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    sealed: bytes
    note: str = Field(max_length=200)
    added_ms: int = Field(sa_type=BigInteger)


class SetAsideRow(TableModel):
    """A digest, by its keyed hash, of an imported row that was set aside."""

    __tablename__ = "set_aside_row"

    quarantine_id: int = Field(foreign_key="quarantine.id", primary_key=True)
    key: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, index=True))


_BENIGN = table(BenignRow)
_TRIPWIRE = table(TripwireRow)
_SET_ASIDE = table(SetAsideRow)
_QUARANTINE = table(QuarantineRow)
_ALL_BENIGN: Final = select(_BENIGN).order_by(_BENIGN.c.name)
_ALL_TRIPWIRES: Final = select(_TRIPWIRE).order_by(_TRIPWIRE.c.id)
_LET_PASS: Final = (
    select(_SET_ASIDE.c.key)
    .join_from(_SET_ASIDE, _QUARANTINE)
    .where(_QUARANTINE.c.released_ms.is_not(None), _QUARANTINE.c.log_id == bindparam("log_id"))
)
_IN_LIST: Final = 500


class GuardRows(Rows):
    """The `benign_set`, `tripwire` and `set_aside_row` tables inside one transaction."""

    def add_benign(self, record: BenignSet) -> None:
        """Record a set whose filter is durable; raises `AlreadyExistsError` for its name."""
        self._insert(
            _BENIGN,
            values_of(record),
            AlreadyExistsError(
                "there is a known-benign set {name}",
                record.name,
                hint=Message(
                    "remove it first (sigfed guard benign remove {name}), or give this one a --name",
                    record.name,
                ),
            ),
        )

    def benign(self) -> Sequence[BenignSet]:
        """All sets, by name."""
        return self._records(BenignSet, _ALL_BENIGN)

    def remove_benign(self, name: str) -> BenignSet:
        """Forget a set; raises `NotFoundError`."""
        found = next((record for record in self.benign() if record.name == name), None)
        if found is None:
            raise NotFoundError(
                "there is no known-benign set {name}", name, hint="see them with: sigfed guard benign ls"
            )
        self._connection.execute(delete(_BENIGN).where(_BENIGN.c.name == name))
        return found

    def add_tripwires(self, records: Sequence[Tripwire]) -> int:
        """Add those whose key is not there yet; returns their number."""
        held = set(self._connection.execute(select(_TRIPWIRE.c.key)).scalars())
        new: dict[int, Tripwire] = {}
        for record in records:
            if record.key not in held:
                new.setdefault(record.key, record)
        rows = [values_of(record, "id") for record in new.values()]
        self._add(_TRIPWIRE, rows)
        return len(rows)

    def tripwires(self) -> Sequence[Tripwire]:
        """All tripwires, oldest first."""
        return self._records(Tripwire, _ALL_TRIPWIRES)

    def remove_tripwire(self, number: int) -> None:
        """Forget one; raises `NotFoundError`."""
        if self._connection.execute(delete(_TRIPWIRE).where(_TRIPWIRE.c.id == number)).rowcount != 1:
            raise NotFoundError(
                "there is no tripwire {number}", number, hint="see them with: sigfed guard tripwire ls"
            )

    def set_aside(self, record: Quarantined, keys: Collection[int]) -> None:
        """Set an imported row aside, with the look-up keys of its digests."""
        wanted = insert(_QUARANTINE).values(quarantined(record))
        made = self._connection.execute(wanted.returning(_QUARANTINE.c.id))
        number = made.scalar_one()
        rows = [{"quarantine_id": number, "key": key} for key in sorted(set(keys))]
        self._add(_SET_ASIDE, rows)

    def let_pass(self, log_id: int) -> frozenset[int]:
        """Keys of rows that were set aside in this list and released by a person, and are not listed yet."""
        return frozenset(self._connection.execute(_LET_PASS, {"log_id": log_id}).scalars())

    def spend(self, log_id: int, keys: Iterable[Keys]) -> None:
        """Rows with these keys are listed now: what a person let pass, passes once."""
        held = self.let_pass(log_id)
        if not held:  # as nearly always, of millions of rows
            return
        wanted = np.fromiter(held, dtype=np.int64, count=len(held))
        spent = sorted({key for part in keys for key in wanted[np.isin(wanted, part)].tolist()})
        own = select(_QUARANTINE.c.id).where(_QUARANTINE.c.log_id == log_id)
        for part in slices(spent, _IN_LIST):
            these = _SET_ASIDE.c.key.in_(part)
            self._connection.execute(delete(_SET_ASIDE).where(these, _SET_ASIDE.c.quarantine_id.in_(own)))
