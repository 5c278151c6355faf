"""Kills the command that loads this with SIGKILL at one of its steps: before a file or a name is written, before a row
is, before a commit, or right after one.

`KILL_AT` is the number of the step (0: never), `KILL_STEPS` a file of eight bytes in which steps are counted; a memory
map, so that what was counted outlives the kill.
"""

import mmap
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection

_AT = int(os.environ["KILL_AT"])
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_NAMES = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"})
with Path(os.environ["KILL_STEPS"]).open("r+b") as _file:
    _COUNT = mmap.mmap(_file.fileno(), 8)


def _step() -> None:
    reached = int.from_bytes(_COUNT[:8]) + 1
    _COUNT[:8] = reached.to_bytes(8)
    if reached == _AT:
        os.kill(os.getpid(), signal.SIGKILL)


def _audited(name: str, arguments: tuple[Any, ...]) -> None:
    if name in _NAMES or (name == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES):
        _step()


def _executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
    if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")):
        _step()


def _then_step(commit: Callable[..., None]) -> Callable[..., None]:
    def done(connection: Connection) -> None:
        _step()
        commit(connection)
        _step()

    return done


event.listen(Engine, "before_cursor_execute", _executed)
Connection._commit_impl = _then_step(Connection._commit_impl)  # type: ignore[method-assign]
sys.addaudithook(_audited)
