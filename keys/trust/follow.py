"""Following a node's trust from what is held to what is current: TUF's client workflow, without doing any of it.

    roots, one by one ──► timestamp ──► snapshot ──► targets ──► the files that changed ──► done

It says which file it wants and is given its bytes; the present is given once. Each file is judged before the next one
is wanted, and what was accepted stays accepted when a later one is refused: a root that replaced stolen keys counts
although the rest is withheld. Old files (rollback), files nobody vouches for any more (freeze), files of two days
together (mix and match), files of too few keys, and files longer than was signed are refused here. Slow answers are
refused by whoever fetches.
Spec: docs/spec/trust.md, "Following". Source: TUF specification 1.0.34, sections 5.3 to 5.7.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

from keys.errors import (
    ForkedTrustError,
    MalformedTrustError,
    NotCurrentError,
    RolledBackError,
    ThresholdError,
)
from keys.trust.envelope import MAX_ENVELOPE_BYTES
from keys.trust.held_trust import HeldTrust
from keys.trust.node_document import open_node_document
from keys.trust.renewal import require_newer
from keys.trust.tuf.repository import (
    TIMESTAMP_FILE,
    Listed,
    Pointer,
    TargetsMetadata,
    open_snapshot,
    open_targets,
    open_timestamp,
)
from keys.trust.tuf.root import MAX_ROOT_BYTES, MAX_ROOTS, TrustedRoot, open_next_root, open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, REVOKED_FILE, target_name

MAX_ROOTS_A_RUN: Final = 32
"""New roots in one run; the next run goes on from there. An honest node makes one or two a year."""
MAX_TIMESTAMP_BYTES: Final = 16_384
MAX_SNAPSHOT_BYTES: Final = 262_144
MAX_TARGETS_BYTES: Final = 1_000_000
MAX_FILES: Final = 256
"""Each is asked for by itself, so many small ones keep a reader as busy as a long one."""
MAX_FILES_BYTES: Final = 8_000_000
"""Bytes of all target files together."""

OpenedT = TypeVar("OpenedT", Pointer, TargetsMetadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to be fetched from the repository."""

    name: str
    """Below the repository's address, or below `targets/trust/`."""
    is_target: bool = False
    max_bytes: int
    held: bytes = b""
    """When the file still is this, byte for byte, it need not be sent."""
    may_be_missing: bool = False


_Steps: TypeAlias = Generator[Wanted, bytes | None, None]


class Following:
    """One run: while there is something `wanted`, fetch it and `take` it; `held` is what to keep, whatever happens.

    Raises `KeysError` for what is held when that is damaged. After an error of `take` the run is over.
    """

    def __init__(self, held: HeldTrust, now: datetime) -> None:
        self.held = held
        self._now = now
        self._root = open_roots(held.roots, held.pin)[-1]
        self._roots_left = MAX_ROOTS_A_RUN
        self._steps = self._run()
        self.wanted: Wanted | None = next(self._steps)

    def take(self, data: bytes | None) -> None:
        """The file that was wanted; None when there is none, where that may be.

        Raises:
            RolledBackError: older than what is held.
            NotCurrentError: nobody says that it is still current, or the newest root has ended.
            ForkedTrustError: a second file under the number of the one held.
            ThresholdError: too few of the node's keys signed it.
            MalformedTrustError: another file than the one that was vouched for, or none of ours.
        """
        assert self.wanted is not None, "the run is over"
        assert data is not None or self.wanted.may_be_missing, "only a root may be missing"
        try:
            self.wanted = self._steps.send(data)
        except StopIteration:
            self.wanted = None

    def _run(self) -> _Steps:
        yield from self._follow_roots()
        self._root.check_current(self._now)
        yield from self._follow_timestamp()
        timestamp = open_timestamp(self.held.timestamp, self._root)
        yield from self._follow_snapshot(timestamp)
        snapshot = open_snapshot(self.held.snapshot, self._root)
        yield from self._follow_targets(snapshot)
        listing = open_targets(self.held.targets, self._root)
        yield from self._follow_files(listing)

    def _follow_roots(self) -> _Steps:
        while self._roots_left:
            name = f"{self._root.version + 1}.root.json"
            data = yield Wanted(name=name, max_bytes=MAX_ROOT_BYTES, may_be_missing=True)
            if data is None:
                return
            if self._root.version == MAX_ROOTS:
                # One more could be held by nobody, and nothing of what is held would be read any more.
                raise MalformedTrustError("root: more than {most} versions", MAX_ROOTS)
            root = open_next_root(self._root, data)
            held = replace(self.held, roots=(*self.held.roots, data))
            if _online(root) != _online(self._root):
                # A thief who ran ahead with the old keys must not keep us from the node's own (TUF 5.3.11).
                held = replace(held, timestamp=b"", snapshot=b"")
            self.held, self._root = held, root
            self._roots_left -= 1

    def _follow_timestamp(self) -> _Steps:
        wanted = Wanted(name=TIMESTAMP_FILE, max_bytes=MAX_TIMESTAMP_BYTES, held=self.held.timestamp)
        data = _given((yield wanted))
        found = yield from self._under_its_root(data)
        held = self.held.timestamp
        old = self._opened(held, open_timestamp)
        if old is not None and found.version == old.version:
            data, found = held, old  # TUF 5.4.3: the first of its number counts
        elif old is not None:
            _require_later("timestamp", old, found)
        self._require_current("timestamp", found.expires)
        self.held = replace(self.held, timestamp=data)

    def _under_its_root(self, data: bytes) -> Generator[Wanted, bytes | None, Pointer]:
        """The timestamp; with another key, a next root may have come in force after there was none."""
        followed = self._root
        try:
            return open_timestamp(data, followed)
        except ThresholdError:
            yield from self._follow_roots()
            if self._root is followed:
                raise
        self._root.check_current(self._now)
        return open_timestamp(data, self._root)

    def _follow_snapshot(self, timestamp: Pointer) -> _Steps:
        held, name = self.held.snapshot, f"{timestamp.names}.snapshot.json"
        data = yield from _fetched(name, timestamp.file, held, most=MAX_SNAPSHOT_BYTES)
        found = open_snapshot(data, self._root)
        _require_named(name, found.version, timestamp.names)
        old = self._opened(held, open_snapshot)
        if old is not None:
            _require_later("snapshot", old, found)
        self._require_current("snapshot", found.expires)
        if old is not None and old.version == found.version and data != held:
            raise ForkedTrustError(self._root.node, "snapshot", held=held, shown=data)
        self.held = replace(self.held, snapshot=data)

    def _follow_targets(self, snapshot: Pointer) -> _Steps:
        held, name = self.held.targets, f"{snapshot.names}.targets.json"
        data = yield from _fetched(name, snapshot.file, held, most=MAX_TARGETS_BYTES)
        found = open_targets(data, self._root)
        _require_named(name, found.version, snapshot.names)
        old = self._opened(held, open_targets)
        if old is not None and old.version == found.version and data != held:
            raise ForkedTrustError(self._root.node, "targets", held=held, shown=data)
        self._require_current("targets metadata", found.expires)
        self.held = replace(self.held, targets=data)

    def _follow_files(self, listing: TargetsMetadata) -> _Steps:
        listed = {target_name(path): found for path, found in listing.files.items()}
        # Revocations are asked for by the hash in the document: whoever withholds them must not withhold that.
        listed.pop(REVOKED_FILE, None)
        wanted = {name: found for name, found in sorted(listed.items(), key=str) if name is not None}
        _require_sizes(wanted)
        files: dict[str, bytes] = {}
        for name, found in wanted.items():
            files[name] = yield from _fetched_file(name, found, self.held.files.get(name, b""))
        roots = open_roots(self.held.roots, self.held.pin)
        require_newer(roots, held=self.held.files, shown=files)
        document = open_node_document(files[NODE_FILE], self._root)
        document.valid.require(self._now, f"the node document of {document.node}")
        self.held = replace(self.held, files=files)

    def _opened(self, data: bytes, read: Callable[[bytes, TrustedRoot], OpenedT]) -> OpenedT | None:
        """What is held; None when nothing is, or when its keys were replaced."""
        try:
            return read(data, self._root) if data else None
        except ThresholdError:
            return None

    def _require_current(self, what: str, expires: datetime) -> None:
        if self._now >= expires:
            raise NotCurrentError(
                "the {what} of {node} ended on {expires}: nobody says what is current",
                what,
                self._root.node,
                f"{expires:%Y-%m-%d %H:%M}",
            )


def _fetched(name: str, file: Listed, held: bytes, *, most: int) -> Generator[Wanted, bytes | None, bytes]:
    """Metadata with the length and hash that were signed: what is held, or else what is given."""
    if Listed.of(held) == file:
        return held
    if file.length > most:
        raise MalformedTrustError(
            "{name}: {length} bytes, and at most {most} are read", name, file.length, most
        )
    data = _given((yield Wanted(name=name, max_bytes=file.length)))
    _require_file(name, data, file)
    return data


def _fetched_file(name: str, file: Listed, held: bytes) -> Generator[Wanted, bytes | None, bytes]:
    if Listed.of(held) == file:
        return held
    wanted = Wanted(name=f"{file.sha256.hex()}.{name}", is_target=True, max_bytes=file.length)
    data = _given((yield wanted))
    _require_file(name, data, file)
    return data


def _given(data: bytes | None) -> bytes:
    assert data is not None, "`take` has looked"
    return data


def _online(root: TrustedRoot) -> tuple[frozenset[bytes], frozenset[bytes]]:
    return frozenset(key.raw for key in root.timestamp_keys), frozenset(key.raw for key in root.snapshot_keys)


def _require_later(what: str, old: Pointer, found: Pointer) -> None:
    if found.version < old.version or found.names < old.names:
        raise RolledBackError("an older {what} than before: somebody replays trust files", what)


def _require_named(name: str, version: int, named: int) -> None:
    if version != named:
        raise MalformedTrustError("{name}: it says that it is version {version}", name, version)


def _require_file(name: str, data: bytes, file: Listed) -> None:
    if Listed.of(data) != file:
        raise MalformedTrustError("{name}: another file than the one that was signed for", name)


def _require_sizes(files: Mapping[str, Listed]) -> None:
    for name in (NODE_FILE, MEMBERS_FILE):
        if name not in files:
            raise MalformedTrustError("targets: {name} is not listed", name)
    lengths = [found.length for found in files.values()]
    if len(files) > MAX_FILES or max(lengths) > MAX_ENVELOPE_BYTES or sum(lengths) > MAX_FILES_BYTES:
        raise MalformedTrustError("targets: it lists more than is read")
