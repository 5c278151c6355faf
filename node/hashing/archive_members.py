"""The members of an archive, one after the other, within bounds.

Nothing is written anywhere: a member is bytes to hash, and its name is text to show. Limits hold for what is unpacked
and not for what headers promise. Archives inside archives are left closed, which ends quines and nested bombs.
"""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from struct import Struct
from typing import IO, Final, cast

from node.hashing.file_hashes import ArchiveError, Fault
from node.hashing.plan import Bounds

CHUNK_BYTES: Final = 1024 * 1024
_MOST_NAME: Final = 200
_FREE_BYTES: Final = 16 * 2**20
"""Unpacked bytes from which on the ratio counts: short runs of zeros are no bomb."""
_MOST_DIRECTORY: Final = 16 * 2**20
_MOST_HEADER: Final = 2 * CHUNK_BYTES
_END_RECORD: Final = Struct("<4s4H2LH")
_NO_CONTENT: Final = frozenset(tarfile.SUPPORTED_TYPES).difference(tarfile.REGULAR_TYPES)
"""Types of members of a tar file without content: links, folders, devices, pipes."""


_UNPACKED_WHOLE: Final = frozenset({zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
"""Methods of which `zipfile` unpacks at once all that it read: a thousand bytes are a gigabyte, before any bound."""
_LZMA_HEAD: Final = Struct("<HH")
"""Before the content of such a member: a version, and the size of the properties (APPNOTE.TXT 5.8.8)."""
_LZMA_PROPERTIES: Final = Struct("<BL")
_LZMA_ENDS: Final = 1 << 1
"""The flag that a mark stands at the end."""
_LEAST_DICTIONARY: Final = 4096


_Unpacking = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile


@dataclass(frozen=True, slots=True)
class Member:
    """A member: its name made fit to be shown, and its bytes, to be taken before the next member.

    Taking them raises `ArchiveError` where bounds end the whole archive, and anything else where the member is damaged.
    """

    name: str
    chunks: Iterator[bytes]


def members(content: IO[bytes], decoder: str, bounds: Bounds) -> Iterator[Member | Fault]:
    """The members of an archive, and what about it could not be looked at. Raises as `Member` does."""
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    budget = _Budget(bounds, size)
    if decoder == "zip":
        yield from _zipped(content, size, budget)
    elif decoder == "tar":
        yield from _tarred(content, budget)
    else:
        yield from _compressed(content, decoder, budget)


class _Budget:
    """What of its bounds an archive has used."""

    def __init__(self, bounds: Bounds, size: int) -> None:
        self._bounds = bounds
        self._most = max(_FREE_BYTES, bounds.ratio * size)
        self._unpacked = 0
        self._members = 0

    def member(self) -> None:
        self._members += 1
        if self._members > self._bounds.members:
            raise ArchiveError(
                f"an archive of more than {self._bounds.members:,} members: not looked at further"
            )

    def unpack(self, count: int) -> None:
        self._unpacked += count
        if self._unpacked > self._bounds.unpacked_bytes:
            raise ArchiveError(
                f"an archive of more than {self._bounds.unpacked_bytes:,} bytes: not unpacked further"
            )
        if self._unpacked > self._most:
            raise ArchiveError(
                f"an archive packed more than {self._bounds.ratio} times: not unpacked further"
            )

    def chunks(self, read: Callable[[int], bytes]) -> Iterator[bytes]:
        while chunk := read(CHUNK_BYTES):
            self.unpack(len(chunk))
            yield chunk


def _zipped(content: IO[bytes], size: int, budget: _Budget) -> Iterator[Member | Fault]:
    if _directory_bytes(content, size) > _MOST_DIRECTORY:  # held in memory, at some ten times its size
        raise ArchiveError("an archive with an oversized directory: not looked at")
    with zipfile.ZipFile(content) as archive:
        for info in archive.infolist():
            budget.member()
            if info.is_dir() and not info.compress_size:  # else it holds a file all the same
                continue
            name = shown(info.filename)
            yield from _odd_name(name, info.filename)
            if info.flag_bits & 1:
                yield Fault(name, "encrypted: not looked at")
                continue
            yield Member(name, _unzipped(archive, info, budget))


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> Iterator[bytes]:
    raw = copy(info)
    raw.CRC = None  # type: ignore[assignment]  # not compared: a wrong one would keep the last bytes back
    if info.compress_type not in _UNPACKED_WHOLE:
        with archive.open(raw) as stream:
            yield from budget.chunks(stream.read)
        return
    raw.compress_type, raw.file_size = zipfile.ZIP_STORED, info.compress_size
    with archive.open(raw) as packed, _in_steps(packed, info.compress_type) as stream:
        try:
            yield from budget.chunks(stream.read1)
        except EOFError:
            if info.compress_type != zipfile.ZIP_LZMA or info.flag_bits & _LZMA_ENDS:
                raise  # else such a member ends with its last byte


def _in_steps(packed: IO[bytes], method: int) -> _Unpacking:
    """What unpacks no more at once than is asked for."""
    if method == zipfile.ZIP_BZIP2:
        return bz2.BZ2File(packed, "rb")
    _version, size = _LZMA_HEAD.unpack(packed.read(_LZMA_HEAD.size))
    first, dictionary = _LZMA_PROPERTIES.unpack(packed.read(size))
    settings = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(dictionary, _LEAST_DICTIONARY),
        "lc": first % 9,
        "lp": first // 9 % 5,
        "pb": first // 45,
    }
    return lzma.LZMAFile(packed, "rb", format=lzma.FORMAT_RAW, filters=[settings])


def _directory_bytes(content: IO[bytes], size: int) -> int:
    """Size of a zip file's directory as its end record tells, which is all that is read (APPNOTE.TXT 4.3.16)."""
    start = max(0, size - _END_RECORD.size - 0xFFFF)
    content.seek(start)
    tail = content.read(size - start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END_RECORD.size:
        raise ArchiveError("a damaged archive: not looked at")
    told = int(_END_RECORD.unpack_from(tail, at)[5])
    return told if told != 0xFFFFFFFF else size


def _tarred(content: IO[bytes] | _Unpacking, budget: _Budget) -> Iterator[Member | Fault]:
    stream = _Forward(content, budget)  # reads, tells and seeks, which is all that is asked of it
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as archive:
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would remember them all
            budget.member()
            if info.type in _NO_CONTENT:  # a type that nobody knows is unpacked as a file is (POSIX pax)
                continue
            name = shown(info.name)
            yield from _odd_name(name, info.name)
            inside = archive.extractfile(info)
            if inside is not None:
                yield Member(name, _chunks(inside, budget if info.issparse() else None))
    if stream.block.strip(b"\0"):
        # Not its end: `tarfile` ends at a header that it cannot read, others go on behind it.
        yield Fault("", "a damaged archive: not looked at further")


def _chunks(stream: IO[bytes], budget: _Budget | None) -> Iterator[bytes]:
    """The bytes of a member of a tar file; those of a sparse one are not in it, and count here."""
    while chunk := stream.read(CHUNK_BYTES):
        if budget is not None:
            budget.unpack(len(chunk))
        yield chunk


def _compressed(content: IO[bytes], decoder: str, budget: _Budget) -> Iterator[Member | Fault]:
    """A compressed tar file, or one compressed file without a name."""
    with _decompressed(content, decoder) as stream:
        is_tar = stream.read(512).startswith(b"ustar", 257)
    content.seek(0)
    with _decompressed(content, decoder) as stream:
        if is_tar:
            yield from _tarred(stream, budget)
        else:
            # One step at a time: `read` would keep back all before a wrong check sum at the end.
            yield Member("content", budget.chunks(stream.read1))


def _decompressed(content: IO[bytes], decoder: str) -> _Unpacking:
    if decoder == "gzip":
        return gzip.GzipFile(fileobj=content, mode="rb")
    if decoder == "bzip2":
        return bz2.BZ2File(content, "rb")
    return lzma.LZMAFile(content, "rb")


class _Forward:
    """A stream that `tarfile` reads and skips in, forward alone; every byte of it counts.

    `tarfile` reads the whole of an extended header at once, of whatever size it says it is.
    """

    def __init__(self, stream: IO[bytes] | _Unpacking, budget: _Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._at = 0
        self.block = b""
        """What was read last."""

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= _MOST_HEADER:
            raise ArchiveError("an archive with an oversized header: not looked at further")
        data = self._stream.read(count)
        self._budget.unpack(len(data))
        self._at += len(data)
        self.block = data
        return data

    def tell(self) -> int:
        return self._at

    def seek(self, place: int, _whence: int = 0) -> int:
        if place < self._at:
            raise ArchiveError("an archive that leads back to where it was: not looked at further")
        while self._at < place and self.read(min(CHUNK_BYTES, place - self._at)):
            pass
        return self._at


def shown(name: str) -> str:
    """A member's name as one line of valid text of bounded length: it may hold anything."""
    text = name.encode(errors="backslashreplace").decode()
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(text) <= _MOST_NAME else f"{text[: _MOST_NAME // 2]}…{text[-_MOST_NAME // 2 :]}"


def _odd_name(name: str, stored: str) -> Iterator[Fault]:
    """Tell of a name that would be written outside of a folder by whoever unpacks it."""
    path = stored.replace("\\", "/")
    if path.startswith("/") or path[1:2] == ":" or ".." in path.split("/"):
        yield Fault(name, "its name leads out of the archive; it was hashed, do not unpack it")
