"""The files of a transfer on a medium that somebody else wrote, or will carry away: plain files, and none too long.

A folder from a stranger may hold what no folder of ours does: a link out of itself, so that reading or writing it
touches other files of this machine, a pipe on which a reader waits for ever, or a file that fills the memory. Whether
the bytes mean anything is for `node.peers.transfer.read` and the sync that reads them.
"""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from typing_extensions import override

from node.errors import InputRefusedError, MissingObjectError
from node.objects.folder import FolderObjects
from protocol.encoding import Octets
from protocol.limits import MAX_OPENINGS_BYTES, MAX_TRUST_BYTES

MAX_FILE_BYTES: Final = max(MAX_TRUST_BYTES, MAX_OPENINGS_BYTES)
"""The longest file that a transfer has."""


class MediumObjects(FolderObjects):
    """The object store in a folder that is not this node's own."""

    @override
    def get(self, name: str) -> bytes:
        """The bytes of `name`; raises `MissingObjectError`, or `InputRefusedError` for what no transfer has."""
        try:
            info = self._path(name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            raise MissingObjectError("{name} is missing", name) from None
        if not stat.S_ISREG(info.st_mode) or info.st_size > MAX_FILE_BYTES:
            raise _refused(name)
        return super().get(name)

    @override
    def view(self, name: str) -> Octets:
        """The same."""
        return self.get(name)

    @override
    def _path(self, name: str) -> Path:
        path = super()._path(name)
        if any(part.is_symlink() for part in _below(self._root, path)):
            raise _refused(name)
        return path


def _below(root: Path, path: Path) -> Iterable[Path]:
    """The path itself and its folders, up to `root`, which is whatever the operator named."""
    return (path, *(folder for folder in path.parents if folder.is_relative_to(root) and folder != root))


def _refused(name: str) -> InputRefusedError:
    return InputRefusedError(
        "{name} on this medium is not a file of a transfer: a link, a device, or far too long",
        name,
        hint="nothing of it was taken; ask the other agency how the medium was made",
    )
