"""One reading of a file for all of its hashes: those of its bytes, of the picture it is, of what it holds.

Symbolic links are not followed and special files are not opened: a link could lead out of the folder, a pipe would
block for ever. Pictures are held while they are read; an archive is read a second time, from its directory. Nothing
here bounds the time or the memory that a hostile file takes: `node.hashing.worker` does.
"""

import errno
import io
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from node.hashing.exact_hashes import ExactHasher
from node.hashing.file_hashes import ArchiveError, Fault, Hashed, Part
from node.hashing.magic import NEEDED_BYTES, Family, Kind, kind_of
from node.hashing.plan import HashPlan

if TYPE_CHECKING:
    from node.hashing.archive_members import Member

CHUNK_BYTES: Final = 1024 * 1024
_TICK_NS: Final = 20_000_000
"""More than one step of the clock that Linux's file systems write down: some milliseconds."""
_BLOCK: Final = 512
_HOLLOW_BYTES: Final = 64 * 2**30
_HOLLOW: Final = 1000
_ALL_HOLE: Final = "larger than 64 GiB, with next to no content (sparse): not read"
_REASONS: Final = {errno.ELOOP: "a symbolic link, not followed", errno.ENXIO: "not a regular file"}


class StreamHasher:
    """Hashes what arrives in chunks, as an upload does; `file` is where they are read from, if that can seek."""

    def __init__(self, plan: HashPlan, *, file: BinaryIO | None = None) -> None:
        self._plan = plan
        self._file = file
        self._exact = ExactHasher()
        self.kind: Kind | None = None
        """What it is, by its first bytes."""
        self._kept: bytearray | None = bytearray()
        """None: there is nothing to keep, or too much."""

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        before = self._exact.size
        self._exact.update(chunk)
        if self._kept is None:
            return
        if before < NEEDED_BYTES:
            self.kind = kind_of(self._exact.head)
        if self._exact.size > self._most_kept():
            self._kept = None
        else:
            self._kept += chunk

    def finish(self) -> Hashed:
        """The hashes of all that was taken."""
        exact = self._exact
        if not exact.size:
            return Hashed(0, ())
        parts, faults = [Part("", exact.digests())], []
        names = _Names()
        for found in self._look():
            if isinstance(found, Fault):
                faults.append(found)
            elif found.name:
                parts.append(replace(found, name=names.unlike(found.name)))
            else:
                parts[0] = Part("", parts[0].digests + found.digests)
        return Hashed(exact.size, tuple(parts), tuple(faults))

    def _most_kept(self) -> int:
        """How many bytes to hold: as many as tell what it is, then all of a picture, or of an archive in a stream."""
        bounds = self._plan.bounds
        if self.kind is not None and self.kind.family is Family.PICTURE and self._plan.images:
            return bounds.picture_bytes
        if self.kind is not None and self.kind.family is Family.ARCHIVE and self._plan.archives:
            return bounds.archive_bytes if self._file is None else 0
        return NEEDED_BYTES

    def _look(self) -> Iterator[Part | Fault]:
        kind = self.kind
        if kind is None:
            return
        if kind.family is Family.PICTURE and self._plan.images:
            yield from self._look_at_picture(kind)
        elif kind.family is Family.ARCHIVE and self._plan.archives:
            yield from self._look_into_archive(kind)
        elif kind.family is Family.CLOSED and (self._plan.images or self._plan.archives):
            yield Fault("", f"{kind.name} cannot be looked into: exact hashes only")

    def _look_at_picture(self, kind: Kind) -> Iterator[Part | Fault]:
        if self._kept is None:
            yield Fault("", f"a picture of more than {self._plan.bounds.picture_bytes:,} bytes: no PDQ")
            return
        from node.hashing.pictures import look_at_picture  # noqa: PLC0415 - numpy; most files are no pictures

        yield from look_at_picture(io.BytesIO(self._kept), kind.name, self._plan)

    def _look_into_archive(self, kind: Kind) -> Iterator[Part | Fault]:
        content = self._file if self._kept is None else io.BytesIO(self._kept)
        if content is None:
            yield Fault(
                "", f"an archive of more than {self._plan.bounds.archive_bytes:,} bytes: not looked into"
            )
            return
        yield from _members_hashed(content, kind, self._plan)


class _Names:
    """Names of parts, each once: an archive may call all its members alike, and each is judged by its name."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def unlike(self, name: str) -> str:
        """The name, with a number behind it when it was given before."""
        found = name
        while found in self._times:
            self._times[name] += 1
            found = f"{name} ({self._times[name]})"
        self._times[found] = 1
        return found


def hash_path(path: Path, plan: HashPlan) -> Hashed:
    """The hashes of one file; raises OSError when it cannot be read or is no regular file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123 - it is open, by its descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENXIO, "not a regular file")
        if status.st_size > _HOLLOW_BYTES and held_bytes(status) < status.st_size // _HOLLOW:
            raise OSError(errno.EFBIG, _ALL_HOLE)
        begun_ns = time.time_ns()
        hasher = StreamHasher(plan, file=stream)
        while chunk := stream.read(CHUNK_BYTES):
            hasher.update(chunk)
        hashed = hasher.finish()
        return replace(hashed, mark=_settled_mark(os.fstat(descriptor), begun_ns))


def held_bytes(found: os.stat_result) -> int:
    """What a file holds, without its holes: a command makes those in no time, and reading them takes days."""
    return min(found.st_size, found.st_blocks * _BLOCK)


def mark_of(found: os.stat_result) -> str:
    """What changes whenever the content of a file does.

    The time of the last change to the file's own record is in it, which no user can set: whoever writes to a file and
    puts its time back is found out.
    """
    return f"{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"


def _settled_mark(found: os.stat_result, begun_ns: int) -> str:
    """The mark, or none where the file changed so shortly before it was read that a change since may not show."""
    return "" if 0 <= begun_ns - found.st_ctime_ns < _TICK_NS else mark_of(found)


def reason_of(fault: OSError) -> str:
    """Why a file could not be read, in words and without its path."""
    return _REASONS.get(fault.errno or 0) or fault.strerror or "cannot be read"


def _members_hashed(content: BinaryIO, kind: Kind, plan: HashPlan) -> Iterator[Part | Fault]:
    from node.hashing.archive_members import members  # noqa: PLC0415 - a tenth of the start of a worker that meets none

    inner = replace(plan, archives=False)
    try:
        for item in members(content, kind.name, plan.bounds):
            if isinstance(item, Fault):
                yield item
            else:
                yield from _member_hashed(item, inner)
    except ArchiveError as fault:
        yield Fault("", str(fault))
    except MemoryError:
        yield Fault("", "an archive that takes more memory than it may: not looked at further")
    except Exception:  # noqa: BLE001 - what unpacks archives raises anything on damaged input
        yield Fault("", "a damaged archive: not looked at further")


def _member_hashed(member: "Member", plan: HashPlan) -> Iterator[Part | Fault]:
    """The parts of a member; of a damaged one as far as it goes."""
    hasher = StreamHasher(plan)
    try:
        for chunk in member.chunks:
            hasher.update(chunk)
    except (ArchiveError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - as above
        yield Fault(member.name, "damaged: hashed as far as it goes")
    kind = hasher.kind
    if kind is not None and kind.family is Family.ARCHIVE:
        yield Fault(member.name, "an archive in an archive: not opened")
    found = hasher.finish()
    for part in found.parts:
        yield Part(member.name + part.name, part.digests)
    for fault in found.faults:
        yield Fault(member.name + fault.name, fault.reason)
