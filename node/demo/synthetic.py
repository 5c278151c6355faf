"""Made-up files and their hashes: random bytes behind a line that says what they are.

No hash in the demonstration belongs to anything outside of it, and two runs share none.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from node.clock import Entropy

_HEAD = b"sigfed demonstration: a made-up file, random bytes follow\n"
_BYTES = 256


@dataclass(frozen=True, slots=True)
class MadeUp:
    """One made-up file."""

    data: bytes

    @property
    def md5(self) -> bytes:
        """Its MD5."""
        return hashlib.md5(self.data, usedforsecurity=False).digest()

    @property
    def sha1(self) -> bytes:
        """Its SHA-1."""
        return hashlib.sha1(self.data, usedforsecurity=False).digest()

    @property
    def sha256(self) -> bytes:
        """Its SHA-256."""
        return hashlib.sha256(self.data).digest()

    @property
    def digests(self) -> tuple[bytes, ...]:
        """All hashes of it that any list or look-up could name."""
        return self.md5, self.sha1, self.sha256

    @property
    def is_image(self) -> bool:
        """Whether it plays an image; the others play videos."""
        return self.data[-1] % 5 != 0

    def stand_in(self, what: str, count: int) -> bytes:
        """`count` bytes in place of a hash that only its vendor can compute."""
        return hashlib.shake_256(what.encode() + self.data).digest(count)


def make(entropy: Entropy, count: int) -> Iterator[MadeUp]:
    """`count` different files."""
    for _ in range(count):
        yield MadeUp(_HEAD + entropy(_BYTES))
