"""The copy of a home's trust files and key ring in its database: written by the home, read where others serve for it.

It is of one moment, and sealed with its number. Whoever can write to the database alone can hold a newer one back, but
make none, nor put an older one in its place; what is signed in it is judged by the root that a reader's own
configuration names. See docs/adr/0031.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Final

from keys.encoding import b64, dump, unb64
from keys.errors import MalformedTrustError
from keys.trust.tuf.root import open_roots
from keys.trust.tuf.target_files import NODE_FILE
from node.errors import MissingObjectError, StoreError
from node.home import Home
from node.identity.identity import Identity, elsewhere
from node.identity.lock import revising
from node.identity.restore_mark import require_joined
from node.objects.sealed_names import home_copy_name
from node.ports.keyring import RingChange, RingKey
from node.ports.objects import GiveName, ObjectStore
from node.signing.ring import decode_ring
from node.store.driver import on_server
from node.store.home_copy import HomeCopyRecord
from node.store.store import Store
from node.trust import install
from node.trust.tuf.repository import root_files
from protocol.encoding import Octets

_VERSION: Final = 1


# ------------------------------------------------------------------ written by the home


class HomeCopying:
    """Keeps the copy of the home of a node; a home whose database is in it has none."""

    def __init__(self, identity: Identity, store: Store) -> None:
        self._identity = identity
        self._store = store
        self._seen: object = None

    def follow(self) -> bool:
        """Write the copy anew if anything has changed in the home, or in the database; whether it was.

        Raises:
            StoreLockedError: the database belongs to another home.
            RestoredError: this home may say nothing yet.
        """
        home = self._identity.home
        if not on_server(self._identity.settings.store.dsn):
            return False
        marks = _marks(home)
        with self._store.read() as unit:
            held = unit.home_copy.number()
        if (marks, held) == self._seen:
            return False
        require_joined(home)
        with revising(home):
            install.finish(self._identity.trust_files)
            number = self._write(_content(self._identity))
        self._seen = marks, number
        return number != held

    def _write(self, content: bytes) -> int:
        """Gives the number of the copy that has this content."""
        vault = self._store.vault
        with self._store.write() as unit:
            held = unit.home_copy.find()
            if held is not None and _unsealed(self._store, held) == content:
                return held.number
            # A database that lost a copy, or was given an older one, must not see its number again.
            now_ms = self._identity.now_ms
            number = now_ms if held is None else max(held.number + 1, now_ms)
            unit.home_copy.put(
                HomeCopyRecord(number=number, sealed=vault.seal(home_copy_name(number), content))
            )
        return number


def _marks(home: Home) -> object:
    """What differs once a file was replaced, added or deleted."""
    found = []
    for top in (home.trust, home.introductions, home.ring):
        for path in (top, *top.rglob("*")):
            with suppress(FileNotFoundError):
                info = path.stat()
                found.append((str(path), info.st_ino, info.st_mtime_ns, info.st_size))
    return sorted(found)


def _content(identity: Identity) -> bytes:
    ring = identity.home.ring
    return dump(
        {
            "v": _VERSION,
            "trust": _files(identity.trust_files),
            "members": _files(identity.introductions),
            "ring": b64(ring.read_bytes()) if ring.exists() else "",
        }
    )


def _files(store: ObjectStore) -> dict[str, str]:
    return {name: b64(store.get(name)) for name in store.ls("")}


def _unsealed(store: Store, held: HomeCopyRecord) -> bytes | None:
    """None: a key that is gone sealed it, so it has to be written anew."""
    try:
        return store.vault.unseal(home_copy_name(held.number), held.sealed)
    except StoreError:
        return None


# ------------------------------------------------------------------ read elsewhere


@dataclass(frozen=True, slots=True)
class _Held:
    """A copy that was read."""

    number: int = 0
    trust: Mapping[str, bytes] = field(default_factory=dict)
    members: Mapping[str, bytes] = field(default_factory=dict)
    ring: tuple[RingKey, ...] = ()


class HomeCopy:
    """The copy as it was read last: trust files, those of members, and the key ring, which nothing here changes.

    `root_sha256` is the fingerprint of the root that the node was founded with.
    """

    def __init__(self, root_sha256: bytes) -> None:
        self._root_sha256 = root_sha256
        self._held = _Held()
        self.trust: ObjectStore = _CopiedFiles(lambda: self._held.trust)
        self.members: ObjectStore = _CopiedFiles(lambda: self._held.members)

    def follow(self, store: Store) -> bool:
        """Read the copy if there is a newer one; whether there was.

        Raises:
            StoreError: it does not open under its number, or is of a newer version of this program.
            KeysError: its trust files are not those of this node.
        """
        with store.read() as unit:
            found = unit.home_copy.find(after=self._held.number)
        if found is None:
            return False
        read = _read(found.number, store.vault.unseal(home_copy_name(found.number), found.sealed))
        open_roots(root_files(_CopiedFiles(lambda: read.trust)), self._root_sha256)
        self._held = read
        return True

    def read(self) -> tuple[RingKey, ...]:
        """The key ring: as `KeyRing.read`."""
        return self._held.ring

    def change(self, change: RingChange) -> tuple[RingKey, ...]:
        """As `KeyRing.change`: refused."""
        del change
        raise elsewhere("the key ring")

    def __bool__(self) -> bool:
        """Whether one was read."""
        return NODE_FILE in self._held.trust


def _read(number: int, content: bytes) -> _Held:
    try:
        fields = json.loads(content)
        if fields["v"] != _VERSION:
            raise StoreError(
                "a newer version of this program wrote the copy of the home", hint="upgrade this one"
            )
        trust, members = (
            {name: unb64(data, error=MalformedTrustError) for name, data in fields[place].items()}
            for place in ("trust", "members")
        )
        ring = unb64(fields["ring"], error=MalformedTrustError)
    except (ValueError, LookupError, TypeError, AttributeError, MalformedTrustError) as exc:
        raise StoreError("the copy of the home is damaged", hint="see who writes to this database") from exc
    return _Held(number, trust, members, decode_ring(ring) if ring else ())


class _CopiedFiles:
    """`node.ports.objects.ObjectStore` for who looks."""

    def __init__(self, files: Callable[[], Mapping[str, bytes]]) -> None:
        self._files = files

    def prepare(self) -> None:
        """Nothing is ever written."""

    def require_writable(self) -> None:
        """Refused."""
        raise elsewhere("what is signed")

    def put(self, name: str, data: bytes) -> None:
        """Refused."""
        del name, data
        raise elsewhere("what is signed")

    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Refused."""
        del items
        raise elsewhere("what is signed")

    def unnamed(self, pieces: Iterable[Octets]) -> AbstractContextManager[GiveName]:
        """Refused."""
        del pieces
        raise elsewhere("what is signed")

    def exchange(self, name: str, old: bytes, new: bytes) -> bool:
        """Refused."""
        del name, old, new
        raise elsewhere("what is signed")

    def get(self, name: str) -> bytes:
        """The bytes of `name`; raises `MissingObjectError`."""
        found = self._files().get(name)
        if found is None:
            raise MissingObjectError("{name} is not in the copy of the home", name)
        return found

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """The bytes of many, in order."""
        return map(self.get, names)

    def view(self, name: str) -> Octets:
        """The same."""
        return self.get(name)

    def size(self, name: str) -> int:
        """How many bytes it has."""
        return len(self.get(name))

    def exists(self, name: str) -> bool:
        """Whether there is one of that name."""
        return name in self._files()

    def delete(self, name: str) -> None:
        """Refused."""
        del name
        raise elsewhere("what is signed")

    def ls(self, prefix: str) -> Iterator[str]:
        """Names that start with `prefix`, sorted."""
        return iter(sorted(name for name in self._files() if name.startswith(prefix)))

    def sweep(self, *, wait: bool = False) -> int:
        """Nothing is half written."""
        del wait
        return 0
