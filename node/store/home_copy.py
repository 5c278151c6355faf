"""The copy of the home's trust files and key ring, inside one transaction: one row, replaced by who has the lease."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from node.store.tables import HomeCopy, Rows, table

_NAME: Final = "home"
_TABLE: Final = table(HomeCopy)
_C: Final = _TABLE.c


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeCopyRecord:
    """The copy as it is kept."""

    number: int
    """Higher with each: when it was made, in milliseconds, or one more than the one before."""
    sealed: bytes = field(repr=False)


class HomeCopyRows(Rows):
    """The `home_copy` table."""

    def find(self, *, after: int = 0) -> HomeCopyRecord | None:
        """The copy; None where there is none, or none after this number."""
        asked = select(_C.number, _C.sealed).where(_C.name == _NAME, _C.number > after)
        return self._find(HomeCopyRecord, asked)

    def number(self) -> int:
        """That of the copy; 0 where there is none."""
        return self._connection.execute(select(_C.number).where(_C.name == _NAME)).scalar_one_or_none() or 0

    def put(self, record: HomeCopyRecord) -> None:
        """Keep a copy in place of the one before."""
        self._put(_TABLE, {"name": _NAME, "number": record.number, "sealed": record.sealed})
