"""Where the body of an answer goes: into memory, or for one that may be large into a file without a name."""

import mmap
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Protocol, Self

from protocol.encoding import Octets


class Sink(Protocol):
    """What has arrived: a `bytearray`, or a `Spool`."""

    def __len__(self) -> int: ...

    def extend(self, data: bytes, /) -> None:
        """Add what arrived next."""
        ...

    def clear(self) -> None:
        """Forget all of it: it comes anew."""
        ...


class Spool:
    """A body in a file of `folder`, or of the system's folder for such; the file is gone once nothing refers to it.

    A context manager: what was mapped stays so behind its end.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed with this object
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._size

    def extend(self, data: bytes, /) -> None:
        """Add what arrived next."""
        self._size += self._file.write(data)

    def clear(self) -> None:
        """Forget all of it: it comes anew."""
        self._file.seek(0)
        self._file.truncate()
        self._size = 0

    def octets(self) -> Octets:
        """All of it, mapped."""
        if not self._size:
            return b""
        return memoryview(mmap.mmap(self._file.fileno(), self._size, access=mmap.ACCESS_READ))
