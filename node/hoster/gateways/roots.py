"""Which files a program may have looked at by their paths: those below the folders that the operator named.

Whoever may ask the daemon could otherwise learn, with the daemon's rights, whether any file of this machine is listed.
The path of the file that was opened is compared, not the one that was asked for: a link cannot lead out in between.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

NOT_ALLOWED: Final = "Access denied."
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class Roots:
    """The folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.resolve() for folder in folders]

    def open(self, path: str) -> int:
        """A descriptor of the file at an absolute path; raises OSError. A link counts as what it leads to."""
        if not self._below(os.path.realpath(path)) or not Path(path).is_absolute():
            raise PermissionError(errno.EACCES, NOT_ALLOWED)
        descriptor = os.open(path, _FLAGS)
        if self._below(Path(f"/proc/self/fd/{descriptor}").readlink()):
            return descriptor
        os.close(descriptor)
        raise PermissionError(errno.EACCES, NOT_ALLOWED)

    def files(self, path: str) -> Iterator[str]:
        """The file itself, or the files below a folder in order; links inside it are not followed.

        A folder that cannot be read is among them: it is told when it is opened, instead of passing for an empty one.
        """
        if not Path(path).is_dir() or not self._below(os.path.realpath(path)):
            yield path
            return
        unread: list[str] = []
        for folder, folders, names in os.walk(path, onerror=lambda exc: unread.append(str(exc.filename))):
            folders.sort()
            for name in sorted(names):
                found = os.path.join(folder, name)  # noqa: PTH118 - bytes that are no UTF-8 must survive
                if not Path(found).is_symlink():
                    yield found
        yield from unread

    def _below(self, path: str | Path) -> bool:
        return any(Path(path).is_relative_to(folder) for folder in self._folders)
