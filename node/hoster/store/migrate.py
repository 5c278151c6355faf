"""The files in which a partner's client of before kept what is a row now, each by its kind and name.

A file is a row's body byte for byte, so that nothing has to be opened, and what was damaged or sealed stays that. Rows
are committed before a file goes: whoever is killed in between finds both, and goes on.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from node.errors import ConfigError
from node.files import replace_private, sync_folder
from node.hoster.store.kinds import Fact, Kind

_STATE: Final = "state.json"
_WORD: Final = (
    b'{"moved": "What this file said is in state.db. An earlier version of sigfed cannot read that."}\n'
)
"""Stays where the state was: a program of before takes it for damaged, and enrols nobody a second time."""
_FACTS: Final = {
    _STATE: Fact.STATE,
    "self-test.json": Fact.SELF_TEST,
    "last-update.json": Fact.LAST_UPDATE,
    "reporters.json": Fact.AGREED,
    "scans.json": Fact.SCANS,
    "hits.ended": Fact.LAST_END,
}
_FOLDERS: Final = {
    "hits": (Kind.HIT, "[0-9a-f]*.json"),
    "unconfirmed": (Kind.UNCONFIRMED, "[0-9a-f]*.sealed"),
    "proposals": (Kind.PROPOSAL, "[0-9a-f]*.sealed"),
    "console-tokens": (Kind.CONSOLE_TOKEN, "[0-9a-f]*"),
}
_LOCKS: Final = ("scans.json.lock", "hits.recording.lock")


class Earlier(NamedTuple):
    """A file that becomes a row."""

    path: Path
    kind: Kind
    name: str

    def read(self) -> bytes | None:
        """The row's body; None: another process has just moved it. Raises `ConfigError` for a link."""
        if self.path.is_symlink():
            raise ConfigError("{path} must not be a link", self.path)
        with suppress(FileNotFoundError):
            return self.path.read_bytes()
        return None


def earlier_files(folder: Path) -> Sequence[Earlier]:
    """Those in a partner's folder: all that it kept, what a kill left, or what a program of before wrote since."""
    return tuple(_found(folder))


def _found(folder: Path) -> Iterator[Earlier]:
    try:
        there = set(os.listdir(folder))  # noqa: PTH208 - each transaction asks, and names are enough
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in there & _FACTS.keys():
        path = folder / name
        if name != _STATE or path.stat().st_size != len(_WORD):
            yield Earlier(path, Kind.FACT, _FACTS[name])
    for name in there & _FOLDERS.keys():
        kind, pattern = _FOLDERS[name]
        yield from (Earlier(path, kind, path.stem) for path in (folder / name).glob(pattern))


def leave_word(folder: Path) -> None:
    """Tell programs of before that they cannot read this folder."""
    replace_private(folder / _STATE, _WORD)


def has_state(folder: Path) -> bool:
    """Whether a program of before would find something in place of a state."""
    return (folder / _STATE).exists()


def remove_earlier(folder: Path, moved: Sequence[Earlier]) -> None:
    """Remove the files whose rows are committed; the state last, and for words in its place."""
    for each in moved:
        if each.path.name != _STATE:
            each.path.unlink(missing_ok=True)
    for name in _LOCKS:
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        with suppress(OSError):  # it is not there, or has what somebody else put into it
            (folder / name).rmdir()
    if any(each.path.name == _STATE for each in moved):
        leave_word(folder)
    sync_folder(folder)
