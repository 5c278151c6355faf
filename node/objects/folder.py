"""Objects as files of one folder: written beside their place, fsynced, renamed, the folder fsynced.

A reader sees the old bytes or the new ones, and after `put` returns a power cut does not take them back. Names
are checked here, because a name that climbs out of the folder would be a write anywhere on the disk.
"""

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import count
from pathlib import Path

from node.errors import MissingObjectError, StoreDownError, StoreError
from node.files import (
    holding_temporaries,
    keep_temporary,
    make_private_folder,
    refused,
    require_room,
    sweep_temporaries,
    sync_folder,
)
from node.ports.objects import GiveName, checked
from node.store.mapped_files import mapped
from protocol.encoding import Octets
from protocol.slices import batches, slices

_TEMPORARY = ".tmp-"
_CHUNK = 512
_AT_ONCE = 64
"""Files that are open at once."""
_BATCHES = threading.BoundedSemaphore(4)
"""Of so many files, by all threads of a process: it may open a thousand files, connections among them."""
_MOVED = "they were moved into a bucket: do the same again; if it does not help, see sigfed doctor"
_serial = count()


class FolderObjects:
    """The object store in `root`, readable by its owner only.

    Where something else has the place of the folder by now, the objects were moved elsewhere: everything raises
    `StoreDownError` then, whatever it would have found in the folder.
    """

    def __init__(self, root: Path, *, create: bool = True) -> None:
        """Create `root` where it is missing, if the caller wants that."""
        self._root = root
        if create:
            make_private_folder(root)
        self._require_there()

    def prepare(self) -> None:
        """Nothing: a folder compares, and lies in the home that it is of."""

    def require_writable(self) -> None:
        """Write a temporary file, which is no object; raises `StoreDownError` where that fails."""
        try:
            require_room(self._root)
        except OSError as exc:
            raise self._refused(exc) from exc

    def put(self, name: str, data: bytes) -> None:
        """Store `data` under `name`, replacing what was there; durable on return."""
        self.put_all([(name, data)])

    def put_all(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many objects; all are durable on return. Each file is synced, and its folder once for 512 of them.

        Some files are written before the first of them is waited for: one turn of the disk then does for all of these.
        """
        for chunk in batches(items, _CHUNK):
            self._put_chunk(chunk)

    @contextmanager
    def unnamed(self, pieces: Iterable[Octets]) -> Iterator[GiveName]:
        """Write these, one behind the other; they are an object once they are given its name, and else nothing."""
        temporary = _temporary_beside(self._root / "unnamed")
        with ExitStack() as ended:
            with self._writing(), holding_temporaries(self._root):
                # A full disk or Ctrl-C must not leave behind what fills the disk further.
                ended.callback(temporary.unlink, missing_ok=True)
                fd = _written(temporary, pieces, ended)
                # From here on without the lock: who waits for that may have another that the caller waits for.
                keep_temporary(fd)

            def give(name: str) -> None:
                path = self._path(name)
                with ended.pop_all(), self._writing(), holding_temporaries(self._root):
                    self._make(path.parent)
                    os.fsync(fd)
                    temporary.replace(path)
                    sync_folder(path.parent)

            yield give

    def exchange(self, name: str, old: bytes, new: bytes) -> bool:
        """Store `new` in place of `old`, durably; False when something else is there by now, or nothing."""
        path = self._path(name)
        temporary = _temporary_beside(path)
        try:
            with holding_temporaries(self._root, alone=True):
                try:
                    if path.read_bytes() != old:
                        return False
                    _write_all([(temporary, [new])])
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)
            sync_folder(path.parent)
        except FileNotFoundError:
            self._require_there()
            return False
        except OSError as exc:
            raise self._refused(exc) from exc
        return True

    def sweep(self, *, wait: bool = False) -> int:
        """Delete what writers that were killed left of objects that never were; returns how many.

        While somebody writes nothing is deleted; with `wait`, when all of them are done.
        """
        try:
            swept = sweep_temporaries(self._root, below=True, wait=wait)
        except OSError as exc:
            raise self._refused(exc) from exc
        self._require_there()
        return swept

    def get(self, name: str) -> bytes:
        """The bytes of `name`; raises `MissingObjectError`."""
        try:
            # Not by way of a `Path`, which takes as long as reading: pages go through hundreds of bundles.
            with open(f"{self._root}/{checked(name)}", "rb", buffering=0) as file:  # noqa: PTH123
                return file.read()
        except OSError as exc:
            raise self._unread(name, exc) from exc

    def get_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """The bytes of many, in order; each is read when it is asked for. Raises as `get`."""
        return map(self.get, names)

    def view(self, name: str) -> Octets:
        """The same, mapped: an object that is replaced or deleted meanwhile stays as it was. Raises as `get`."""
        try:
            return mapped(self._path(name))
        except OSError as exc:
            raise self._unread(name, exc) from exc

    def size(self, name: str) -> int:
        """How many bytes it has; raises as `get`."""
        try:
            return self._path(name).stat().st_size
        except OSError as exc:
            raise self._unread(name, exc) from exc

    def exists(self, name: str) -> bool:
        """Whether there is an object of that name."""
        if self._path(name).is_file():
            return True
        self._require_there()
        return False

    def delete(self, name: str) -> None:
        """Remove `name`; nothing happens when it is not there."""
        try:
            with holding_temporaries(self._root):
                self._path(name).unlink(missing_ok=True)
        except OSError as exc:
            raise self._refused(exc) from exc
        self._require_there()

    def ls(self, prefix: str) -> Iterator[str]:
        """Names that start with `prefix`, which is empty or ends with `/`, sorted; temporary files are not objects."""
        assert not prefix or prefix.endswith("/"), "a prefix is a folder"
        top = self._path(prefix.rstrip("/")) if prefix else self._root
        found = [
            f"{at}{name}"
            for folder, _, names in os.walk(top)
            for at in (self._prefix(folder),)
            for name in names
            if not name.startswith(_TEMPORARY)
        ]
        self._require_there()  # after it: it may have moved while the half of it was listed
        return iter(sorted(found))

    def _prefix(self, folder: str) -> str:
        at = Path(folder).relative_to(self._root).as_posix()
        return "" if at == "." else f"{at}/"

    def _require_there(self) -> None:
        if not self._root.is_dir():
            raise StoreDownError("the objects are not in their folder any more", hint=_MOVED)

    def _unread(self, name: str, exc: OSError) -> StoreError:
        if not isinstance(exc, FileNotFoundError | IsADirectoryError | NotADirectoryError):
            return StoreError("object {name} cannot be read: {reason}", name, exc.strerror)
        self._require_there()
        return MissingObjectError(
            "object {name} is missing", name, hint="restore the object folder from a backup"
        )

    def _refused(self, exc: OSError) -> StoreDownError:
        self._require_there()
        return refused("the object folder", exc)

    def _path(self, name: str) -> Path:
        return self._root / checked(name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise self._refused(exc) from exc

    def _put_chunk(self, items: Sequence[tuple[str, bytes]]) -> None:
        placed = [(self._path(name), data) for name, data in items]
        folders = {path.parent for path, _ in placed}
        beside = [(_temporary_beside(path), path, data) for path, data in placed]
        with self._writing():
            for folder in folders:
                self._make(folder)
            with holding_temporaries(self._root):
                try:
                    for some in slices(beside, _AT_ONCE):
                        with _BATCHES if len(some) > 1 else nullcontext():
                            _write_all((temporary, [data]) for temporary, _, data in some)
                    for temporary, path, _ in beside:
                        temporary.replace(path)
                except BaseException:
                    # A full disk or Ctrl-C must not leave behind what fills the disk further.
                    for temporary, _, _ in beside:
                        temporary.unlink(missing_ok=True)
                    raise
            for folder in folders:
                sync_folder(folder)

    def _make(self, folder: Path) -> None:
        """Create `folder` durably, and never the root anew: whoever meets it next takes it to be there for good."""
        if folder.is_dir():
            return
        above = (path for path in (folder, *folder.parents) if path.is_relative_to(self._root))
        missing = [path for path in above if path != self._root and not path.exists()]
        for path in reversed(missing):  # one by one: `parents=True` gives the mode to the last only
            path.mkdir(mode=0o700, exist_ok=True)
            sync_folder(path.parent)


def _temporary_beside(path: Path) -> Path:
    return path.with_name(f"{_TEMPORARY}{os.getpid()}-{threading.get_ident()}-{next(_serial)}")


def _write_all(files: Iterable[tuple[Path, Iterable[Octets]]]) -> None:
    with ExitStack() as opened:
        handles: list[int] = []
        for path, pieces in files:
            if handles:
                _send(handles[-1])
            handles.append(_written(path, pieces, opened))
        for fd in handles:
            os.fsync(fd)


def _written(path: Path, pieces: Iterable[Octets], opened: ExitStack) -> int:
    """A file that is closed with `opened`."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    opened.callback(os.close, fd)
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view) :]
    return fd


def _send(fd: int) -> None:
    """Send a file on its way to the disk, without waiting: what is there by now has to be read from it again."""
    if sys.platform == "linux":
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
