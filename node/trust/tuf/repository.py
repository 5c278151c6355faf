"""The node's TUF repository: stock TUF clients learn from it which of its trust files are current.

It lies beside the trust files: every version of the root and of targets and snapshot metadata, the newest timestamp,
and every trust file it ever listed, by its hash. Listing needs the holders' targets keys, which are there when a trust
file is revised; saying that the listing still counts needs the online keys alone, and is done again before a client
would stop believing it. Spec: docs/spec/trust.md, "Repository".
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count, takewhile
from typing import Final, NamedTuple

from keys.errors import KeysError, ThresholdError
from keys.roles import Role
from keys.signer import Signer
from keys.trust.fingerprint import fingerprint
from keys.trust.held_trust import HeldTrust
from keys.trust.tuf.repository import (
    TIMESTAMP_FILE,
    Listed,
    Pointer,
    author_snapshot,
    author_targets,
    author_timestamp,
    open_snapshot,
    open_targets,
    open_timestamp,
)
from keys.trust.tuf.root import TrustedRoot, open_roots
from keys.trust.tuf.target_files import is_target_name, target_name, target_path
from node.clock import Clock
from node.errors import NotFoundError
from node.ports.objects import ObjectStore

_METADATA: Final = re.compile(r"[1-9][0-9]{0,8}\.(root|targets|snapshot)\.json|timestamp\.json", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

TIMESTAMP_LASTS: Final = timedelta(hours=24)
_LEFT: Final = timedelta(hours=18)
"""A timestamp with less to go is signed anew."""
SNAPSHOT_LASTS: Final = timedelta(days=Role.SNAPSHOT.info.days)
_SNAPSHOT_LEFT: Final = SNAPSHOT_LASTS / 2


class Freshness(NamedTuple):
    """The online keys that say what is current."""

    snapshot: Signer
    timestamp: Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class TufStatus:
    """How a repository stands: when its metadata ends, and whether clients get the trust files that are in force."""

    targets_end: datetime | None
    """None: nothing was ever listed."""
    snapshot_end: datetime | None
    """None: none that a key of the newest root signed and that names the newest targets metadata."""
    timestamp_end: datetime | None
    """None: likewise."""
    unlisted: tuple[str, ...]
    """Files in force that clients do not get: a program of an earlier version was cut off before it listed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """Versions that were used, or may have been: what is stamped next goes on behind them."""

    snapshot: int = 0
    timestamp: int = 0


class TufRepository:
    """The repository in `files`, which also hold the node's roots."""

    def __init__(self, files: ObjectStore, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    def list_files(self, root: TrustedRoot, files: Mapping[str, bytes], signers: Sequence[Signer]) -> None:
        """List these trust files by name, from the next timestamp on; raises `ThresholdError`."""
        for name, content in self.listing_of(root, files, signers):
            self._files.put(name, content)

    def listing_of(
        self, root: TrustedRoot, files: Mapping[str, bytes], signers: Sequence[Signer], *, room: int = 0
    ) -> Iterator[tuple[str, bytes]]:
        """What is written, in this order, to list these trust files by name; raises `ThresholdError`.

        `room` versions are left out: those that a node which was restored may have used since its backup.
        """
        version = self._newest("targets") + 1 + room
        data = author_targets(
            root,
            {target_path(name): content for name, content in files.items()},
            version=version,
            expires=self._clock.now() + timedelta(days=Role.TARGETS.info.days),
            signers=signers,
        )
        return listing_items(files, data, version=version)

    def listing(self) -> bytes:
        """The newest targets metadata; raises `MissingObjectError` where nothing was ever listed."""
        return self._files.get(f"{self._newest('targets')}.targets.json")

    def listed(self, root: TrustedRoot, name: str) -> bytes:
        """A trust file as the newest targets metadata lists it; raises `NotFoundError`."""
        found = open_targets(self.listing(), root).files.get(target_path(name))
        if found is None:
            raise NotFoundError("{name} is not listed", name)
        return self._files.get(target_file(name, found.sha256))

    def used(self, root: TrustedRoot, *, room: int) -> Behind:
        """Versions that were stamped, and `room` more of each."""
        stamped = self._opened(TIMESTAMP_FILE, open_timestamp, root)
        timestamp = 0 if stamped is None else stamped.version
        return Behind(snapshot=self._newest("snapshot") + room, timestamp=timestamp + room)

    def stamp(
        self, root: TrustedRoot, freshness: Callable[[], Freshness], *, behind: Behind | None = None
    ) -> bool:
        """Say that what is listed is current, unless that was said lately; whether it was said anew.

        What is stamped goes on behind the versions `behind`, by default those in the folder.
        `freshness` opens the keys, and is asked only when they sign. A node whose files were never listed says nothing.
        """
        targets = self._newest("targets")
        if not targets:
            return False
        version = self._newest("snapshot")
        snapshot = self._opened(f"{version}.snapshot.json", open_snapshot, root)
        is_current = (
            snapshot is not None and snapshot.names == targets and self._lasts(snapshot, _SNAPSHOT_LEFT)
        )
        stamped = self._opened(TIMESTAMP_FILE, open_timestamp, root)
        if is_current and stamped is not None and stamped.names == version and self._lasts(stamped, _LEFT):
            return False
        keys, used = freshness(), behind or self.used(root, room=0)
        if not is_current:
            version = used.snapshot + 1
            self._put_snapshot(root, targets, version, keys.snapshot)
        data = author_timestamp(
            root,
            self._files.get(f"{version}.snapshot.json"),
            version=used.timestamp + 1,
            expires=self._clock.now() + TIMESTAMP_LASTS,
            signer=keys.timestamp,
        )
        self._files.put(TIMESTAMP_FILE, data)
        return True

    def standing(self, root: TrustedRoot, files: Mapping[str, bytes]) -> TufStatus:
        """How it stands, where `files` are the trust files in force; raises as `open_targets` does."""
        version = self._newest("targets")
        if not version:
            return TufStatus(
                targets_end=None, snapshot_end=None, timestamp_end=None, unlisted=tuple(sorted(files))
            )
        targets = open_targets(self._files.get(f"{version}.targets.json"), root)
        snapshot = self._opened(f"{self._newest('snapshot')}.snapshot.json", open_snapshot, root)
        timestamp = self._opened(TIMESTAMP_FILE, open_timestamp, root)
        if snapshot is not None and snapshot.names != version:
            snapshot = None
        if snapshot is None or (timestamp is not None and timestamp.names != snapshot.version):
            timestamp = None
        return TufStatus(
            targets_end=targets.expires,
            snapshot_end=None if snapshot is None else snapshot.expires,
            timestamp_end=None if timestamp is None else timestamp.expires,
            unlisted=tuple(
                name
                for name, data in sorted(files.items())
                if targets.files.get(target_path(name)) != Listed.of(data)
            ),
        )

    def current(self, roots: Sequence[TrustedRoot]) -> HeldTrust:
        """Everything that the newest timestamp says is current, as a client would hold it after a visit."""
        root, stamped = roots[-1], self._files.get(TIMESTAMP_FILE)
        snapshot = self._files.get(f"{open_timestamp(stamped, root).names}.snapshot.json")
        targets = self._files.get(f"{open_snapshot(snapshot, root).names}.targets.json")
        listed = {target_name(path): found for path, found in open_targets(targets, root).files.items()}
        return HeldTrust(
            roots=tuple(each.data for each in roots),
            timestamp=stamped,
            snapshot=snapshot,
            targets=targets,
            files={
                name: self._files.get(target_file(name, found.sha256))
                for name, found in listed.items()
                if name is not None
            },
        )

    def _put_snapshot(self, root: TrustedRoot, targets: int, version: int, signer: Signer) -> None:
        data = author_snapshot(
            root,
            self._files.get(f"{targets}.targets.json"),
            version=version,
            expires=self._clock.now() + SNAPSHOT_LASTS,
            signer=signer,
        )
        self._files.put(f"{version}.snapshot.json", data)

    def _newest(self, role: str) -> int:
        """The newest version of a role's metadata; 0 when there is none."""
        found = (_METADATA.fullmatch(name) for name in self._files.ls(""))
        return max((int(one.string.partition(".")[0]) for one in found if one and one[1] == role), default=0)

    def _opened(
        self, name: str, read: Callable[[bytes, TrustedRoot], Pointer], root: TrustedRoot
    ) -> Pointer | None:
        """What a file names; None when there is none that a key of this root signed."""
        if not self._files.exists(name):
            return None
        try:
            return read(self._files.get(name), root)
        except ThresholdError:  # the key was replaced
            return None

    def _lasts(self, found: Pointer, left: timedelta) -> bool:
        return found.expires - self._clock.now() > left


def listing_items(files: Mapping[str, bytes], listing: bytes, *, version: int) -> Iterator[tuple[str, bytes]]:
    """What is written, in this order, when `listing` comes to list these files."""
    for name, content in files.items():
        yield target_file(name, sha256(content).digest()), content
    yield f"{version}.targets.json", listing


def root_name(version: int) -> str:
    """File name of a version of the root."""
    return f"{version}.root.json"


def root_files(files: ObjectStore) -> tuple[bytes, ...]:
    """All roots in the folder of a node's own trust files, from the first to the newest."""
    later = takewhile(files.exists, map(root_name, count(2)))
    return (files.get(root_name(1)), *map(files.get, later))


def target_file(name: str, digest: bytes) -> str:
    """Where the version of a trust file with this SHA-256 lies, from when it was listed on."""
    return f"targets/{digest.hex()}.{name}"


class ServedTuf:
    """The repository as clients read it (`protocol.api.TufApi`): the named files and nothing else of the folder."""

    def __init__(self, files: ObjectStore) -> None:
        self._files = files

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        """A file of metadata; raises `NotFoundError`. What is held, and how much is read, is the reader's matter."""
        del held, max_bytes
        known = _METADATA.fullmatch(name) is not None and self._files.exists(name)
        version = int(name.partition(".")[0]) if known and name.endswith(".root.json") else 1
        # A root that names another timestamp key comes into force with the first timestamp by that key. Shown before,
        # it would make clients refuse the timestamp that is there; so what was not there a moment ago is not shown.
        hidden = version > 1 and version > self._stamped_root()
        return self._read(name, known=known and not hidden)

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        """A trust file, as it was when it was listed; raises `NotFoundError`."""
        del max_bytes
        digest, _, file = name.partition(".")
        known = _HASH.fullmatch(digest) is not None and is_target_name(file)
        return self._read(f"targets/{name}", known=known)

    def _stamped_root(self) -> int:
        """Version of the newest root under which the timestamp counts; 1 where none does."""
        data = root_files(self._files)
        timestamp = self._files.get(TIMESTAMP_FILE) if self._files.exists(TIMESTAMP_FILE) else b""
        for root in reversed(open_roots(data, fingerprint(data[0]))):
            try:
                open_timestamp(timestamp, root)
            except KeysError:
                continue
            return root.version
        return 1

    def _read(self, place: str, *, known: bool) -> bytes:
        if not known or not self._files.exists(place):
            raise NotFoundError("this TUF repository has no file of that name")
        return self._files.get(place)
