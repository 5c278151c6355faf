"""One reading of a file for all of its hashes.

Symbolic links are not followed and special files are not opened: a link could lead out of the folder, a pipe would
block for ever. Nothing here bounds time or memory of a hostile file: `node.hashing.workers` does.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from node.hashing.exact import ExactHasher
from node.hashing.hashed import Hashed, Part
from node.hashing.plan import HashPlan

CHUNK_BYTES: Final = 1024 * 1024
_REASONS: Final = {errno.ELOOP: "a symbolic link, not followed", errno.ENXIO: "not a regular file"}


class StreamHasher:
    """Hashes what arrives in chunks, as an upload does."""

    def __init__(self, plan: HashPlan) -> None:
        self._plan = plan
        self._exact = ExactHasher()

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._exact.update(chunk)

    def finish(self) -> Hashed:
        """The hashes of all that was taken."""
        exact = self._exact
        return Hashed(exact.size, (Part("", exact.digests()),) if exact.size else ())


def hash_path(path: Path, plan: HashPlan) -> Hashed:
    """The hashes of one file; raises OSError when it cannot be read or is no regular file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123 - it is open, by its descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENXIO, "not a regular file")
        hasher = StreamHasher(plan)
        while chunk := stream.read(CHUNK_BYTES):
            hasher.update(chunk)
        return hasher.finish()


def reason_of(fault: OSError) -> str:
    """Why a file could not be read, in words and without its path."""
    return _REASONS.get(fault.errno or 0) or fault.strerror or "cannot be read"
