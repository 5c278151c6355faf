"""A second process of a node that uses up ids of assertions; begun in a fork, so it lies in a module."""

from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

from node.access.callers import StoredReplays
from node.errors import ReplayedError
from support.new_stores import open_store
from support.stores import STORAGE_KEY

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDS = [f"id {number}" for number in range(40)]


def spend_all(dsn: str, together: Barrier, accepted: Path) -> None:
    """Write down which of the ids were good in this process; each is tried at the same moment as in the others."""
    store = open_store(dsn, storage_key=STORAGE_KEY)
    try:
        good = [jti for jti in IDS if _good(StoredReplays(store), jti, together)]
        accepted.write_text("\n".join(good))
    finally:
        store.dispose()


def _good(replays: StoredReplays, jti: str, together: Barrier) -> bool:
    together.wait(120)
    try:
        replays.spend("nl.example", jti, expires=NOW + timedelta(seconds=60), now=NOW)
    except ReplayedError:
        return False
    return True
