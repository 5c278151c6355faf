"""Disclosed look-ups in numbers, inside one transaction."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import BigInteger, Row, delete, insert, select, update
from sqlmodel import Field

from node.store.partners.records import Allowance, DisclosureRecord
from node.store.tables import Rows, TableModel, record, table, values_of


class DisclosureRow(TableModel):
    """What a partner may show in the clear, with its bucket, and what it has shown, in numbers."""

    __tablename__ = "disclosure"

    partner: str = Field(max_length=64, primary_key=True)
    values_per_day: int = Field(sa_type=BigInteger)
    level: int = Field(sa_type=BigInteger)
    level_ms: int = Field(sa_type=BigInteger)
    month: str = Field(max_length=7)
    used: int = Field(sa_type=BigInteger)
    asked: int = Field(sa_type=BigInteger)
    met: int = Field(sa_type=BigInteger)
    stopped_ms: int | None = Field(default=None, sa_type=BigInteger)


class DisclosedAboutRow(TableModel):
    """How many values of a partner were about one entry."""

    __tablename__ = "disclosed_about"

    partner: str = Field(max_length=64, primary_key=True)
    entry: int = Field(primary_key=True, sa_type=BigInteger)
    count: int = Field(sa_type=BigInteger)


_DISCLOSURE, _ABOUT = table(DisclosureRow), table(DisclosedAboutRow)


class DisclosureRows(Rows):
    """The `disclosure` and `disclosed_about` tables."""

    def find(self, partner: str) -> DisclosureRecord | None:
        """That of a partner; None: it was never allowed any."""
        return self._find(_record, select(_DISCLOSURE).where(_DISCLOSURE.c.partner == partner))

    def lock(self, partner: str) -> DisclosureRecord | None:
        """As `find`, and nobody else changes it until this transaction, which is one that writes, ends."""
        this = select(_DISCLOSURE).where(_DISCLOSURE.c.partner == partner)
        return self._find(_record, this.with_for_update())

    def put(self, record: DisclosureRecord) -> None:
        """Keep what a partner may show and has shown, in place of what was kept."""
        self._put(_DISCLOSURE, values_of(record, "allowance") | values_of(record.allowance))

    def count_about(self, partner: str, entries: Collection[int]) -> int:
        """Count one more value about each of these entries, by their look-up keys; gives the highest count."""
        highest = 0
        for entry in sorted(entries):
            this = (_ABOUT.c.partner == partner, _ABOUT.c.entry == entry)
            held = self._connection.execute(select(_ABOUT.c.count).where(*this)).scalar_one_or_none()
            count = (held or 0) + 1
            if held is None:
                self._connection.execute(insert(_ABOUT).values(partner=partner, entry=entry, count=count))
            else:
                self._connection.execute(update(_ABOUT).where(*this).values(count=count))
            highest = max(highest, count)
        return highest

    def stopped(self) -> Sequence[str]:
        """Partners that wait for a person, by name."""
        wanted = select(_DISCLOSURE.c.partner).where(_DISCLOSURE.c.stopped_ms.is_not(None))
        return [row.partner for row in self._connection.execute(wanted.order_by(_DISCLOSURE.c.partner))]

    def forget_about(self, partner: str) -> None:
        """Count anew: a person looked."""
        self._connection.execute(delete(_ABOUT).where(_ABOUT.c.partner == partner))


def _record(row: Row[Any]) -> DisclosureRecord:
    return record(DisclosureRecord, row, allowance=record(Allowance, row))
