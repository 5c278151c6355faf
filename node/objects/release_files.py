"""Where the files of releases lie in the object store, whole and as deltas.

    releases/<subset>/<version>-<start of the manifest's SHA-256>/manifest            the leaf
    …/screen, …/answers, …/filter                                                     as partners get them
    …/labels                                                                          as well, or in place of it:
    …/labels-of-<version>-<hash>                                                      what makes them of that release's
    …/basis                                                                           sealed, for the next release
    …/since-<version>/screen, …                                                       deltas, made once

The hash in the name keeps two attempts at one version apart: only the one that was claimed is ever read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Final, NamedTuple

from keys.message import Message
from node.errors import MissingObjectError, StoreError
from node.objects.sealed_names import basis_name, is_basis, is_roster
from node.ports.objects import GiveName
from node.store.mapped_files import maps_of, sparing
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.store.unit import Unit
from protocol.encoding import Octets
from protocol.errors import ProtocolError
from protocol.messages import ReleasePart
from protocol.subset.files import (
    HEAD_BYTES,
    Held,
    ReleaseFiles,
    read_release,
    same_answers,
    splice_labels,
    write_answers,
    write_labels,
    write_screen,
    write_whole_answers,
)
from protocol.subset.label import LABEL_BYTES
from protocol.subset.manifest import Manifest
from protocol.subset.release import Release, check_labels_root, pieces_of
from protocol.subset.spliced_octets import Laid, Spliced

KEPT: Final = 32
"""Releases whose files are kept: whoever is further behind fetches whole files."""
_HASH_CHARS: Final = 32
RELEASES: Final = "releases/"
_SPLICED: Final = "labels-of-"
_RUNS: Final = 2048
"""Of which labels lie in an object of their own again: whoever reads them goes from one to the next."""


class SplicedLabels(NamedTuple):
    """Labels that are made of those of another release."""

    base: str
    """Its folder."""
    octets: bytes


def spared(labels: Laid, which: slice = slice(None)) -> Iterator[Octets]:
    """Labels in order, or which of their octets, some at a time; what was read of mapped ones is given back."""
    return sparing(pieces_of(labels, which), maps_of(labels))


class ReleaseFolder:
    """The objects of one release."""

    def __init__(self, store: Store, record: ReleaseRecord) -> None:
        self._store = store
        self._record = record
        self._folder = f"{record.version}-{record.manifest_sha256.hex()[:_HASH_CHARS]}"
        self.prefix = f"{subset_prefix(record.subset)}{self._folder}/"

    def put(self, release: Release, labels: GiveName | SplicedLabels | None) -> None:
        """Write a release durably, with what its labels are made of, or give these, which are written, their name."""
        spliced = [labels] if isinstance(labels, SplicedLabels) else []
        with self._store.objects.unnamed(write_whole_answers(release)) as answers:
            answers(self._name(ReleasePart.ANSWERS))
        self._store.objects.put_all(
            [
                (self._name("manifest"), release.manifest.to_bytes()),
                (self._name(ReleasePart.SCREEN), write_screen(release)),
                *_filter_of(release, self._name(ReleasePart.FILTER)),
                *((self._name(_SPLICED + base), octets) for base, octets in spliced),
            ]
        )
        if labels is not None and not isinstance(labels, SplicedLabels):
            labels(self._name(ReleasePart.LABELS))

    def splice(self, parts: Iterable[slice | Octets], *, same: bool = False) -> SplicedLabels | None:
        """What makes the labels of the next release of `parts` of its own, and new ones.

        None when it is time to write all of them, unless they are the `same`: they are in too many pieces, or so many
        releases were made of one that what has been shredded since would stay in it.
        """
        base = self._base() or self._folder
        spliced = splice_labels(self._labels, parts)
        aged = self._record.version - _version_in(base) >= KEPT
        if not same and (aged or spliced.runs > _RUNS):
            return None
        return SplicedLabels(base, spliced.to_bytes())

    def put_basis(self, basis: bytes) -> None:
        """Write what the next release may begin from."""
        self._store.objects.put(self._basis, self._store.vault.seal(self._basis, basis))

    def basis(self) -> bytes | None:
        """What the next release may begin from; None where it is not there, or damaged: it can be done without."""
        try:
            return self._store.vault.unseal(self._basis, self._store.objects.get(self._basis))
        except StoreError:
            return None

    def forget_basis(self) -> None:
        """Delete what only the next release begins from."""
        self._store.objects.delete(self._basis)

    def manifest(self) -> bytes:
        """The leaf."""
        return self._store.objects.get(self._name("manifest"))

    def read_manifest(self) -> Manifest:
        """What the leaf says; raises `StoreError`."""
        with self._undamaged():
            return Manifest.from_bytes(self.manifest())

    def load(self, *, pieces: Callable[[Laid], Iterator[Octets]] | None = spared) -> Held:
        """The release, verified again, but for its labels where there are no `pieces`; raises `StoreError`."""
        objects, manifest = self._store.objects, self.read_manifest()
        with self._undamaged():
            screen, answers = objects.get_all(map(self._name, (ReleasePart.SCREEN, ReleasePart.ANSWERS)))
            files = ReleaseFiles(
                screen=screen,
                answers=answers,
                labels=self.part(ReleasePart.LABELS, since=None) if manifest.labels_root else None,
                filter=self._filter(),
            )
            hasher = self._store.vault.hasher
            return Held(self._record.version, read_release(manifest, files, pieces=pieces, hasher=hasher))

    def require_labels(self, root: bytes) -> None:
        """Check that labels of this root are its own; raises `StoreError`."""
        manifest = self.read_manifest()
        with self._undamaged():
            check_labels_root(manifest, root)

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        try:
            yield
        except ProtocolError as exc:
            raise StoreError(
                "release {version} of {subset} is damaged: {reason}",
                self._record.version,
                self._record.subset,
                exc,
                hint=Message(
                    "restore the object folder from a backup; where labels alone are damaged, another epoch begins"
                    " with its own: sigfed key rotate oprf --of {subset}",
                    self._record.subset,
                ),
            ) from exc

    def part(self, part: ReleasePart, *, since: ReleaseRecord | None) -> Laid:
        """One file: whole, or from `since` as `make_deltas` stored it: as a delta where there is a smaller one.

        Mapped where objects are files.

        Raises `MissingObjectError` for labels and filter of a release without, and for a release that is not kept,
        `StoreError` where what makes its labels is damaged.
        """
        name = self.object_of(part, since=since)
        is_labels = part is ReleasePart.LABELS and name == self.object_of(part, since=None)
        return self._labels if is_labels else self._store.objects.view(name)

    def object_of(self, part: ReleasePart, *, since: ReleaseRecord | None) -> str:
        """The name of what says one file, as for `part`."""
        if since is not None and self._store.objects.exists(self._delta_name(since, part)):
            return self._delta_name(since, part)
        base = self._base() if part is ReleasePart.LABELS else None
        return self._name(part if base is None else _SPLICED + base)

    @cached_property
    def _labels(self) -> Laid:
        """Their file: from a bucket it is read whole, and so but once."""
        objects, name = self._store.objects, self.object_of(ReleasePart.LABELS, since=None)
        base = name.removeprefix(self.prefix + _SPLICED)
        if base == name:
            return objects.view(name)
        whole = objects.view(self._labels_in(base))
        with self._undamaged():
            return Spliced.from_bytes(whole, objects.get(name))

    @property
    def labels_made_of(self) -> str | None:
        """The object that its labels are in but for new ones; None where all are in its own."""
        base = self._base()
        return None if base is None else self._labels_in(base)

    def _labels_in(self, folder: str) -> str:
        return f"{subset_prefix(self._record.subset)}{folder}/{ReleasePart.LABELS}"

    def has_deltas(self, since: ReleaseRecord) -> bool:
        """Whether `part` can be asked for deltas from `since`."""
        return self._store.objects.exists(self._delta_name(since, ReleasePart.SCREEN))

    def make_deltas(self, since: ReleaseRecord, make: Callable[[], ReleaseFiles] | None = None) -> None:
        """Store the deltas from `since`, a kept release, unless they are there; raises `StoreError`.

        Who can `make` them spares reading both releases.
        """
        if not self.has_deltas(since):
            self._store_deltas(since, make)

    def exists(self) -> bool:
        """Whether its files are kept."""
        return self._store.objects.exists(self._name("manifest"))

    def discard(self) -> None:
        """Delete the files of a release that was not claimed."""
        for name in list(self._store.objects.ls(self.prefix)):
            self._store.objects.delete(name)

    def _store_deltas(self, since: ReleaseRecord, make: Callable[[], ReleaseFiles] | None) -> None:
        objects = self._store.objects
        files = make() if make else deltas(self.load().release, ReleaseFolder(self._store, since).load())
        # What is no smaller is not kept: whoever names one earlier release after the other would have all files kept
        # once more for each. But of the screen, which is small, and comes last: where it is, `has_deltas` takes all
        # of them to be.
        for part, data in ((ReleasePart.LABELS, files.labels), (ReleasePart.ANSWERS, files.answers)):
            if data is not None and len(data) < self._size(part):
                objects.put(self._delta_name(since, part), bytes(data))
        is_smaller = len(files.screen) < self._size(ReleasePart.SCREEN)
        screen = files.screen if is_smaller else self.part(ReleasePart.SCREEN, since=None)
        objects.put(self._delta_name(since, ReleasePart.SCREEN), bytes(screen))

    def _size(self, part: ReleasePart) -> int:
        if part is ReleasePart.LABELS:  # which may lie in two objects
            return HEAD_BYTES + self._record.answers * LABEL_BYTES
        return self._store.objects.size(self._name(part))

    def _base(self) -> str | None:
        """The folder of the release that its labels are made of."""
        start = self.prefix + _SPLICED
        names = self._store.objects.ls(self.prefix)
        return next((name.removeprefix(start) for name in names if name.startswith(start)), None)

    def _filter(self) -> bytes | None:
        """None for a release of a version that kept none."""
        try:
            return self._store.objects.get(self._name(ReleasePart.FILTER))
        except MissingObjectError:
            return None

    @property
    def _basis(self) -> str:
        return basis_name(self.prefix)

    def _name(self, last: str) -> str:
        return self.prefix + last

    def _delta_name(self, since: ReleaseRecord, part: ReleasePart) -> str:
        return self._name(f"since-{since.version}/{part}")


def unclaimed(store: Store) -> Iterator[str]:
    """Objects of releases that no row names: of one that is being made, or whose maker died or lost its race."""
    found = [(_folder_of(name), name) for name in store.objects.ls(RELEASES)]
    # The rows are read after the objects: a release that was claimed in between has its row by now.
    with store.read() as unit:
        records = _claimed(unit)
    named = {ReleaseFolder(store, record).prefix for record in records}
    return (name for folder, name in found if folder not in named)


def kept_releases(store: Store) -> Sequence[ReleaseRecord]:
    """All that are claimed or published, and whose files are kept."""
    with store.read() as unit:
        records = _claimed(unit)
    return [record for record in records if ReleaseFolder(store, record).exists()]


def _claimed(unit: Unit) -> Sequence[ReleaseRecord]:
    return [
        record
        for subset in unit.subsets.ls()
        for record in (*unit.releases.ls(subset.name), *_pending(unit, subset))
    ]


def _pending(unit: Unit, subset: SubsetRecord) -> Iterator[ReleaseRecord]:
    """The release whose leaf waits for its signature."""
    log = unit.logs.get(subset.origin)
    if log.pending is not None:
        yield unit.releases.get(subset.name, log.pending.size)


def subset_prefix(subset: str) -> str:
    """The folder of all releases of a subset."""
    return f"{RELEASES}{subset}/"


def tidy(store: Store, records: Iterable[ReleaseRecord]) -> None:
    """Delete what no partner can ask for any more; `records` are the published releases of one subset.

    Kept are the newest releases whole, the last one of the epoch before, in which partners may still look up, and
    everything of versions above them: another process may be writing one; and the labels that those of a kept one are
    made of. A roster of an older version is not: rows were made of it, and a crash or a power cut left it.
    """
    published = sorted(records, key=lambda record: record.version)
    if not published:
        return
    newest, kept = published[-1], {ReleaseFolder(store, record).prefix for record in published[-KEPT:]}
    earlier = [record for record in published if record.epoch < newest.epoch]
    kept |= {ReleaseFolder(store, record).prefix for record in earlier[-1:]}
    names = list(store.objects.ls(subset_prefix(newest.subset)))
    kept |= {folder for folder in map(_folder_of, names) if _version_of(folder) > newest.version}
    bases = {_base_labels(name) for name in names if _folder_of(name) in kept}
    for name in names:
        folder = _folder_of(name)
        outgrown = is_basis(name) and _version_of(folder) < newest.version
        if is_roster(name) or outgrown or (folder not in kept and name not in bases):
            store.objects.delete(name)


def _base_labels(name: str) -> str | None:
    """The labels that others are made of by an object of this name."""
    last = name.removeprefix(folder := _folder_of(name))
    if not last.startswith(_SPLICED):
        return None
    return f"{folder.rstrip('/').rpartition('/')[0]}/{last.removeprefix(_SPLICED)}/{ReleasePart.LABELS}"


def _folder_of(name: str) -> str:
    return "/".join(name.split("/")[:3]) + "/"


def _version_of(folder: str) -> int:
    return _version_in(folder.split("/")[2])


def _version_in(name: str) -> int:
    return int(name.partition("-")[0])


def _filter_of(release: Release, name: str) -> Iterator[tuple[str, bytes]]:
    if release.filter is not None:
        yield name, release.filter.to_bytes()


def deltas(release: Release, since: Held) -> ReleaseFiles:
    """The files of a release as deltas from an earlier one, as far as there can be such, by comparing them."""
    labels = None
    if release.labels is not None and same_answers(since.release.manifest, release.manifest):
        maps = [*maps_of(release.labels), *maps_of(since.release.labels or b"")]
        labels = write_labels(release, since=since, through=partial(sparing, maps=maps))
    return ReleaseFiles(
        screen=write_screen(release, since=since), answers=write_answers(release, since=since), labels=labels
    )
