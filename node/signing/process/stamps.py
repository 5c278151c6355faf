"""Which snapshots and timestamps the signer makes: the one that follows, about files that the holders signed.

It opens the chain of roots from the one that the node was founded with, and the file that is to be named, and writes
the metadata itself. What it signed last is in a private state file: a version is never taken back, and what is named is
never older than what was named before. A version that was signed and never seen can be signed again, as long as it says
the same. Source: TUF specification 1.0.34, sections 5.4 and 5.5.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from keys.roles import Role
from keys.signer import Signer
from keys.trust.tuf.repository import (
    TIMESTAMP_FILE,
    TargetsMetadata,
    author_snapshot,
    author_timestamp,
    open_snapshot,
    open_targets,
    open_timestamp,
)
from keys.trust.tuf.root import TrustedRoot, open_roots
from node.errors import ConflictError, StoreError
from node.files import locked
from node.signing.process.frames import refused
from node.signing.state_file import damaged, read_state, write_state

_WHAT: Final = "the trust files"
_TIMESTAMP_LASTS: Final = timedelta(hours=24)
_SNAPSHOT_LASTS: Final = timedelta(days=Role.SNAPSHOT.info.days)
_SLACK: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """What was signed last."""

    root: int = 0
    """Newest version of the root under which something was signed."""
    snapshot: int = 0
    snapshot_root: int = 0
    targets: int = 0
    """Version of the targets metadata that the snapshot names."""
    timestamp: int = 0
    timestamp_root: int = 0
    named: int = 0
    """Version of the snapshot that the timestamp names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A version of metadata that is asked for: what vouches for it, what it is to name, until when."""

    roots: Sequence[bytes]
    names: bytes
    version: int
    expires: datetime


class FolderStamps:
    """Signs in the name of the node whose first root has this fingerprint; the state is the file `path`."""

    def __init__(self, path: Path, *, root_sha256: bytes) -> None:
        self._path = path
        self._pinned = root_sha256

    def begin(self, roots: Sequence[bytes], *, read: Callable[[str], bytes]) -> None:
        """Begin where the node's repository stands, whose files `read` gives: when the keys move here, once."""
        root = open_roots(roots, self._pinned)[-1]
        stamped = open_timestamp(read(TIMESTAMP_FILE), root)
        named = open_snapshot(read(f"{stamped.names}.snapshot.json"), root)
        self._save(
            Stamped(
                root=root.version,
                snapshot=named.version,
                snapshot_root=root.version,
                targets=named.names,
                timestamp=stamped.version,
                timestamp_root=root.version,
                named=stamped.names,
            )
        )

    def begin_nowhere(self) -> None:
        """Begin for a node whose trust files were never listed."""
        self._save(Stamped())

    def standing(self) -> Stamped:
        """What was signed last; raises `StoreError` when that cannot be read."""
        return self._load()

    def leave_room(self, room: int) -> None:
        """Go on `room` versions ahead: after a restore so many may have been used that are not known here."""
        held = self._load()
        self._save(
            replace(
                held, snapshot=held.snapshot + room, timestamp=held.timestamp + room, named=held.named + room
            )
        )

    def snapshot(self, wanted: Wanted, signer: Signer, *, now: datetime) -> bytes:
        """The snapshot that names this targets metadata; raises `ConflictError`, `SignerRefusedError`, `KeysError`."""
        with self._alone():
            held = self._load()
            root = self._root(wanted.roots, held)
            targets = open_targets(wanted.names, root).version
            if targets < held.targets:
                raise refused("a snapshot of older trust files")
            # Before a timestamp names it, nobody believes a snapshot: it may have been lost on its way.
            again = held.snapshot > held.named
            _check_version(wanted, held.snapshot, again=again, anew=root.version > held.snapshot_root)
            _check_end(wanted, now + _SNAPSHOT_LASTS)
            data = author_snapshot(
                root, wanted.names, version=wanted.version, expires=wanted.expires, signer=signer
            )
            self._save(
                replace(
                    held,
                    root=root.version,
                    snapshot=wanted.version,
                    snapshot_root=root.version,
                    targets=targets,
                )
            )
            return data

    def timestamp(self, wanted: Wanted, signer: Signer, *, now: datetime) -> bytes:
        """The timestamp that names this snapshot; raises as `snapshot` does."""
        with self._alone():
            held = self._load()
            root = self._root(wanted.roots, held)
            named = open_snapshot(wanted.names, root)
            if named.version != held.snapshot or named.names != held.targets:
                raise refused("a timestamp of another snapshot than the newest")
            again = named.version == held.named
            _check_version(wanted, held.timestamp, again=again, anew=root.version > held.timestamp_root)
            _check_end(wanted, now + _TIMESTAMP_LASTS)
            data = author_timestamp(
                root, wanted.names, version=wanted.version, expires=wanted.expires, signer=signer
            )
            self._save(
                replace(
                    held,
                    root=root.version,
                    timestamp=wanted.version,
                    timestamp_root=root.version,
                    named=named.version,
                )
            )
            return data

    def current(self, roots: Sequence[bytes], listing: bytes) -> tuple[TrustedRoot, TargetsMetadata]:
        """The last of the roots and this targets metadata, neither older than what was signed for last.

        Raises `SignerRefusedError`, `KeysError`.
        """
        held = self._load()
        root = self._root(roots, held)
        targets = open_targets(listing, root)
        if targets.version < held.targets:
            raise refused("by older trust files")
        return root, targets

    def _root(self, roots: Sequence[bytes], held: Stamped) -> TrustedRoot:
        root = open_roots(roots, self._pinned)[-1]
        if root.version < held.root:
            raise refused("under an older root")
        return root

    def _alone(self) -> AbstractContextManager[None]:
        return locked(self._path.with_suffix(".lock"))

    def _load(self) -> Stamped:
        fields = read_state(self._path, _WHAT)
        if fields is None:
            raise StoreError("the signer does not know which timestamp it signed last", hint=_BEGIN)
        try:
            return Stamped(**{name: int(fields[name]) for name in Stamped.__dataclass_fields__})
        except (KeyError, ValueError):
            raise damaged(_WHAT) from None

    def _save(self, state: Stamped) -> None:
        write_state(
            self._path, {"v": 1, **{name: getattr(state, name) for name in Stamped.__dataclass_fields__}}
        )


_BEGIN: Final = "restore the signer's folder from a backup"


def _check_version(wanted: Wanted, last: int, *, again: bool, anew: bool) -> None:
    """`again`: the last version may be signed once more; `anew`: the keys are new, and clients count from there."""
    if anew or wanted.version == last + 1 or (again and wanted.version == last):
        return
    raise ConflictError(
        "the signer stands at version {last}, and is asked for {version}", last, wanted.version
    )


def _check_end(wanted: Wanted, latest: datetime) -> None:
    if wanted.expires > latest + _SLACK:
        raise refused("metadata that lasts longer than its kind")
