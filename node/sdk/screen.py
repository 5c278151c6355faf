"""The screen of a release as a value that travels to other machines: all that is needed to clear most files.

It holds no key and no address, and no hash can be read from it: whoever has it and a file can tell that the file is
probably on the list, which is what every partner's machine can.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from node.errors import UsageError
from protocol.subset.lookup import Screening
from protocol.subset.release import Release

_MAGIC: Final = b"sigfed-screen-1\n"
_VALUE_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Made by `Client.screen`; can be pickled, or saved for machines that share no memory."""

    version: int
    """Of the release that it is of."""
    width: int
    """Bits of a value; 0: there is no screen, and every file survives."""
    values: bytes = field(repr=False)
    """Sorted, 8 bytes each, little-endian."""

    def save(self, path: str | Path) -> None:
        """Write it to a file."""
        head = self.version.to_bytes(8, "little") + self.width.to_bytes(8, "little")
        Path(path).write_bytes(_MAGIC + head + self.values)

    @classmethod
    def load(cls, path: str | Path) -> "Screen":
        """Read what `save` wrote; raises `UsageError` for another file, and OSError."""
        data = Path(path).read_bytes()
        start = len(_MAGIC) + 16
        version, width = (int.from_bytes(data[at : at + 8], "little") for at in (start - 16, start - 8))
        whole = len(data) >= start and not (len(data) - start) % _VALUE_BYTES
        if not data.startswith(_MAGIC) or not whole or width > 64:
            raise UsageError(f"{path} is not a screen", hint="write one with Client.screen().save(PATH)")
        return cls(version=version, width=width, values=data[start:])


def screen_of(release: Release, version: int) -> Screen:
    """The screen of a release."""
    values = release.screen.astype("<u8").tobytes()
    return Screen(version=version, width=release.manifest.screen_width, values=values)


@lru_cache(maxsize=2)
def screening(screen: Screen) -> Screening:
    """The screen ready to be asked, made once a process: two, because an update replaces one while tasks run."""
    return Screening(np.frombuffer(screen.values, dtype="<u8").astype(np.uint64), screen.width)
