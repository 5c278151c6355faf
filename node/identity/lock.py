"""Advisory locks in a home folder: one process runs the node, one at a time revises its trust files.

A lock ends with the process that holds it, whatever ends that.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from node.errors import StoreLockedError
from node.files import locked, try_locked
from node.home import Home

LOCK_NAME = "run.lock"
REVISION_LOCK_NAME = "trust.lock"


@contextmanager
def running(home: Home) -> Iterator[None]:
    """Hold the home's lock.

    Raises:
        StoreLockedError: another process runs this node, and with it its scheduler.
    """
    with try_locked(home.folder / LOCK_NAME) as held:
        if not held:
            raise StoreLockedError(
                "another process runs the node in {folder}", home.folder, hint="stop it first, or use --home"
            )
        yield


@contextmanager
def revising(home: Home) -> Iterator[None]:
    """Wait until nobody else revises the trust files, then keep others out.

    Two processes that each signed a next document would sign two under one serial, which peers take for a fork.
    """
    with locked(home.folder / REVISION_LOCK_NAME):
        yield
