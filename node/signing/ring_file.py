"""The key ring as one file in the home folder: changed by one process at a time, seen by all.

It says which keys there are and where each is in its life; the secrets are in the key files. A command that rotates a
key beside the running node is obeyed at once: the file is read again whenever it was replaced.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from node.files import locked, read_private, replace_private

if TYPE_CHECKING:
    from node.ports.keyring import RingChange, RingKey

_MAX_BYTES: Final = 4 << 20


class FolderKeyRing:
    """`node.ports.keyring.KeyRing` in the file `path`; without the file it is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: tuple[tuple[int, int, int], tuple[RingKey, ...]] | None = None

    def read(self) -> "tuple[RingKey, ...]":
        """All keys, in the order in which they came; raises `StoreError` when the file is damaged."""
        mark = self._mark()
        if mark is None:
            return ()
        if self._held is None or self._held[0] != mark:
            from node.signing.ring import decode_ring  # noqa: PLC0415 - most commands ask for no key

            self._held = (mark, decode_ring(read_private(self._path, max_bytes=_MAX_BYTES)))
        return self._held[1]

    def change(self, change: "RingChange") -> "tuple[RingKey, ...]":
        """Replace the keys by what `change` makes of them, while nobody else does; returns them."""
        from node.signing.ring import encode_ring  # noqa: PLC0415 - most commands change no key

        with locked(self._path.with_suffix(".lock")):
            old = self.read()
            new = tuple(change(old))
            if new != old:
                replace_private(self._path, encode_ring(new))
            return new

    def _mark(self) -> tuple[int, int, int] | None:
        """What differs once the file was replaced."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
