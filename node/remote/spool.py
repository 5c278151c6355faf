"""Where the body of an answer goes: into memory, or for one that may be large into a file without a name."""

import mmap
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, Protocol, Self

from node.files import writing
from protocol.encoding import Octets

_WHAT: Final = "what arrives of a release"


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
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed with this object
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what was not flushed is not wanted
            self._file.close()

    def __len__(self) -> int:
        return self._size

    def extend(self, data: bytes, /) -> None:
        """Add what arrived next; raises `StoreDownError` where the disk takes no more."""
        with writing(_WHAT):
            self._file.write(data)
        self._size += len(data)

    def clear(self) -> None:
        """Forget all of it: it comes anew; raises as `extend`."""
        with writing(_WHAT):
            self._file.seek(0)  # which writes what it still has
            self._file.truncate()
        self._size = 0

    def octets(self) -> Octets:
        """All of it, mapped; raises as `extend`."""
        if not self._size:
            return b""
        with writing(_WHAT):
            self._file.flush()
        return memoryview(mmap.mmap(self._file.fileno(), self._size, access=mmap.ACCESS_READ))
