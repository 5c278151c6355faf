"""This home's claim to its database: who it is, and whether anybody else can have that database at all."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from node.clock import system_entropy
from node.config import Settings
from node.errors import NotFoundError
from node.files import locked, read_private, sync_folder
from node.home import Home
from node.objects.stores import open_bucket
from node.store import lease
from node.store.lease import Claim

_ID_BYTES: Final = 16


def claim_of(home: Home, settings: Settings) -> Claim:
    """The claim of the home to the database that its settings name."""
    return Claim(holder=home_id(home), place=place_of(home), inside=not settings.store.dsn)


def place_of(home: Home) -> str:
    """Says to people where a folder is."""
    return f"{socket.gethostname()}:{home.folder.absolute()}"


def home_id(home: Home) -> str:
    """What names this folder and no copy of it: a random number in a file that also names its own inode.

    It is no lock, and called one because locks are in no backup either.
    """
    path = home.folder / "home.lock"
    with locked(path.with_name("home-id.lock")):
        try:
            name, _, inode = read_private(path).decode("ascii", "replace").partition(" ")
            if inode == str(path.stat().st_ino):
                return name
        except NotFoundError:
            pass
        return _new_id(path)


def _new_id(path: Path) -> str:
    name, draft = system_entropy(_ID_BYTES).hex(), path.with_suffix(".draft.lock")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{name} {os.fstat(handle).st_ino}")  # which a renamed file keeps, and a copy does not
        file.flush()
        os.fsync(handle)
    draft.rename(path)
    sync_folder(path.parent)
    return name


def require_lease(home: Home, settings: Settings) -> None:
    """Check that what lies beside database and objects may be revised here; raises `StoreLockedError`."""
    claim = claim_of(home, settings)
    if settings.store.dsn:
        lease.require(settings.store.dsn, claim)
    if settings.store.objects:
        open_bucket(settings, claim).prepare()


def take_lease(home: Home, settings: Settings, *, ready: Callable[[], None]) -> None:
    """Let this home follow the one before it, unless `ready` raises; raises as `node.store.lease.take`."""
    claim = claim_of(home, settings)
    if settings.store.dsn:
        lease.take(settings.store.dsn, claim, ready=ready)
    if settings.store.objects:
        ready()
        open_bucket(settings, claim).take_over()


def renew_lease(home: Home, settings: Settings) -> None:
    """Say that the node runs here; raises `StoreLockedError` where another home has the lease, or the objects."""
    claim = claim_of(home, settings)
    if settings.store.dsn:
        lease.renew(settings.store.dsn, claim)
    if settings.store.objects:
        open_bucket(settings, claim).require_own()


def release_lease(home: Home, settings: Settings) -> None:
    """Say that the node has stopped here, which keeps the lease."""
    if settings.store.dsn:
        lease.release(settings.store.dsn, claim_of(home, settings))
