"""Everything in the object store compared with what a seal, a signed head, a manifest or a hash says it must be.

Reads all of it, holds little of it in memory, and changes nothing. What nothing vouches for is not mentioned: whoever
asks knows by that what was not checked.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final

from keys.errors import SigfedError
from node.errors import MissingObjectError, NodeError, StoreError
from node.objects.logfiles import LogFiles
from node.objects.rekey import is_sealed
from node.objects.release_files import ReleaseFolder, kept_releases, spared
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord
from protocol.errors import MalformedError
from protocol.limits import BUNDLE_WIDTH
from protocol.messages import ReleasePart
from protocol.slices import slices
from protocol.subset.files import Held, ReleaseFiles, read_answers, read_release
from protocol.subset.manifest import Manifest
from protocol.subset.release import check_answers
from protocol.subset.spliced_octets import Laid
from protocol.tlog.hasher import HASH_BYTES
from protocol.tlog.merkle import CompactRange, leaf_hash, root_of
from protocol.tlog.tiles import bundle_widths, decode_bundle, parse_entries_path, parse_tile_path

_DAMAGED: Final = "it is damaged"
UNREADABLE: Final = (SigfedError, OSError, ValueError, LookupError, TypeError)
"""What a reader of altered bytes comes to."""
_HASHED: Final = ("evidence/",)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file or object that was checked."""

    name: str
    wrong: str = ""
    """Empty: nothing is."""


def attempt(name: str, check: Callable[[], object]) -> Verdict:
    """The verdict of a check that raises when something is wrong."""
    try:
        check()
    except UNREADABLE as exc:
        return Verdict(name, words_of(exc))
    return Verdict(name)


def words_of(exc: Exception) -> str:
    """What is wrong, of an error of `UNREADABLE`."""
    return exc.message if isinstance(exc, SigfedError) else _DAMAGED


def verify_objects(store: Store) -> Iterator[Verdict]:
    """A verdict on every object that something vouches for, and on every one that is missing."""
    with store.read() as unit:
        logs = unit.logs.ls(*LogKind)
    yield from _sealed(store)
    for log in logs:
        yield from _LogWalk(store, log).verdicts()
    yield from _releases(store)
    for folder in _HASHED:
        for name in store.objects.ls(folder):
            said = name.removeprefix(folder).partition(".")[0]
            right = sha256(store.objects.get(name)).hexdigest() == said
            yield Verdict(name, "" if right else "it is not what its name says")


def _sealed(store: Store) -> Iterator[Verdict]:
    for name in store.objects.ls(""):
        if is_sealed(name):
            try:
                data = store.objects.get(name)
            except MissingObjectError:  # deleted meanwhile
                continue
            yield attempt(name, partial(store.vault.unseal, name, data))


@dataclass(slots=True)
class _Side:
    """The leaves of a log as one of the two kinds of objects has them."""

    tree: CompactRange = field(default_factory=CompactRange)
    roots: list[bytes] = field(default_factory=list)
    """Of the full bundles."""

    def take(self, leaves: Sequence[bytes]) -> None:
        self.tree.extend(leaves)
        if len(leaves) == BUNDLE_WIDTH:
            self.roots.append(root_of(leaves))


class _LogWalk:
    """The bundles and tiles of one log. Both hold its leaves: the signed root says which of them is right."""

    def __init__(self, store: Store, log: LogRecord) -> None:
        self._objects = store.objects
        self._log = log
        self._prefix = f"logs/{LogFiles(store.objects, store.vault, log.origin).folder}/"
        self._bundles: defaultdict[int, dict[int, str]] = defaultdict(dict)
        """By index and width, the names of bundles."""
        self._tiles: defaultdict[tuple[int, int], dict[int, str]] = defaultdict(dict)
        """By level, index and width, the names of tiles."""
        self._events, self._hashes = _Side(), _Side()
        self._differ: list[tuple[str, str]] = []
        """Names of bundles and tiles that say different things."""

    def verdicts(self) -> Iterator[Verdict]:
        """Of every object of the head; partial ones of smaller heads, which a crash may have left, among them."""
        self._find()
        for index, width in bundle_widths(0, self._log.head.size):
            yield from self._bundle(index, width)
        root = self._log.head.root
        by_events, by_hashes = self._events.tree.root() == root, self._hashes.tree.root() == root
        for bundle, tile in self._differ:
            if not by_events:
                yield Verdict(bundle, "its entries are not those of the signed head")
            if not by_hashes:
                yield Verdict(tile, "its hashes are not those of the signed head")
        if not (self._differ or by_events):
            yield Verdict(self._log.origin, "its entries do not give the root of its signed head")
        yield from self._higher((self._hashes if by_hashes else self._events).roots)

    def _find(self) -> None:
        for name in self._objects.ls(self._prefix):
            path = name.removeprefix(self._prefix)
            try:
                index, width = parse_entries_path(path)
                self._bundles[index][width] = name
            except MalformedError:
                tile = parse_tile_path(path)
                self._tiles[tile.level, tile.index][tile.width] = name

    def _bundle(self, index: int, width: int) -> Iterator[Verdict]:
        bundles, tiles = self._bundles[index], self._tiles[0, index]
        read = {name: self._leaves_of(name, at) for at, name in bundles.items() if at <= width}
        read |= {name: self._hashes_of(name, at) for at, name in tiles.items() if at <= width}
        yield from (Verdict(name, _DAMAGED) for name, leaves in read.items() if leaves is None)
        mine, theirs = bundles.get(width, ""), tiles.get(width, "")
        for name, kind in ((mine, "bundle"), (theirs, "tile")):
            if not name:
                yield Verdict(f"{self._prefix}tile: {kind} {index}", "it is missing")
        by_events, by_hashes = read.get(mine), read.get(theirs)
        self._events.take(by_events or by_hashes or ())
        self._hashes.take(by_hashes or by_events or ())
        if by_events and by_hashes and by_events != by_hashes:
            self._differ.append((mine, theirs))
            return
        right = by_events or by_hashes
        for name, leaves in read.items():
            if leaves is not None and right is not None:
                same = leaves == right[: len(leaves)]
                yield Verdict(name, "" if same else "it is not the beginning of what took its place")

    def _leaves_of(self, name: str, width: int) -> list[bytes] | None:
        try:
            return [leaf_hash(event) for event in decode_bundle(self._objects.get(name), width)]
        except MalformedError:
            return None

    def _hashes_of(self, name: str, width: int) -> list[bytes] | None:
        data = self._objects.get(name)
        if len(data) != width * HASH_BYTES:
            return None
        return list(slices(data, HASH_BYTES))

    def _higher(self, hashes: list[bytes]) -> Iterator[Verdict]:
        level = 1
        while hashes:
            for index in range(-(-len(hashes) // BUNDLE_WIDTH)):
                row = hashes[index * BUNDLE_WIDTH : (index + 1) * BUNDLE_WIDTH]
                tiles = self._tiles[level, index]
                if len(row) not in tiles:
                    yield Verdict(f"{self._prefix}tile/{level}/{index}", "it is missing")
                for width, name in tiles.items():
                    if width <= len(row):
                        right = self._objects.get(name) == b"".join(row[:width])
                        yield Verdict(name, "" if right else "its hashes are not those of the signed head")
            full = range(0, len(hashes) - BUNDLE_WIDTH + 1, BUNDLE_WIDTH)
            hashes, level = [root_of(hashes[at : at + BUNDLE_WIDTH]) for at in full], level + 1


def _releases(store: Store) -> Iterator[Verdict]:
    for record in kept_releases(store):
        folder = ReleaseFolder(store, record)
        data = folder.manifest()
        if sha256(data).digest() != record.manifest_sha256:
            yield Verdict(f"{folder.prefix}manifest", "it is not the one that was released")
            continue
        yield Verdict(f"{folder.prefix}manifest")
        manifest = Manifest.from_bytes(data)
        if store.objects.exists(name := f"{folder.prefix}{ReleasePart.FILTER}"):
            right = sha256(store.objects.get(name)).digest() == manifest.rules.filter
            yield Verdict(name, "" if right else "it is not the one whose hash the manifest has")
        yield from _parts(folder, manifest)
        deltas = {name.split("/")[3] for name in store.objects.ls(folder.prefix) if "/since-" in name}
        for since in sorted(deltas):
            with store.read() as unit:
                base: ReleaseRecord = unit.releases.get(record.subset, int(since.removeprefix("since-")))
            held = _held(store, base)
            if held is not None:
                yield from _parts(folder, manifest, base, held)


def _held(store: Store, record: ReleaseRecord) -> Held | None:
    """The release that a delta starts from; None where it is not kept any more, or damaged: that is told of itself."""
    try:
        return ReleaseFolder(store, record).load()
    except NodeError:
        return None


def _parts(
    folder: ReleaseFolder, manifest: Manifest, since: ReleaseRecord | None = None, held: Held | None = None
) -> Iterator[Verdict]:
    """Answers first, which need no other file; then screen and labels, which are verified with them."""
    names = {
        part: folder.object_of(part, since=since)
        for part in ReleasePart
        if part != ReleasePart.FILTER and (part != ReleasePart.LABELS or manifest.labels_root)
    }
    files: dict[ReleasePart, Laid] = {}
    for part, name in names.items():
        try:
            files[part] = folder.part(part, since=since)
        except StoreError as exc:
            yield Verdict(name, str(exc))
    if len(files) < len(names):
        return
    whole = ReleaseFiles(
        screen=bytes(files[ReleasePart.SCREEN]),
        answers=bytes(files[ReleasePart.ANSWERS]),
        labels=files.get(ReleasePart.LABELS),
    )
    answers = attempt(
        names[ReleasePart.ANSWERS],
        lambda: check_answers(manifest, read_answers(manifest, whole.answers, held=held)),
    )
    yield answers
    if answers.wrong:
        return
    rest = attempt("", lambda: read_release(manifest, whole, held=held, pieces=spared)).wrong
    if since is None and ReleasePart.LABELS in rest and (made_of := folder.labels_made_of):
        rest += f", or {made_of} is damaged, of which they are made"
    others = [name for part, name in names.items() if part != ReleasePart.ANSWERS]
    named = [name for part, name in names.items() if part in rest] or others
    yield from (Verdict(name, rest if name in named else "") for name in others)
