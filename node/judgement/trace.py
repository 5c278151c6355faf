"""In which releases of this node's subsets a digest is: the newest surely, older ones as far as they are kept.

The newest release has a row for each digest. Of older ones the answers are kept, and the row's tag finds the digest in
those of the same epoch; chance agrees with one in four billion.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from node.objects.listed_rows import catch_up, listed_in
from node.objects.release_files import ReleaseFolder
from node.store.store import Store
from node.store.subsets.records import Listed, ReleaseRecord, SubsetRecord
from protocol.digest import Digest
from protocol.subset.lookup import Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One subset's newest release, and whether it has a digest."""

    subset: SubsetRecord
    version: int
    collections: tuple[int, ...] = ()
    """In which the digest was effective; none: the release does not have it."""
    since: int = 0
    """The oldest release known to have it without a gap; 0: the newest does not."""
    exact: bool = True
    """Whether the release before `since` is known not to have it."""


def trace(store: Store, digests: Collection[Digest]) -> Mapping[Digest, tuple[Traced, ...]]:
    """For each digest, every subset that was released, by name."""
    catch_up(store)
    with store.read() as unit:
        published = {subset: unit.releases.ls(subset.name) for subset in unit.subsets.ls()}
        listed = {
            subset: listed_in(store, unit, records[-1], digests)
            for subset, records in published.items()
            if records
        }
    found: dict[Digest, list[Traced]] = {digest: [] for digest in digests}
    for subset, rows in listed.items():
        for digest, traced in _trace(store, subset, published[subset], digests, rows):
            found[digest].append(traced)
    return {digest: tuple(traced) for digest, traced in found.items()}


def _trace(
    store: Store,
    subset: SubsetRecord,
    records: Sequence[ReleaseRecord],
    digests: Collection[Digest],
    listed: Mapping[Digest, Listed],
) -> Iterator[tuple[Digest, Traced]]:
    newest = records[-1]
    since = _walk_back(store, records, listed)
    for digest in digests:
        if digest not in listed:
            yield digest, Traced(subset=subset, version=newest.version)
            continue
        version, exact = since[digest]
        yield (
            digest,
            Traced(
                subset=subset,
                version=newest.version,
                collections=listed[digest].numbers,
                since=version,
                exact=exact,
            ),
        )


def _walk_back(
    store: Store, records: Sequence[ReleaseRecord], listed: Mapping[Digest, Listed]
) -> dict[Digest, tuple[int, bool]]:
    """For each digest the oldest release of an unbroken row that ends in the newest, and whether that is certain."""
    newest = records[-1]
    since = dict.fromkeys(listed, (newest.version, newest.version == 1))
    open_ = list(listed)
    for record in reversed(records[:-1]):
        folder = ReleaseFolder(store, record)
        if not open_ or record.epoch != newest.epoch or not folder.exists():
            break
        tags = np.array([listed[digest].tag for digest in open_], dtype=np.int64).view(np.uint64)
        answered = Lookup(folder.load().release).answered(tags)
        for digest, has in zip(open_, answered.tolist(), strict=True):
            since[digest] = (record.version, record.version == 1) if has else (since[digest][0], True)
        open_ = [digest for digest, has in zip(open_, answered.tolist(), strict=True) if has]
    return since
