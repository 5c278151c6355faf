"""Deleting what a process that died left behind: batches and files of releases that no committed row names.

Imports and releases write their objects before their transaction, so an object without a row may belong to one that is
still running. It is deleted when two sweeps at least a day apart both found it without one; what was found is
remembered in an object of its own.
"""

import json
from collections.abc import Iterator
from typing import Final

from node.errors import MissingObjectError
from node.objects.logfiles import LogFiles
from node.objects.release_files import unclaimed
from node.store.lists.records import LogKind
from node.store.store import Store

GRACE_MS: Final = 24 * 60 * 60 * 1000
_SEEN: Final = "sweeps/seen"
_KINDS: Final = ("pending", "cases")


def sweep(store: Store, *, now_ms: int) -> int:
    """Delete abandoned batches of the own lists and files of abandoned releases; returns how many."""
    before = _read_seen(store)
    orphans = set(_orphans(store))
    abandoned = {name for name in orphans if now_ms - before.get(name, now_ms) >= GRACE_MS}
    for name in abandoned:
        store.objects.delete(name)
    seen = {name: before.get(name, now_ms) for name in orphans - abandoned}
    if seen != before:
        store.objects.put(_SEEN, json.dumps(seen).encode())
    return len(abandoned)


def _orphans(store: Store) -> Iterator[str]:
    with store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST)
    for log in logs:
        files = LogFiles(store.objects, store.vault, log.origin)
        found = {name for kind in _KINDS for name in store.objects.ls(files.name(kind, ""))}
        # The rows are read after the objects: one that was committed in between has its row by now.
        with store.read() as unit:
            rows = (*unit.pending.ls(log.id, first=0), *unit.cases.ls(log.id, first=0))
        yield from found - {batch.object for batch in rows}
    yield from unclaimed(store)


def _read_seen(store: Store) -> dict[str, int]:
    try:
        seen = json.loads(store.objects.get(_SEEN))
    except (MissingObjectError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}
