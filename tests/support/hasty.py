"""What a large federation in one process can do without: threads that wait for each other, and a disk that was written.

Nothing that is decided changes; a step only ends sooner.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar
from unittest.mock import patch

from node.store import driver
from support.remembering import remembered_signatures

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def _at_once(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    return function(*args, **kwargs)


_prepare = driver._prepare_sqlite


def _prepare_unsynced(connection: Any, record: object) -> None:
    _prepare(connection, record)
    connection.execute("PRAGMA synchronous=OFF")


@contextmanager
def hasty() -> Iterator[None]:
    """One thread, a database that waits for no disk, and trust files and notes that are read once."""
    with (
        patch.object(asyncio, "to_thread", _at_once),
        patch.object(driver, "_prepare_sqlite", _prepare_unsynced),
        remembered_signatures(),
    ):
        yield
