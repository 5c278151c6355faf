"""The files in which a partner's client of before kept what is a row now, each by its kind and name.

A file is a row's body byte for byte, so that nothing has to be opened, and what was damaged or sealed stays that. Rows
are committed before a file goes: whoever is killed in between finds both, and goes on. A file that says something else
than its row, which a program of before wrote about what was moved, is set aside and not removed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from node.errors import NotFoundError
from node.files import read_private, replace_private, sync_folder
from node.hoster.store.kinds import FactName, Kind

_STATE: Final = "state.json"
_WORD: Final = (
    b'{"moved": "What this file said is in state.db. An earlier version of sigfed cannot read that."}\n'
)
"""Stays where the state was: a program of before takes it for damaged, and enrols nobody a second time."""
_FACTS: Final = {
    _STATE: FactName.STATE,
    "self-test.json": FactName.SELF_TEST,
    "last-update.json": FactName.LAST_UPDATE,
    "reporters.json": FactName.AGREED,
    "scans.json": FactName.SCANS,
    "hits.ended": FactName.LAST_END,
}
_FOLDERS: Final = {
    "hits": (Kind.HIT, "[0-9a-f]*.json"),
    "unconfirmed": (Kind.UNCONFIRMED, "[0-9a-f]*.sealed"),
    "proposals": (Kind.PROPOSAL, "[0-9a-f]*.sealed"),
    "console-tokens": (Kind.CONSOLE_TOKEN, "[0-9a-f]*"),
}
_LOCKS: Final = ("scans.json.lock", "hits.recording.lock")
_ASIDE: Final = "late-"
_MAX_BYTES: Final = 64 * 2**20


class Earlier(NamedTuple):
    """A file that becomes a row."""

    path: Path
    kind: Kind
    name: str
    mark: tuple[int, int]
    """Tells it from one that replaces it."""

    def read(self) -> bytes | None:
        """The row's body; None: another process has just moved it. Raises as `read_private`."""
        try:
            body = read_private(self.path, max_bytes=_MAX_BYTES)
        except NotFoundError:
            return None
        return None if body == _WORD else body

    @property
    def is_there(self) -> bool:
        """Whether it is still the file that was found."""
        return _mark(self.path) == self.mark


def earlier_files(folder: Path) -> Sequence[Earlier]:
    """Those in a partner's folder: all that it kept, what a kill left, or what a program of before wrote since."""
    return tuple(_found(folder))


def _found(folder: Path) -> Iterator[Earlier]:
    there = _names(folder)
    found: list[tuple[Path, Kind, str]] = [
        (folder / name, Kind.FACT, _FACTS[name]) for name in there & _FACTS.keys()
    ]
    for name in there & _FOLDERS.keys():
        kind, pattern = _FOLDERS[name]
        paths = (folder / name / each for each in _names(folder / name) if fnmatchcase(each, pattern))
        found += ((path, kind, path.stem) for path in paths)
    for path, kind, row in found:
        mark = _mark(path)
        if mark is not None and not (path.name == _STATE and has_word(folder)):
            yield Earlier(path, kind, row, mark)


def _names(folder: Path) -> set[str]:
    """What is there, or nothing, where another process has just removed it."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208 - each transaction asks, and names are enough
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _mark(path: Path) -> tuple[int, int] | None:
    with suppress(FileNotFoundError):
        found = path.lstat()
        return found.st_ino, found.st_mtime_ns
    return None


def has_word(folder: Path) -> bool:
    """Whether programs of before are told that they cannot read this folder, which is after its tables were made."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return (folder / _STATE).stat().st_size == len(_WORD)
    return False


def aside(folder: Path) -> list[Path]:
    """Files that say something else than their rows."""
    return sorted(path for name in _FOLDERS for path in (folder / name).glob(f"{_ASIDE}*"))


def set_aside(others: Sequence[Earlier]) -> None:
    """Give files a name by which no program takes them for something that it keeps."""
    for each in others:
        with suppress(FileNotFoundError):
            each.path.rename(each.path.with_name(f"{_ASIDE}{each.mark[1]}-{each.path.name}"))


def remove_earlier(folder: Path, moved: Sequence[Earlier]) -> None:
    """Remove the files whose rows are committed, unless they were replaced; the state last, for words in its place."""
    for each in moved:
        if each.path.name != _STATE and each.is_there:
            each.path.unlink(missing_ok=True)
    for name in _LOCKS:
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        with suppress(OSError):  # it is not there, or has what somebody else put into it
            (folder / name).rmdir()
    state = folder / _STATE
    if not state.exists() or any(each.path == state and each.is_there for each in moved):
        replace_private(state, _WORD)
    sync_folder(folder)
