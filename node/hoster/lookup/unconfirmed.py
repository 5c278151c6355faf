"""What could not be looked up when it was asked about, kept until it can: one private file each.

A file that passes because the node does not answer must not be forgotten. What is kept holds its hashes, so it is
sealed with a key that lies beside the folder, as hits are; its name is made with that key too, so that the same upload
tried again ten times is kept once, and a listing of the folder tells nobody a hash.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.clock import Entropy, system_entropy
from node.errors import AlreadyExistsError, NodeError, NotFoundError
from node.files import create_key, make_private_folder, read_private, replace_private, sync_folder
from node.store.vault import KEY_BYTES, seal, unseal
from protocol.digest import Algorithm, Digest
from protocol.encoding import b64, unb64
from protocol.errors import ProtocolError

MAX_KEPT: Final = 100_000
"""Files that wait; more are told and not kept, so that a node that is down for weeks fills no disk."""
_COUNTED_EVERY: Final = 100
_MAX_BYTES: Final = 16 * 2**20
_ID_BYTES: Final = 16
_SUFFIX: Final = ".sealed"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A file that waits for its verdict."""

    id: str
    """Hexadecimal digits, not of any of its hashes."""
    name: str
    asked_ms: int
    parts: tuple[tuple[Digest, ...], ...] = field(repr=False)


class Readable(NamedTuple):
    """Files that wait and can be read, and how many cannot."""

    files: list[Unconfirmed]
    damaged: int


class UnconfirmedFolder:
    """The files of one enrolment that wait."""

    def __init__(self, folder: Path, *, entropy: Entropy = system_entropy, max_kept: int = MAX_KEPT) -> None:
        self._folder = folder
        self._key = folder.with_name(f"{folder.name}.key")
        self._entropy = entropy
        self._max_kept = max_kept
        self._room = 0
        """So many more can be kept before they are counted again."""

    def keep(self, parts: Sequence[Sequence[Digest]], *, name: str, now_ms: int) -> bool:
        """Keep a file durably; False when there is no room. One that waits already is kept once."""
        rows = [[[int(digest.algorithm), b64(digest.value)] for digest in part] for part in parts]
        secret = self._secret()
        text = json.dumps([name, rows])
        identity = hmac(secret, text.encode(), sha256)[:_ID_BYTES].hex()
        path = self._folder / f"{identity}{_SUFFIX}"
        if path.exists():
            return True
        if not self._has_room():
            return False
        body = json.dumps({"v": _FORMAT, "name": name, "asked_ms": now_ms, "parts": rows})
        replace_private(path, seal(AESGCM(secret), identity, body.encode(), self._entropy))
        return True

    def __len__(self) -> int:
        """How many wait."""
        try:
            return sum(path.name.endswith(_SUFFIX) for path in self._folder.iterdir())
        except FileNotFoundError:
            return 0

    def readable(self, limit: int) -> Readable:
        """Some of those that wait, at most `limit`, and how many others on the way to them are damaged."""
        found: list[Unconfirmed] = []
        damaged = 0
        for path in sorted(self._folder.glob(f"[0-9a-f]*{_SUFFIX}")):
            if len(found) == limit:
                break
            try:
                found.append(self._read(path))
            except NotFoundError:
                damaged += path.exists()  # or another process has just confirmed it
            except (NodeError, ProtocolError, ValueError, KeyError, TypeError):
                damaged += 1
        return Readable(found, damaged)

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every file that is kept, opened: its name, and what is wrong with it, or nothing."""
        for path in sorted(self._folder.glob(f"[0-9a-f]*{_SUFFIX}")):
            whole = self._key.exists() and self._opens(path)
            yield path.name, "" if whole else "it is damaged, or not of this key"

    def _opens(self, path: Path) -> bool:
        try:
            self._read(path)
        except (NodeError, ProtocolError, ValueError, KeyError, TypeError):
            return False
        return True

    def forget(self, waiting: Unconfirmed) -> None:
        """Remove one that has its verdict."""
        (self._folder / f"{waiting.id}{_SUFFIX}").unlink(missing_ok=True)
        sync_folder(self._folder)

    def _has_room(self) -> bool:
        """Take a place; counting a hundred thousand files for each one that is kept would be slower than keeping it."""
        if self._room <= 0:
            self._room = min(_COUNTED_EVERY, self._max_kept - len(self))
        self._room -= 1
        return self._room >= 0

    def _read(self, path: Path) -> Unconfirmed:
        sealed = read_private(path, max_bytes=_MAX_BYTES)
        fields = json.loads(unseal(AESGCM(self._secret()), path.stem, sealed))
        return Unconfirmed(
            id=path.stem,
            name=str(fields["name"]),
            asked_ms=int(fields["asked_ms"]),
            parts=tuple(
                tuple(Digest(Algorithm(number), unb64(value)) for number, value in part)
                for part in fields["parts"]
            ),
        )

    def _secret(self) -> bytes:
        """The key, made with the first file that waits."""
        if not self._key.exists():
            make_private_folder(self._folder)
            with suppress(AlreadyExistsError):  # another process made it at the same moment
                create_key(self._key, self._entropy(KEY_BYTES))
        return read_private(self._key)
