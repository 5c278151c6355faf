"""The lease of a home whose database lies in it: a copy of the folder is a home of its own."""

from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from node.errors import StoreLockedError
from node.store.lease import Claim
from node.store.store import Store
from support.new_stores import MemoryObjects, new_store, open_store
from support.older import age
from support.stores import sqlite_dsn

STORAGE_KEY = b"k" * 32


def claim(holder: str) -> Claim:
    return Claim(holder=holder, place=f"a machine:/{holder}", inside=True)


def write(store: Store) -> None:
    with store.write() as unit:
        unit.quarantine.add([])


def spend(store: Store) -> None:
    with store.write_allowances() as rows:
        rows.add_to_month("2026-11", 1)


@pytest.mark.parametrize("write", [write, spend])
def test_a_copied_home_goes_on_after_a_transaction_that_was_rolled_back(
    tmp_path: Path, write: Callable[[Store], None]
) -> None:
    """The first thing that is refused in it takes the lease and gives it back."""
    dsn = sqlite_dsn(tmp_path)
    first = new_store(dsn, storage_key=STORAGE_KEY, claim=claim("first"))
    write(first)
    copy = open_store(dsn, storage_key=STORAGE_KEY, claim=claim("copy"))
    with pytest.raises(RuntimeError), copy.write():
        raise RuntimeError
    copy.standing()  # asked each minute: what another term is found to be is older, and nobody took over
    write(copy)
    write(copy)
    with pytest.raises(StoreLockedError):
        write(first)
    for store in (first, copy):
        store.dispose()


def _written_elsewhere(dsn: str, holder: str) -> None:
    """By another process, in which a copy of the home takes the lease."""
    store = open_store(dsn, storage_key=STORAGE_KEY, claim=claim(holder))
    write(store)
    store.dispose()


def test_who_has_the_lease_is_told_from_another_copy_that_took_it_in_the_same_term(tmp_path: Path) -> None:
    dsn = sqlite_dsn(tmp_path)
    new_store(dsn, storage_key=STORAGE_KEY, claim=claim("first")).dispose()
    _written_elsewhere(dsn, "first")
    copy = open_store(dsn, storage_key=STORAGE_KEY, claim=claim("copy"))
    with pytest.raises(RuntimeError), copy.write():
        raise RuntimeError
    other = get_context("spawn").Process(target=_written_elsewhere, args=(dsn, "other copy"))
    other.start()
    other.join()
    assert other.exitcode == 0
    with pytest.raises(StoreLockedError):
        copy.standing()
    with pytest.raises(StoreLockedError):
        write(copy)
    copy.dispose()


@pytest.mark.both_databases
@pytest.mark.parametrize("write", [write, spend])
def test_who_runs_on_beside_a_newer_version_writes_nothing_any_more(
    dsn: str, write: Callable[[Store], None]
) -> None:
    """It knows nothing of the tables that came, and would leave out what belongs in them."""
    objects = MemoryObjects()
    running = new_store(dsn, storage_key=STORAGE_KEY, objects=objects, claim=claim("home"))
    write(running)
    age(dsn, "0030")
    write(running)
    newer = open_store(dsn, storage_key=STORAGE_KEY, objects=objects, claim=claim("home"))
    write(newer)
    with pytest.raises(StoreLockedError, match="a newer version"):
        write(running)
    with running.read() as unit:
        assert unit.lease.standing().term == 2
    write(newer)
    for store in (running, newer):
        store.dispose()
