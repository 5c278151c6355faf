"""Where files come from: folders, single paths, lists of paths. Nothing is opened here, only looked at.

A folder is walked in the order of its names' bytes. Symbolic links in it are not followed and pipes, sockets and
devices are passed over: a link could lead out of the folder or round in circles, a pipe would block for ever. What was
named by itself and cannot be looked up is a result of its own, so that nothing is passed over in silence.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from node.errors import InputRefusedError
from node.hashing.read import mark_of

MAX_PATH_BYTES: Final = 65_536
"""Longer than any system's paths: a list with a longer one is something else than a list."""
_CHUNK: Final = 65_536
_MOUNTS: Final = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Item:
    """A file to be looked at, or what stands in its place and why it cannot be."""

    source: str
    path: bytes
    size: int
    mark: str
    """Changes whenever the content does; empty where that cannot be told."""
    fault: str = ""
    """Why it cannot be read; empty: it has not been tried."""
    known: int = 0
    """Its id in the state; 0: never seen."""


@dataclass(slots=True)
class Walk:
    """Goes through sources; `passed_over` counts what is never opened."""

    skip: frozenset[bytes] = frozenset()
    """Files and folders that are left out: the scan's own state, the partner's own folder."""
    passed_over: int = 0
    kernels: frozenset[bytes] = field(default_factory=lambda: kernels_own(_MOUNTS))
    """Folders that hold no files but views of the kernel."""

    def paths(self, sources: Iterable[str]) -> Iterator[Item]:
        """All files of paths that somebody typed; a folder may be given by a link to it."""
        for source in sources:
            path = os.path.abspath(os.fsencode(source))  # noqa: PTH100 - bytes, and links must stay as they are
            if os.path.isdir(path):  # noqa: PTH112
                yield from self._folder(source, path)
            else:
                yield look_at(source, path)

    def listed(self, source: str, paths: Iterable[bytes]) -> Iterator[Item]:
        """All files of a list that some program made; folders in it are walked, links are not followed."""
        for listed in paths:
            path = os.path.abspath(listed)  # noqa: PTH100
            item = look_at(source, path)
            if item.fault == _FOLDER:
                yield from self._folder(source, path)
            else:
                yield item

    def _folder(self, source: str, folder: bytes) -> Iterator[Item]:
        """Without recursion: how deep folders are nested is a stranger's choice."""
        waiting = [folder]
        while waiting:
            path = waiting.pop()
            try:
                with os.scandir(path) as found:
                    names = sorted(entry.name for entry in found)
            except OSError as exc:
                yield Item(source, path, 0, "", f"the folder cannot be read: {reason(exc)}")
                continue
            folders: list[bytes] = []
            for name in names:
                item = look_at(source, os.path.join(path, name))  # noqa: PTH118
                if item.path in self.skip or item.path in self.kernels or item.fault in _PASSED_OVER:
                    self.passed_over += 1
                elif item.fault == _FOLDER:
                    folders.append(item.path)
                else:
                    yield item
            waiting += reversed(folders)


def look_at(source: str, path: bytes) -> Item:
    """What is at a path; raises nothing."""
    try:
        return _item(source, path, os.lstat(path))
    except (OSError, ValueError) as exc:
        return Item(source, path, 0, "", reason(exc))


def kernels_own(mounts: Path) -> frozenset[bytes]:
    """Folders in which the kernel shows its own, where what looks like a file may have no end.

    Also those inside a container's or a customer's root, by the list of mounts (proc(5), "mountinfo").
    """
    try:
        lines = mounts.read_bytes().splitlines()
    except OSError:
        return _KERNELS_FOLDERS
    types: dict[bytes, bytes] = {}
    for line in lines:
        before, _, after = line.partition(b" - ")
        # Of several in one place the last one shows.
        types[b"".join(before.split(b" ")[4:5])] = after.split(b" ")[0]
    found = (_unescaped(place) for place, kind in types.items() if kind in _KERNELS_TYPES)
    return _KERNELS_FOLDERS.union(found)


def _unescaped(place: bytes) -> bytes:
    return _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8)]), place)


def read_list(stream: BinaryIO, *, separator: bytes) -> Iterator[bytes]:
    """The paths in a list, one to a line, or with NUL after each; raises `InputRefusedError` for what is no list."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(separator)
        yield from filter(None, whole)
        if len(rest) > MAX_PATH_BYTES:
            raise InputRefusedError(
                "the list of files has a path longer than any system's",
                hint="one path to a line; with --null, a NUL character after each",
            )
    if rest:
        yield rest


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be read, in words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "the name is not one that the system accepts"


_FOLDER: Final = "a folder"
_LINK: Final = "a symbolic link, not followed"
_SPECIAL: Final = "not a regular file"
_PASSED_OVER: Final = frozenset({_LINK, _SPECIAL})
_KERNELS_FOLDERS: Final = frozenset({b"/proc", b"/sys", b"/dev"})
_KERNELS_TYPES: Final = frozenset(
    b"proc sysfs devtmpfs devpts cgroup cgroup2 debugfs tracefs securityfs configfs bpf pstore efivarfs".split()
)
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")


def _item(source: str, path: bytes, found: os.stat_result) -> Item:
    if stat.S_ISREG(found.st_mode):
        return Item(source, path, found.st_size, mark_of(found))
    if stat.S_ISDIR(found.st_mode):
        return Item(source, path, 0, "", _FOLDER)
    return Item(source, path, 0, "", _LINK if stat.S_ISLNK(found.st_mode) else _SPECIAL)
