"""Subsets, their source numbers and their releases, inside one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.errors import AlreadyExistsError, ConflictError, NotFoundError
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.store.subsets.tables import ReleaseRow, SourceNumber, Subset
from node.store.tables import Rows, record, table
from protocol.subset.filter import SubsetFilter
from protocol.subset.manifest import ReleaseKind

_SUBSET, _SOURCE, _RELEASE = table(Subset), table(SourceNumber), table(ReleaseRow)


class SubsetRows(Rows):
    """The `subset` and `source_number` tables."""

    def create(self, subset: SubsetRecord) -> None:
        """Add a subset; raises `AlreadyExistsError`."""
        row = {
            "name": subset.name,
            "origin": subset.origin,
            "filter_cbor": subset.filter.to_bytes(),
            "epoch": subset.epoch,
            "pk": subset.pk,
            "created_ms": subset.created_ms,
            "sealed_salt": subset.sealed_salt,
        }
        try:
            self._connection.execute(insert(_SUBSET).values(row))
        except IntegrityError:
            raise AlreadyExistsError("{name} is a subset already", subset.name) from None

    def get(self, name: str) -> SubsetRecord:
        """The subset of that name; raises `NotFoundError`."""
        row = self._connection.execute(select(_SUBSET).where(_SUBSET.c.name == name)).one_or_none()
        if row is None:
            raise NotFoundError(
                "there is no subset {name}", name, hint="see what there is with: sigfed subset ls"
            )
        return _subset(row)

    def ls(self) -> Sequence[SubsetRecord]:
        """All subsets by name."""
        return [_subset(row) for row in self._connection.execute(select(_SUBSET).order_by(_SUBSET.c.name))]

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
        wanted = select(_SOURCE.c.origin, _SOURCE.c.number).where(
            _SOURCE.c.subset == name, _SOURCE.c.epoch == epoch
        )
        return {row.origin: row.number for row in self._connection.execute(wanted)}

    def add_sources(self, name: str, epoch: int, numbers: Mapping[str, int]) -> None:
        """Give numbers to more logs; a number that was given is never given again."""
        rows = [
            {"subset": name, "epoch": epoch, "number": number, "origin": origin}
            for origin, number in numbers.items()
        ]
        if rows:
            self._connection.execute(insert(_SOURCE), rows)


class ReleaseRows(Rows):
    """The `subset_release` table."""

    def add(self, release: ReleaseRecord) -> None:
        """Record a release whose leaf is in the pending head; raises `ConflictError` when the version is taken."""
        row = {
            "subset": release.subset,
            "version": release.version,
            "epoch": release.epoch,
            "kind": int(release.kind),
            "manifest_sha256": release.manifest_sha256,
            "answers": release.answers,
            "added": release.added,
            "removed": release.removed,
            "created_ms": release.created_ms,
            "not_after_ms": release.not_after_ms,
            "note": release.note,
        }
        try:
            self._connection.execute(insert(_RELEASE).values(row))
        except IntegrityError:
            raise ConflictError(
                "release {version} of {subset} was made meanwhile", release.version, release.subset
            ) from None

    def publish(self, subset: str, version: int, note: bytes) -> None:
        """Note under which checkpoint a release was published."""
        changed = update(_RELEASE).where(_RELEASE.c.subset == subset, _RELEASE.c.version == version)
        self._connection.execute(changed.values(note=note))

    def get(self, subset: str, version: int) -> ReleaseRecord:
        """A release, published or not; raises `NotFoundError`."""
        wanted = select(_RELEASE).where(_RELEASE.c.subset == subset, _RELEASE.c.version == version)
        row = self._connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFoundError("there is no release {version} of {subset}", version, subset)
        return _release(row)

    def newest(self, subset: str) -> ReleaseRecord | None:
        """The newest published release."""
        row = self._connection.execute(_published(subset).order_by(_RELEASE.c.version.desc()).limit(1))
        return next(map(_release, row), None)

    def unlisted(self) -> Sequence[ReleaseRecord]:
        """The newest of each subset, published or claimed, of which no rows say what they list, oldest first."""
        behind = _RELEASE.c.version > _SUBSET.c.listed
        rows = select(_RELEASE).join(_SUBSET, _SUBSET.c.name == _RELEASE.c.subset).where(behind)
        found: dict[tuple[str, bool], ReleaseRecord] = {}
        for row in self._connection.execute(rows.order_by(_RELEASE.c.version)):
            found[row.subset, row.note is None] = _release(row)
        return sorted(found.values(), key=lambda record: record.version)

    def latest(self, subset: str, *, limit: int) -> Sequence[ReleaseRecord]:
        """The last published releases, newest first."""
        rows = self._connection.execute(_published(subset).order_by(_RELEASE.c.version.desc()).limit(limit))
        return [_release(row) for row in rows]

    def ls(self, subset: str) -> Sequence[ReleaseRecord]:
        """The published releases, oldest first."""
        return [
            _release(row) for row in self._connection.execute(_published(subset).order_by(_RELEASE.c.version))
        ]


def _published(subset: str) -> Select[Any]:
    return select(_RELEASE).where(_RELEASE.c.subset == subset, _RELEASE.c.note.is_not(None))


def _subset(row: Row[Any]) -> SubsetRecord:
    return record(SubsetRecord, row, filter=SubsetFilter.from_bytes(bytes(row.filter_cbor)))


def _release(row: Row[Any]) -> ReleaseRecord:
    return record(ReleaseRecord, row, kind=ReleaseKind(row.kind))
