"""What a large federation in one process can do without: threads that wait for each other.

Nothing that is decided changes; a step only ends sooner.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar
from unittest.mock import patch

from support.remembering import remembered_signatures

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def _at_once(function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
    return function(*args, **kwargs)


@contextmanager
def hasty() -> Iterator[None]:
    """One thread, and trust files and notes that are read once."""
    with patch.object(asyncio, "to_thread", _at_once), remembered_signatures():
        yield
