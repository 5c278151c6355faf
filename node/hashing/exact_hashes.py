"""The exact hashes of a stream of bytes: MD5, SHA-1 and SHA-256, from one reading."""

import hashlib
from typing import Final

from protocol.digest import Algorithm, Digest

HEAD_BYTES: Final = 4096
"""First bytes that are kept, to tell what the content is."""


class ExactHasher:
    """Takes chunks, gives digests; keeps the head of what it was given."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self.size = 0
        self.head = b""

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._md5.update(chunk)
        self._sha1.update(chunk)
        self._sha256.update(chunk)
        if self.size < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - self.size]
        self.size += len(chunk)

    def digests(self) -> tuple[Digest, ...]:
        """MD5, SHA-1 and SHA-256 of all bytes taken; none where there were none."""
        if not self.size:
            return ()
        return (
            Digest(Algorithm.MD5, self._md5.digest()),
            Digest(Algorithm.SHA1, self._sha1.digest()),
            Digest(Algorithm.SHA256, self._sha256.digest()),
        )
