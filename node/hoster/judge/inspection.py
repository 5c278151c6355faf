"""Files that others hand over: received into memory, hashed in another process, judged.

What is received lies in a file that has no name and is gone with its descriptor: nothing that was uploaded is ever
written to a disk. How long each may be is bounded, and how much they are together; not how many, for a few slow senders
would then keep everybody else waiting.
"""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from node.hashing.open_files import HashProcesses, write_whole
from node.hashing.read import held_bytes
from node.ports.inspection import Inspected
from node.ports.verdicts import Judge, Verdicts
from protocol.digest import Digest

MAX_FILE_BYTES: Final = 64 * 2**20
_PIECE: Final = 1024 * 1024
LONGEST_AT_ONCE: Final = 16
"""As much memory as this many files of the longest kind take is used for all together: 1 GiB with the bound above."""
MAX_OPEN_BYTES: Final = 64 * 2**30
"""Of a file that is handed over open: a longer one would keep a process for hours."""
_MAX_HOLES: Final = 2**30
_FILLED: Final = 10
"""Part of a file with larger holes that must be there: holes cost their maker nothing, and reading them minutes."""


class MemoryUpload:
    """`node.ports.inspection.Upload`; `close` lets its memory go."""

    def __init__(self, inspector: "LocalInspector", max_bytes: int) -> None:
        self._inspector = inspector
        self._left = max_bytes
        self._held = 0
        self._descriptor = os.memfd_create("sigfed-upload", os.MFD_CLOEXEC)

    def write(self, chunk: bytes) -> bool:
        """As the port says."""
        if len(chunk) > self._left or not self._inspector.take(len(chunk)):
            return False
        self._left -= len(chunk)
        self._held += len(chunk)
        write_whole(self._descriptor, chunk)
        return True

    async def inspect(self, name: str) -> Inspected:
        """As the port says."""
        return await self._inspector.inspect(self._descriptor, name)

    async def inspect_part(self, start: int, size: int, name: str) -> Inspected:
        """As the port says."""
        part = os.memfd_create("sigfed-part", os.MFD_CLOEXEC)
        try:
            for piece in self.pieces(start, size):
                write_whole(part, piece)
            return await self._inspector.inspect(part, name)
        finally:
            os.close(part)

    def pieces(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """As the port says."""
        left = self._held if size is None else size
        while piece := os.pread(self._descriptor, min(left, _PIECE), start):
            yield piece
            start, left = start + len(piece), left - len(piece)

    def close(self) -> None:
        """Forget what was received."""
        os.close(self._descriptor)
        self._inspector.take(-self._held)


class LocalInspector:
    """`node.ports.inspection.Inspector` with a judge and hashing processes of this machine."""

    def __init__(
        self,
        judge: Judge,
        processes: HashProcesses,
        *,
        max_bytes: int = MAX_FILE_BYTES,
        longest_at_once: int = LONGEST_AT_ONCE,
    ) -> None:
        self._judge = judge
        self._processes = processes
        self._max_bytes = max_bytes
        self._room = max_bytes * longest_at_once

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[MemoryUpload]:
        """As the port says."""
        upload = MemoryUpload(self, self._max_bytes)
        try:
            yield upload
        finally:
            upload.close()

    def take(self, count: int) -> bool:
        """Take memory for so many bytes, or give it back; False when there is no more."""
        if count > self._room:
            return False
        self._room -= count
        return True

    async def inspect(self, descriptor: int, name: str) -> Inspected:
        """As the port says."""
        status = os.fstat(descriptor)
        held = held_bytes(status)
        if status.st_size > MAX_OPEN_BYTES:
            raise OSError("larger than 64 GiB")
        if status.st_size - held > _MAX_HOLES and held < status.st_size // _FILLED:
            raise OSError("next to nothing but holes (sparse): not read")
        hashed = await self._processes.hash(descriptor)
        return Inspected(
            size=hashed.size,
            verdicts=await self._judge.judge([part.digests for part in hashed.parts], name),
            faults=tuple(fault.words for fault in hashed.faults),
            digests=hashed.parts[0].digests if hashed.parts else (),
        )

    async def look_up(self, files: Sequence[Sequence[Digest]], name: str) -> Verdicts:
        """As the port says."""
        return await self._judge.judge(files, name, handed=True)
