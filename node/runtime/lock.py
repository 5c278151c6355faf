"""One running node a home folder: an advisory lock that ends with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from node.errors import StoreLockedError
from node.runtime.home import Home

LOCK_NAME = "run.lock"


@contextmanager
def running(home: Home) -> Iterator[None]:
    """Hold the home's lock.

    Raises:
        StoreLockedError: another process runs this node, and with it its scheduler.
    """
    handle = os.open(home.folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(handle)
        raise StoreLockedError(
            f"another process runs the node in {home.folder}", hint="stop it first, or use --home"
        ) from exc
    try:
        yield
    finally:
        os.close(handle)
