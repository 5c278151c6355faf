"""What a partner's client remembers, in one folder: whom it enrolled with, its key, the release it holds.

The state is one row, replaced last: a release is written beside the old one first, so whatever kills the process, state
and release belong together. What is loaded was verified when it was stored; counts, order and roots are checked again
on loading, so a damaged disk cannot turn into a verdict. Files are what others read (keys, trust files, evidence that
is handed on) and releases, which are mapped into memory.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import count, takewhile
from pathlib import Path
from typing import Any, TypeVar

from keys.errors import KeysError
from keys.key import AuthPrivateKey
from keys.trust.held_trust import HeldTrust
from keys.trust.tuf.target_files import NODE_FILE
from node.errors import AlreadyExistsError, StoreError, no_partner
from node.fields import from_fields, to_fields
from node.files import (
    create_key,
    decode_state,
    locked,
    make_private_folder,
    read_private,
    replace_private,
    sum_path,
    sync_folder,
)
from node.hoster.store.database import PartnerStore
from node.hoster.store.kinds import FactName, Kind
from protocol.encoding import b64, unb64
from protocol.errors import ProtocolError

T = TypeVar("T")
_KEY = "auth.key"
_NEXT_KEY = "auth.next.key"
_LOCK = "update.lock"
_FORMAT = 1
_FIRST_FORM = {"root": "1.root.json", "node_document": NODE_FILE, "members": "members.json"}
"""Fields of a state of an earlier version, and the trust files that they hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What was agreed when the partner enrolled, and the node's trust files as they are known now."""

    url: str
    """Where it enrolled; where the node is by now, its node document says."""
    partner: str
    subset: str
    origin: str
    evaluations_per_day: int
    grace_days: int
    trust: HeldTrust
    """The node's roots, the first of them pinned, and the newest of everything else that it signed about itself."""
    confirmed_ms: int
    """When the node last confirmed its keys."""
    revoked: bytes = b""
    """The node's signed revocations; empty where it never took a key back."""
    key_ms: int = 0
    """Since when our key counts; 0 in folders that do not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far the release log is followed; version 0: no release yet."""

    version: int = 0
    note: bytes = b""
    frontier: bytes = b""
    tail: tuple[bytes, ...] = ()
    """Leaves of the last, partial bundle: an overlap that must not change."""
    ahead: "Cursor | None" = None
    """A later head that too few witnesses stand behind: of it only what it takes away is in force."""
    waits: bool = False
    """Of a head ahead: whether its release says more than what it takes away."""
    seen_ms: int = 0
    """When its release was there, by its first witness or else by our clock; 0 in folders that do not know."""


@dataclass(frozen=True, slots=True)
class MemberFiles:
    """A member's own roots and the signed envelope of its node document, as the node passed them on."""

    roots: tuple[bytes, ...]
    """From the first to the newest."""
    document: bytes

    def to_files(self) -> dict[str, bytes]:
        """The roots and the document, by the names of trust files."""
        roots = {f"{version}.root.json": data for version, data in enumerate(self.roots, 1)}
        return {**roots, NODE_FILE: self.document}


class PartnerFolder:
    """The folder of one enrolment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = PartnerStore(folder)

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._folder

    @property
    def exists(self) -> bool:
        """Whether a partner is enrolled here."""
        return self._state() is not None

    @property
    def signature(self) -> bytes:
        """Of what is in force and with which key: another one when either was replaced. Raises as `PartnerStore`."""
        state, key = self._state(), self._folder / _KEY
        return sha256((state or b"") + (key.read_bytes() if key.exists() else b"")).digest()

    def _state(self) -> bytes | None:
        with self._store.reading() as rows:
            found = rows.body(Kind.FACT, FactName.STATE)
            if found is None and not rows.whole():  # its name may be what was altered: somebody is enrolled
                raise self._damaged_state()
            return found

    def create(self, enrolment: Enrolment, key: AuthPrivateKey) -> None:
        """Remember a new enrolment; raises `AlreadyExistsError` when there is another key already."""
        if self.pending_key(key).to_text() != key.to_text():
            raise AlreadyExistsError("{folder} holds another key already", self._folder)
        self.save(enrolment, Cursor())

    def pending_key(self, new: AuthPrivateKey) -> AuthPrivateKey:
        """The key with which an enrolment was begun here, or `new`, written before anything is asked with it."""
        if (self._folder / _KEY).exists():
            return self.key()
        make_private_folder(self._folder)
        create_key(self._folder / _KEY, new.to_text().encode())
        return new

    def forget_pending(self) -> None:
        """Remove the key of an enrolment that the node refused, and the folders that were made for it."""
        for path in (self._folder / _KEY, sum_path(self._folder / _KEY)):
            path.unlink(missing_ok=True)
        for folder in (self._folder, self._folder.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def key(self) -> AuthPrivateKey:
        """The partner's authentication key."""
        return _read_key(self._folder / _KEY)

    @property
    def renewing(self) -> bool:
        """Whether a renewal of the key was begun and not finished."""
        return (self._folder / _NEXT_KEY).exists()

    def next_key(self, new: AuthPrivateKey) -> AuthPrivateKey:
        """The key that a renewal was begun with, or `new`, written before the node hears of it."""
        path = self._folder / _NEXT_KEY
        if not path.exists():
            create_key(path, new.to_text().encode())
        return _read_key(path)

    def renew_key(self) -> None:
        """The next key is the key from now on; the one before it is gone."""
        sum_path(self._folder / _KEY).unlink(missing_ok=True)  # a kill must not leave it beside the next key
        (self._folder / _NEXT_KEY).replace(self._folder / _KEY)
        with suppress(FileNotFoundError):
            sum_path(self._folder / _NEXT_KEY).replace(sum_path(self._folder / _KEY))
        sync_folder(self._folder)

    def save(self, enrolment: Enrolment, cursor: Cursor) -> None:
        """Replace the enrolment and the cursor, in one transaction."""
        trust = {name: b64(data) for name, data in enrolment.trust.to_files().items()}
        fields = {"v": _FORMAT, **to_fields(enrolment, trust=trust), **to_fields(cursor)}
        with self._store.writing() as rows:
            rows.put(Kind.FACT, FactName.STATE, json.dumps(fields).encode())

    def load(self) -> tuple[Enrolment, Cursor]:
        """The state.

        Raises:
            NotInitialisedError: nobody is enrolled here.
            StoreError: the state is damaged.
        """
        state = self._state()
        if state is None:
            raise no_partner(self._folder)
        try:
            fields = decode_state(state)  # one of before has a SHA-256 of its own
            # A state that knew no witnesses has no head that waits: the head held is the one to go on from.
            return _read_enrolment(fields), from_fields(Cursor, fields, "ahead", "waits", "seen_ms")
        except (ValueError, KeyError, TypeError, AttributeError, ProtocolError, KeysError) as exc:
            raise self._damaged_state() from exc

    def _damaged_state(self) -> StoreError:
        return StoreError(
            "the state in {path} is damaged",
            self._store.path,
            hint="restore it, or move its folder away and enrol again",
        )

    def in_force(self, read: Callable[[Cursor], T]) -> tuple[Enrolment, T | None]:
        """The enrolment, and what `read` finds of the release in force, also while an update replaces it.

        Raises:
            StoreError: by `read`, of what is in force still.
        """
        enrolment, cursor = self.load()
        while True:
            try:
                return enrolment, read(cursor) if cursor.version else None
            except StoreError:
                held = cursor.version
                enrolment, cursor = self.load()
                if cursor.version == held:
                    raise

    def member(self, node: str) -> MemberFiles | None:
        """What is held of a member; None when that is nothing."""
        folder = self._folder / "members" / node
        roots = takewhile(Path.exists, (folder / f"{version}.root.json" for version in count(1)))
        found = tuple(path.read_bytes() for path in roots)
        if not found or not (folder / NODE_FILE).exists():
            return None
        return MemberFiles(found, (folder / NODE_FILE).read_bytes())

    def keep_member(self, node: str, files: MemberFiles) -> None:
        """Remember a member's files, which were verified; `node` is a node name."""
        folder = self._folder / "members" / node
        for name, data in files.to_files().items():
            replace_private(folder / name, data)
        for path in folder.glob("*.root.json"):
            if path.name not in files.to_files():  # of another member of that name, or damaged
                path.unlink()

    def keep_evidence(self, data: bytes, judged_by: MemberFiles) -> Path:
        """Keep evidence durably, with the trust files of whom it is about; gives the folder."""
        folder = self._folder / "evidence" / sha256(data).hexdigest()
        for name, content in {"evidence.cbor": data, **judged_by.to_files()}.items():
            replace_private(folder / name, content)
        return folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other updates of this folder out: one would remove the release that another just put in force."""
        with locked(self._folder / _LOCK):
            yield

    @property
    def evidence(self) -> tuple[Path, ...]:
        """The folders of evidence that were kept."""
        return tuple(sorted((self._folder / "evidence").glob("*")))


def _read_key(path: Path) -> AuthPrivateKey:
    return AuthPrivateKey.from_text(read_private(path).decode("ascii", "replace"))


def _read_enrolment(fields: dict[str, Any]) -> Enrolment:
    """Of a state that knew one root only, the files that it had; whether they still count, a refresh says."""
    first = {name: fields[old] for old, name in _FIRST_FORM.items() if old in fields}
    trust = {name: unb64(data) for name, data in fields.get("trust", first).items()}
    known = {"confirmed_ms": 0, **fields}
    return from_fields(Enrolment, known, "revoked", "key_ms", trust=HeldTrust.from_files(trust))
