"""Advisory locks in a home folder: one process runs the node, one at a time revises its trust files.

A lock ends with the process that holds it, whatever ends that.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from node.errors import StoreLockedError
from node.files import locked
from node.home import Home

LOCK_NAME = "run.lock"
REVISION_LOCK_NAME = "trust.lock"


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
            "another process runs the node in {folder}", home.folder, hint="stop it first, or use --home"
        ) from exc
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def revising(home: Home) -> Iterator[None]:
    """Wait until nobody else revises the trust files, then keep others out.

    Two processes that each signed a next document would sign two under one serial, which peers take for a fork.
    """
    with locked(home.folder / REVISION_LOCK_NAME):
        yield
