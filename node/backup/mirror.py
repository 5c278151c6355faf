"""The objects of a bucket in a folder, for a backup: a bucket cannot hold them fast as a folder does.

Most are fetched while the node works. In the moment that the backup is of, while nobody writes to the database, only
what has changed since is fetched; a few rounds before it see to it that this is little.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from node.errors import MissingObjectError
from node.files import make_private_folder
from node.objects.s3 import S3Objects

_ROUNDS: Final = 4
_FEW: Final = 100
_AT_ONCE: Final = 16


class Mirror:
    """A folder that is made what a bucket is, but for some of it."""

    def __init__(self, objects: S3Objects, folder: Path, *, without: str) -> None:
        self._objects = objects
        self._folder = folder
        self._without = without
        self._marks: dict[str, str] = {}

    def approach(self) -> None:
        """Fetch until little is left that others change meanwhile."""
        for _ in range(_ROUNDS):
            if self.follow() < _FEW:
                return

    def follow(self) -> int:
        """Make the folder what the bucket is now; how many objects had changed."""
        now = {
            name: mark for name, mark in self._objects.marks().items() if not name.startswith(self._without)
        }
        gone = self._marks.keys() - now.keys()
        for name in gone:
            (self._folder / name).unlink(missing_ok=True)
        changed = [name for name, mark in now.items() if self._marks.get(name) != mark]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._fetch, changed))
        self._marks = now
        return len(gone) + len(changed)

    def _fetch(self, name: str) -> None:
        path = self._folder / name
        try:
            data = self._objects.get(name)
        except MissingObjectError:
            path.unlink(missing_ok=True)  # deleted just now, which nobody does to what the database names
            return
        make_private_folder(path.parent)
        path.write_bytes(data)
