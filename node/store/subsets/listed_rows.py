"""What releases list, inside one transaction: rows by keyed hash, each from one release until another says otherwise.

A release that is claimed and not published yet ends rows and begins others; who asks what the one before it lists gets
the rows of before, until `settle` deletes them with the publication.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import BigInteger, Index, delete, func, literal_column, select, update
from sqlmodel import Field

from node.store.driver import insert_rows
from node.store.subsets.records import Listed, WideKey
from node.store.subsets.subsets import Subset
from node.store.tables import Rows, TableModel, key_part, table
from protocol.slices import batches, slices


class ListedRow(TableModel):
    """What releases from `since` on say of a digest, by 16 bytes of its keyed hash; clustered by that."""

    __tablename__ = "listed"
    __table_args__ = (
        # Of ended rows alone, as its migration says; said here too, every command would load PostgreSQL's dialect.
        Index("ix_listed_ended", "subset", "ended"),
        Index("ix_listed_shredded", "subset"),  # likewise
        {"sqlite_with_rowid": False},
    )

    subset: str = Field(max_length=64, primary_key=True)
    key: int = Field(sa_column=key_part())
    rest: int = Field(sa_column=key_part())
    since: int = Field(sa_column=key_part())
    ended: int | None = Field(default=None, sa_type=BigInteger)
    """The first release that says something else, while it waits for its signature."""
    tag: int = Field(sa_type=BigInteger)
    label: int = Field(sa_type=BigInteger)
    algorithm: int
    collections: bytes


_LISTED, _SUBSET = table(ListedRow), table(Subset)
_C: Final = _LISTED.c
_SHREDDED: Final = 0
"""Stands in the place of the algorithm of a hash that was shredded."""
_IN_LIST: Final = 1000
_INSERT: Final = 2**17
_COLUMNS: Final = (
    ("subset", "text"),
    ("since", "int8"),
    ("key", "int8"),
    ("rest", "int8"),
    ("tag", "int8"),
    ("label", "int8"),
    ("algorithm", "int4"),
    ("collections", "bytea"),
)
_NAMED: Final = ", ".join(Listed._fields)
_APART: Final = "coalesce(subset, '')"
"""A subset's name that SQLite does not look up: it would go through all rows of the subset, by the primary key, where
an index has but a few."""
_ROWS: Final = select(*(_C[name] for name in Listed._fields))


class ListedRows(Rows):
    """The `listed` table inside one transaction."""

    def find(self, subset: str, version: int, keys: Iterable[int]) -> list[Listed]:
        """What a release says of digests with these look-up keys."""
        found: list[Listed] = []
        for part in slices(sorted(set(keys)), _IN_LIST):
            found += self._said(subset, version, f"key IN ({', '.join([self._mark] * len(part))})", part)
        return found

    def between(self, subset: str, version: int, keys: range) -> list[Listed]:
        """What a release says of digests whose look-up keys are in this range, by key."""
        return self._said(
            subset, version, f"key BETWEEN {self._mark} AND {self._mark}", (keys.start, keys.stop - 1)
        )

    def all(self, subset: str) -> list[Listed]:
        """What the newest release says, claimed or published."""
        return [
            Listed(*row)
            for row in self._connection.execute(_ROWS.where(_C.subset == subset, _C.ended.is_(None)))
        ]

    def of_kind(self, subset: str, version: int, algorithm: int) -> list[Listed]:
        """What a release says of the digests of one algorithm."""
        return self._said(subset, version, f"algorithm = {self._mark}", (algorithm,))

    def count(self, subset: str, version: int) -> Mapping[int, int]:
        """How many digests a release lists, by their algorithm."""
        said = (
            *(_C.subset == subset, _C.algorithm != _SHREDDED),
            *(_C.since <= version, _C.ended.is_(None) | (_C.ended > version)),
        )
        query = select(_C.algorithm, func.count()).where(*said).group_by(_C.algorithm)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def lock(self, *subsets: str) -> None:
        """Let nobody else list or erase in these subsets, or any, before this transaction is over.

        On SQLite nobody could. What a burying deletes on PostgreSQL it would not see while a claim inserts it.
        """
        wanted = select(_SUBSET.c.name).order_by(_SUBSET.c.name).with_for_update()
        self._connection.execute(wanted.where(_SUBSET.c.name.in_(subsets)) if subsets else wanted)

    def reach(self, subset: str, version: int) -> bool:
        """Note that the rows are those of this release; False when they are already, or of a later one."""
        moved = update(_SUBSET).where(_SUBSET.c.name == subset, _SUBSET.c.listed < version)
        return bool(self._connection.execute(moved.values(listed=version)).rowcount)

    def advance(self, subset: str, version: int, *, ended: Iterable[WideKey], new: Iterable[Listed]) -> None:
        """Let a release say something else of some digests, or nothing any more, and list others."""
        mark = self._mark
        for rows in batches(((version, subset, *name) for name in ended), _INSERT):
            self._connection.exec_driver_sql(
                f"UPDATE listed SET ended = {mark} WHERE subset = {mark}"  # noqa: S608 - nothing but placeholders
                f" AND key = {mark} AND rest = {mark} AND ended IS NULL",
                rows,
            )
        for part in batches(new, _INSERT):
            insert_rows(
                self._connection, "listed", _COLUMNS, ((subset, version, *row) for row in sorted(part))
            )

    def left(self, subset: str, version: int) -> Sequence[Listed]:
        """What the release before this one listed and this one does not; until `settle`."""
        successor = _LISTED.alias("successor")
        same = (successor.c.subset == _C.subset, successor.c.key == _C.key, successor.c.rest == _C.rest)
        stays = select(1).where(*same, successor.c.since == version).exists()
        rows = _ROWS.where(literal_column(_APART) == subset, _C.ended == version, ~stays)
        return [Listed(*row) for row in self._connection.execute(rows)]

    def settle(self, subset: str, version: int) -> None:
        """Delete what this release, which is published, ended."""
        self._connection.execute(delete(_LISTED).where(_C.subset == subset, _C.ended <= version))

    def erase(self, names: Iterable[WideKey], rename: Callable[[WideKey, int], WideKey]) -> None:
        """Leave nothing of these digests but their tags, until a release lists them no more.

        `rename` makes of a name and a tag what their row is called from now on.
        """
        mark = self._mark
        which = f"key = {mark} AND rest = {mark}"
        wanted = list(names)
        if wanted:
            self.lock()
        for name in wanted:
            rows = self._connection.exec_driver_sql(
                # The index begins with the subset.
                f"SELECT subset, since, tag FROM listed WHERE subset IN (SELECT name FROM subset) AND {which}",  # noqa: S608
                name,
            ).all()
            for subset, since, tag in rows:
                self._connection.exec_driver_sql(
                    f"UPDATE listed SET key = {mark}, rest = {mark}, label = 0, algorithm = {_SHREDDED},"  # noqa: S608
                    f" collections = {mark} WHERE subset = {mark} AND since = {mark} AND {which}",
                    (*rename(name, tag), b"", subset, since, *name),
                )

    def shredded(self, subset: str, version: int) -> list[Listed]:
        """The rows of a release whose digests were shredded since it was made."""
        which = f"algorithm = {_SHREDDED}"  # not bound: its index is partial
        return self._said(subset, version, which, (), name=_APART)

    def _said(
        self, subset: str, version: int, which: str, values: Sequence[int], *, name: str = "subset"
    ) -> list[Listed]:
        mark = self._mark
        rows = self._connection.exec_driver_sql(
            f"SELECT {_NAMED} FROM listed WHERE {name} = {mark} AND {which}"  # noqa: S608 - nothing but placeholders
            f" AND since <= {mark} AND (ended IS NULL OR ended > {mark})",
            (subset, *values, version, version),
        )
        return [Listed(*row) for row in rows.all()]
