"""Putting several trust files in force together: written down first, so that whoever comes next finishes it.

One write after the other would leave a node, when it is cut off, with a root that its files do not follow. The note
holds every file in the order of writing; it is taken away when all are in their places. Keeping others from revising
meanwhile is the caller's matter.
"""

import json
from collections.abc import Sequence
from typing import Final

from keys.encoding import b64, dump, unb64
from keys.errors import MalformedTrustError
from node.errors import StoreError
from node.ports.objects import ObjectStore

NOTE: Final = "installing.json"


def install(files: ObjectStore, items: Sequence[tuple[str, bytes]]) -> None:
    """Put these files in force, in this order, all or, when cut off, all by the next `finish`."""
    files.put(NOTE, dump([{"name": name, "data": b64(data)} for name, data in items]))
    finish(files)


def finish(files: ObjectStore) -> bool:
    """Put in force what an earlier `install` began; whether there was anything."""
    if not files.exists(NOTE):
        return False
    for name, data in _read(files.get(NOTE)):
        files.put(name, data)
    files.delete(NOTE)
    return True


def _read(note: bytes) -> list[tuple[str, bytes]]:
    try:
        items = json.loads(note)
        return [(item["name"], unb64(item["data"], error=MalformedTrustError)) for item in items]
    except (ValueError, KeyError, TypeError, MalformedTrustError) as exc:
        raise StoreError(
            "{name} in the trust folder is damaged", NOTE, hint="restore the folder from a backup"
        ) from exc
