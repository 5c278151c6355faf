"""The key ring as one file in the home folder: changed by one process at a time, seen by all.

It says which keys there are and where each is in its life; the secrets are in the key files. A command that rotates a
key beside the running node is obeyed at once: the file is read again whenever it was replaced.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from keys.encoding import format_time
from keys.errors import KeysError
from keys.roles import Role
from keys.trust.lifecycle import Lineage, ManagedKey, Stage
from keys.trust.window import Window
from node.errors import NotFoundError, StoreError
from node.files import decode_state, encode_state, locked, read_private, replace_private
from node.ports.keyring import RingChange, RingKey

_VERSION: Final = 1
_MAX_BYTES: Final = 4 << 20


class FolderKeyRing:
    """`node.ports.keyring.KeyRing` in the file `path`; without the file it is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: tuple[tuple[int, int, int], tuple[RingKey, ...]] | None = None

    def read(self) -> tuple[RingKey, ...]:
        """All keys, in the order in which they came; raises `StoreError` when the file is damaged."""
        mark = self._mark()
        if mark is None:
            return ()
        if self._held is None or self._held[0] != mark:
            self._held = (mark, decode_ring(read_private(self._path, max_bytes=_MAX_BYTES)))
        return self._held[1]

    def change(self, change: RingChange) -> tuple[RingKey, ...]:
        """Replace the keys by what `change` makes of them, while nobody else does; returns them."""
        with locked(self._path.with_suffix(".lock")):
            old = self.read()
            new = tuple(change(old))
            if new != old:
                replace_private(self._path, _encode(new))
            return new

    def _mark(self) -> tuple[int, int, int] | None:
        """What differs once the file was replaced."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def get_key(ring: Iterable[RingKey], name: str) -> RingKey:
    """The key that people call `name`; raises `NotFoundError`."""
    for key in ring:
        if key.name == name:
            return key
    raise NotFoundError("this node has no key {name}", name, hint="see them with: sigfed key status")


def _encode(keys: Iterable[RingKey]) -> bytes:
    fields = {"v": _VERSION, "keys": [_fields(key) for key in keys]}
    return encode_state(fields) + b"\n"


def _fields(key: RingKey) -> dict[str, str | int]:
    managed = key.managed
    return {
        "kid": managed.kid,
        "role": managed.lineage.role,
        "of": managed.lineage.of,
        "algorithm": managed.lineage.algorithm,
        "label": key.label,
        "public": key.public,
        "start": format_time(managed.valid.start),
        "end": format_time(managed.valid.end),
        "stage": managed.stage,
        "since": format_time(key.since),
        "serial": key.serial,
        "allowed_by": key.allowed_by,
    }


def decode_ring(data: bytes) -> tuple[RingKey, ...]:
    """The keys that a file of a ring names; raises `StoreError`."""
    with suppress(KeysError, ValueError, KeyError, TypeError):
        fields = decode_state(data)
        if fields["v"] == _VERSION:
            return tuple(map(_key, fields["keys"]))
    raise StoreError("the key ring is damaged", hint="restore ring.json from a backup")


def _key(fields: Mapping[str, Any]) -> RingKey:
    lineage = Lineage(Role(fields["role"]), str(fields["of"]), str(fields["algorithm"]))
    window = Window(_time(fields["start"]), _time(fields["end"]))
    return RingKey(
        managed=ManagedKey(str(fields["kid"]), lineage, window, Stage(fields["stage"])),
        label=str(fields["label"]),
        since=_time(fields["since"]),
        public=str(fields["public"]),
        serial=int(fields["serial"]),
        allowed_by=str(fields["allowed_by"]),
    )


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
