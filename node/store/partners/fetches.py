"""What partners fetched, inside one transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Index, Row, func, select, text
from sqlmodel import Field

from node.store.partners.partners import Partner
from node.store.partners.records import FetchedRelease
from node.store.subsets.subsets import ReleaseRow
from node.store.tables import Rows, TableModel, record, table


class FetchedReleaseRow(TableModel):
    """The newest release of a subset of which a partner fetched every file."""

    __tablename__ = "fetched_release"
    __table_args__ = (Index("ix_fetched_release_version", "subset", "version"),)

    partner: str = Field(max_length=64, primary_key=True)
    subset: str = Field(max_length=64, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    fetched_ms: int = Field(sa_type=BigInteger)


_FETCHED, _PARTNER, _RELEASE = table(FetchedReleaseRow), table(Partner), table(ReleaseRow)
_PUT: Final = text(
    "INSERT INTO fetched_release (partner, subset, version, fetched_ms)"
    " VALUES (:partner, :subset, :version, :now_ms)"
    " ON CONFLICT (partner, subset) DO UPDATE SET version = excluded.version, fetched_ms = excluded.fetched_ms"
    " WHERE fetched_release.version < excluded.version"
)
_OF_RELEASE: Final = (_RELEASE.c.subset == _FETCHED.c.subset) & (_RELEASE.c.version == _FETCHED.c.version)
_OF_PARTNER: Final = (_FETCHED.c.partner == _PARTNER.c.name) & (_FETCHED.c.subset == _PARTNER.c.subset)


class FetchedRows(Rows):
    """The `fetched_release` table."""

    def put(self, partner: str, subset: str, version: int, *, now_ms: int) -> None:
        """Keep that a partner fetched a release, in place of an older one; of one that it has, nothing changes."""
        values = {"partner": partner, "subset": subset, "version": version, "now_ms": now_ms}
        self._connection.execute(_PUT, values)

    def of(self, partners: Collection[str]) -> Mapping[str, FetchedRelease]:
        """What each of some partners fetched last, by its name; who fetched nothing is not in it."""
        wanted = (
            select(_FETCHED, _RELEASE.c.created_ms)
            .join(_PARTNER, _OF_PARTNER)
            .join(_RELEASE, _OF_RELEASE)
            .where(_PARTNER.c.name.in_(partners))
        )
        return {row.partner: _fetched(row) for row in self._connection.execute(wanted)}

    def counts(self, subset: str) -> Mapping[int, int]:
        """How many partners, suspended ones not among them, fetched last which version."""
        wanted = (
            select(_FETCHED.c.version, func.count())
            .join(_PARTNER, _OF_PARTNER)
            .where(_FETCHED.c.subset == subset, _PARTNER.c.suspended.is_(False))
            .group_by(_FETCHED.c.version)
        )
        return {row[0]: row[1] for row in self._connection.execute(wanted)}

    def behind(self, subset: str, version: int, *, limit: int) -> Sequence[tuple[str, FetchedRelease | None]]:
        """Partners of a subset that have not fetched `version`, with what they have, the furthest behind first.

        Suspended ones are not among them: they can fetch nothing.
        """
        has = func.coalesce(_FETCHED.c.version, 0)
        wanted = (
            select(_PARTNER.c.name, _FETCHED, _RELEASE.c.created_ms)
            .select_from(_PARTNER)
            .outerjoin(_FETCHED, _OF_PARTNER)
            .outerjoin(_RELEASE, _OF_RELEASE)
            .where(_PARTNER.c.subset == subset, _PARTNER.c.suspended.is_(False), has < version)
            .order_by(has, _PARTNER.c.name)
            .limit(limit)
        )
        rows = self._connection.execute(wanted)
        return [(row.name, None if row.version is None else _fetched(row)) for row in rows]


def _fetched(row: Row[Any]) -> FetchedRelease:
    return record(FetchedRelease, row, made_ms=row.created_ms)
