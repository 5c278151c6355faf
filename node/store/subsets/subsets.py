"""Subsets, their source numbers and their releases, inside one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Row, bindparam, select, update
from sqlmodel import Field

from node.errors import AlreadyExistsError, ConflictError, NotFoundError
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.store.tables import Rows, TableModel, record, table, values_of
from protocol.subset.filter import SubsetFilter


class Subset(TableModel):
    """A subset with the public key of its epoch; the secret is in a key file, never here."""

    __tablename__ = "subset"

    name: str = Field(max_length=64, primary_key=True)
    origin: str = Field(max_length=255, unique=True)
    filter_cbor: bytes
    epoch: int = Field(sa_type=BigInteger)
    pk: bytes
    created_ms: int = Field(sa_type=BigInteger)
    sealed_salt: bytes
    listed: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))


class SourceNumber(TableModel):
    """The number that stands for a log in the labels of one epoch."""

    __tablename__ = "source_number"

    subset: str = Field(max_length=64, foreign_key="subset.name", primary_key=True)
    epoch: int = Field(sa_type=BigInteger, primary_key=True)
    number: int = Field(primary_key=True)
    origin: str = Field(max_length=255)


class ReleaseRow(TableModel):
    """A release; its note is set when it is published."""

    __tablename__ = "subset_release"

    subset: str = Field(max_length=64, foreign_key="subset.name", primary_key=True)
    version: int = Field(sa_type=BigInteger, primary_key=True)
    epoch: int = Field(sa_type=BigInteger)
    kind: int
    manifest_sha256: bytes
    answers: int = Field(sa_type=BigInteger)
    added: int = Field(sa_type=BigInteger)
    removed: int = Field(sa_type=BigInteger)
    created_ms: int = Field(sa_type=BigInteger)
    not_after_ms: int = Field(sa_type=BigInteger)
    note: bytes | None = None


_SUBSET, _SOURCE, _RELEASE = table(Subset), table(SourceNumber), table(ReleaseRow)
_ALL: Final = select(_SUBSET).order_by(_SUBSET.c.name)
_BY_NAME: Final = select(_SUBSET).where(_SUBSET.c.name == bindparam("name"))
_NUMBERS: Final = select(_SOURCE.c.origin, _SOURCE.c.number).where(
    _SOURCE.c.subset == bindparam("name"), _SOURCE.c.epoch == bindparam("epoch")
)
_BY_VERSION: Final = select(_RELEASE).where(
    _RELEASE.c.subset == bindparam("subset"), _RELEASE.c.version == bindparam("version")
)
_PUBLISHED: Final = select(_RELEASE).where(
    _RELEASE.c.subset == bindparam("subset"), _RELEASE.c.note.is_not(None)
)
_OLDEST_FIRST: Final = _PUBLISHED.order_by(_RELEASE.c.version)
_LATEST: Final = _PUBLISHED.order_by(_RELEASE.c.version.desc()).limit(bindparam("limit"))
_UNLISTED: Final = (
    select(_RELEASE)
    .join(_SUBSET, _SUBSET.c.name == _RELEASE.c.subset)
    .where(_RELEASE.c.version > _SUBSET.c.listed)
    .order_by(_RELEASE.c.version)
)


class SubsetRows(Rows):
    """The `subset` and `source_number` tables."""

    def create(self, subset: SubsetRecord) -> None:
        """Add a subset; raises `AlreadyExistsError`."""
        row = values_of(subset, "filter", filter_cbor=subset.filter.to_bytes())
        self._insert(_SUBSET, row, AlreadyExistsError("{name} is a subset already", subset.name))

    def get(self, name: str) -> SubsetRecord:
        """The subset of that name; raises `NotFoundError`."""
        missing = NotFoundError(
            "there is no subset {name}", name, hint="see what there is with: sigfed subset ls"
        )
        return self._get(_subset, _BY_NAME, missing, name=name)

    def ls(self) -> Sequence[SubsetRecord]:
        """All subsets by name."""
        return self._records(_subset, _ALL)

    def set_filter(self, name: str, subset_filter: SubsetFilter) -> None:
        """What the subset takes in from now on."""
        changed = update(_SUBSET).where(_SUBSET.c.name == name)
        self._connection.execute(changed.values(filter_cbor=subset_filter.to_bytes()))

    def enter(self, name: str, epoch: int, pk: bytes) -> None:
        """Releases are made in this epoch, whose public key has 32 bytes, from now on; never in an earlier one."""
        moved = update(_SUBSET).where(_SUBSET.c.name == name, _SUBSET.c.epoch < epoch)
        self._connection.execute(moved.values(epoch=epoch, pk=pk))

    def source_numbers(self, name: str, epoch: int) -> Mapping[str, int]:
        """Numbers given to logs in an epoch, by origin."""
        rows = self._connection.execute(_NUMBERS, {"name": name, "epoch": epoch})
        return {row.origin: row.number for row in rows}

    def add_sources(self, name: str, epoch: int, numbers: Mapping[str, int]) -> None:
        """Give numbers to more logs; a number that was given is never given again."""
        rows = [
            {"subset": name, "epoch": epoch, "number": number, "origin": origin}
            for origin, number in numbers.items()
        ]
        self._add(_SOURCE, rows)


class ReleaseRows(Rows):
    """The `subset_release` table."""

    def add(self, release: ReleaseRecord) -> None:
        """Record a release whose leaf is in the pending head; raises `ConflictError` when the version is taken."""
        self._insert(
            _RELEASE,
            values_of(release),
            ConflictError(
                "release {version} of {subset} was made meanwhile", release.version, release.subset
            ),
        )

    def publish(self, subset: str, version: int, note: bytes) -> None:
        """Note under which checkpoint a release was published."""
        changed = update(_RELEASE).where(_RELEASE.c.subset == subset, _RELEASE.c.version == version)
        self._connection.execute(changed.values(note=note))

    def get(self, subset: str, version: int) -> ReleaseRecord:
        """A release, published or not; raises `NotFoundError`."""
        missing = NotFoundError("there is no release {version} of {subset}", version, subset)
        return self._get(ReleaseRecord, _BY_VERSION, missing, subset=subset, version=version)

    def newest(self, subset: str) -> ReleaseRecord | None:
        """The newest published release."""
        return next(iter(self.latest(subset, limit=1)), None)

    def unlisted(self) -> Sequence[ReleaseRecord]:
        """The newest of each subset, published or claimed, of which no rows say what they list, oldest first."""
        found: dict[tuple[str, bool], ReleaseRecord] = {}
        for each in self._records(ReleaseRecord, _UNLISTED):
            found[each.subset, each.note is None] = each
        return sorted(found.values(), key=lambda record: record.version)

    def latest(self, subset: str, *, limit: int) -> Sequence[ReleaseRecord]:
        """The last published releases, newest first."""
        return self._records(ReleaseRecord, _LATEST, subset=subset, limit=limit)

    def ls(self, subset: str) -> Sequence[ReleaseRecord]:
        """The published releases, oldest first."""
        return self._records(ReleaseRecord, _OLDEST_FIRST, subset=subset)


def _subset(row: Row[Any]) -> SubsetRecord:
    return record(SubsetRecord, row, filter=SubsetFilter.from_bytes(bytes(row.filter_cbor)))
