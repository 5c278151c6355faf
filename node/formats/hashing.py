"""Hashes of the files in a folder, for analysts who have files and not tables.

Each file is read once. Symbolic links are not followed and special files are not opened: a link could lead
out of the folder, a pipe would block for ever. PDQ is added by a hasher that the caller hands in
(`node.formats.pdq`). What cannot be read is reported, never passed over. The table written is the one
`columns` reads.
"""

import csv
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO

from protocol.digest import Algorithm, Digest

_CHUNK = 1024 * 1024
MAX_IMAGE_BYTES = 64 * 1024 * 1024
"""Larger files get no PDQ value: their bytes would have to be held."""

HEADER = ("id", "md5", "sha1", "sha256", "pdq")
_ALGORITHMS = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ)

_IMAGE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_REASONS = {errno.ELOOP: "a symbolic link, not followed", errno.ENXIO: "not a regular file"}


@dataclass(frozen=True, slots=True)
class HashedFile:
    """The digests of one file: MD5, SHA-1, SHA-256, and PDQ for images; `path` is relative to the folder."""

    path: Path
    digests: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file without digests, and why."""

    path: Path
    reason: str


class ImageHasher(Protocol):
    """Computes the PDQ value of an encoded image."""

    def __call__(self, data: bytes) -> Digest | None:
        """The PDQ digest, or None when these bytes have no useful one."""
        ...


def hash_folder(
    folder: Path, *, image_hasher: ImageHasher | None = None
) -> Iterator[HashedFile | SkippedFile]:
    """Every file under `folder`, in order of its name, hashed or with the reason why not."""
    for path in _walk(folder):
        relative = path.relative_to(folder) if path != folder else Path(path.name)
        try:
            digests = hash_file(path, image_hasher=image_hasher)
        except OSError as fault:
            yield SkippedFile(relative, _reason(fault))
            continue
        yield HashedFile(relative, digests) if digests else SkippedFile(relative, "empty file")


def hash_file(path: Path, *, image_hasher: ImageHasher | None = None) -> tuple[Digest, ...]:
    """The digests of one file, none for an empty one; raises OSError when it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123 - it is open, by its descriptor
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENXIO, "not a regular file")
        return _hash_stream(stream, image_hasher)


def write_csv(
    files: Iterable[HashedFile], out: TextIO, *, identity: Callable[[int, HashedFile], str] | None = None
) -> int:
    """Write the table of `files` and return their number.

    The id of a row is its number, or what `identity` makes of it: `path_identity` where paths may be told.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    count = 0
    for count, file in enumerate(files, 1):
        values = {digest.algorithm: digest.value.hex() for digest in file.digests}
        name = identity(count, file) if identity else str(count)
        writer.writerow([name, *(values.get(algorithm, "") for algorithm in _ALGORITHMS)])
    return count


def path_identity(_number: int, file: HashedFile) -> str:
    """The relative path as an id: one line, valid UTF-8, and no formula to any spreadsheet."""
    text = os.fsencode(file.path).decode(errors="backslashreplace")
    return "./" + "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _walk(folder: Path) -> Iterator[Path]:
    """Regular-looking files below `folder`, or the path itself where it is no readable folder."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def is_image(head: bytes) -> bool:
    """Whether the first bytes of a file are those of an image that PDQ may be computed of."""
    return head.startswith(_IMAGE_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _reason(fault: OSError) -> str:
    return _REASONS.get(fault.errno or 0) or fault.strerror or "cannot be read"


def _hash_stream(stream: BinaryIO, image_hasher: ImageHasher | None) -> tuple[Digest, ...]:
    running = {
        Algorithm.MD5: hashlib.md5(usedforsecurity=False),
        Algorithm.SHA1: hashlib.sha1(usedforsecurity=False),
        Algorithm.SHA256: hashlib.sha256(),
    }
    head = chunk = stream.read(_CHUNK)
    if not head:
        return ()
    image = bytearray()
    while chunk:
        for state in running.values():
            state.update(chunk)
        if image_hasher and len(image) <= MAX_IMAGE_BYTES and is_image(head):
            image += chunk
        chunk = stream.read(_CHUNK)
    exact = tuple(Digest(algorithm, state.digest()) for algorithm, state in running.items())
    if image_hasher is None or not 0 < len(image) <= MAX_IMAGE_BYTES:
        return exact
    perceptual = image_hasher(bytes(image))
    return (*exact, perceptual) if perceptual else exact
