"""Which daemons of a partner's home run now: each holds a lock for as long as it lives, whatever ends it.

The name of the lock says what it is and since when; nothing is written into it, so nothing in it can be out of date.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.files import locked, try_locked

_FOLDER: Final = "daemons"
_NAME: Final = re.compile(r"([a-z]{1,16})-([0-9]{1,20})-([0-9]{1,16})\.lock")
_YOUNG_MS: Final = 60_000
"""One that was made so lately may be about to be locked."""


@dataclass(frozen=True, slots=True, order=True)
class Daemon:
    """A process that answers for other programs."""

    kind: str
    """The command: `agent` or `icap`."""
    since_ms: int


@contextmanager
def running_daemon(folder: Path, kind: str, *, now_ms: int) -> Iterator[None]:
    """Be found by `running_daemons` of this partner's `folder` while the block lasts."""
    for path, daemon in _named(folder):
        if now_ms - daemon.since_ms > _YOUNG_MS and not _is_held(path):
            path.unlink(missing_ok=True)  # of one that was killed
    path = folder / _FOLDER / f"{kind}-{os.getpid()}-{now_ms}.lock"
    try:
        with locked(path):
            yield
    finally:
        path.unlink(missing_ok=True)


def running_daemons(folder: Path) -> list[Daemon]:
    """Those that run now, in the order of their kinds."""
    return sorted(daemon for path, daemon in _named(folder) if _is_held(path))


def _named(folder: Path) -> list[tuple[Path, Daemon]]:
    found = []
    for path in (folder / _FOLDER).glob("*.lock"):
        name = _NAME.fullmatch(path.name)
        if name is not None:
            found.append((path, Daemon(name[1], int(name[3]))))
    return found


def _is_held(path: Path) -> bool:
    with try_locked(path) as mine:
        return not mine
