"""Which neighbouring entries of a list carry one content id: where the other digests of a file are found.

An import lists the digests of a file side by side, so a file has one row, and one more for each later addition to it. A
row too many costs a look at its entries; one too few changes what is screened.
"""

from collections.abc import Iterable
from itertools import repeat
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from node.store.lists.records import FileRun
from node.store.tables import FileRunRow, Rows, table
from protocol.slices import slices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_C: Final = table(FileRunRow).c
_ENTRIES: Final = func.coalesce(func.sum(_C.last + 1 - _C.first), 0)
_IN_LIST: Final = 1000
_INSERT: Final = 2**17


class FileRunRows(Rows):
    """The `file_run` table inside one transaction."""

    def put(self, log_id: int, runs: "NDArray[np.int64]") -> None:
        """Record rows of runs; of one that is recorded already the longer stays."""
        import numpy as np  # noqa: PLC0415 - what looks nothing up starts without it

        marks = ", ".join([self._mark] * 4)
        statement = (
            f"INSERT INTO file_run (log_id, file, first, last) VALUES ({marks})"  # noqa: S608 - only placeholders
            " ON CONFLICT (log_id, file, first) DO UPDATE SET last = excluded.last"
            " WHERE excluded.last > file_run.last"
        )
        ordered = runs[np.lexsort((runs[:, 1], runs[:, 0]))]
        for part in slices(ordered, _INSERT):
            rows = list(zip(repeat(log_id), *part.T.tolist(), strict=False))
            self._connection.exec_driver_sql(statement, rows)

    def of(self, log_id: int, files: Iterable[int], *, most: int | None = None) -> list[FileRun]:
        """All runs of these files in a list; with `most`, of those that have no more entries."""
        found: list[FileRun] = []
        for part in slices(sorted(set(files)), _IN_LIST):
            which = [_C.log_id == log_id, _C.file.in_(part)]
            if most is not None:
                few = select(_C.file).where(*which).group_by(_C.file).having(most >= _ENTRIES)
                which.append(_C.file.in_(few))
            rows = self._connection.execute(select(_C.file, _C.first, _C.last).where(*which))
            found += [FileRun(*row) for row in rows]
        return found

    def beyond(self, log_id: int, most: int) -> list[FileRun]:
        """All runs, by place, of files that have more entries in a list."""
        many = select(_C.file).where(_C.log_id == log_id).group_by(_C.file).having(most < _ENTRIES)
        wanted = select(_C.file, _C.first, _C.last).where(_C.log_id == log_id, _C.file.in_(many))
        return [FileRun(*row) for row in self._connection.execute(wanted.order_by(_C.first))]

    def count(self, log_id: int, files: Iterable[int]) -> int:
        """How many entries these files have in a list."""
        parts = slices(sorted(set(files)), _IN_LIST)
        counts = (select(_ENTRIES).where(_C.log_id == log_id, _C.file.in_(part)) for part in parts)
        return sum(int(self._connection.execute(each).scalar_one()) for each in counts)
