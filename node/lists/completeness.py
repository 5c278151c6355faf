"""Which objects that the tables name are not in the object store, and which rows the lists ask for are in no table.

Of `missing_objects` only names are compared; what an object holds is verified whenever it is read, and by
`node.objects.integrity`.
"""

from collections.abc import Iterable, Iterator

from node.lists.changes import digest_of
from node.lists.touches import bundle_notes
from node.objects.logfiles import LogFiles
from node.store.lists.records import FileRun, LogRecord
from node.store.store import Store
from protocol.limits import BUNDLE_WIDTH, HEADER_BYTES
from protocol.lists.event import Header, Op

_INDEXED = frozenset({Op.ADD, Op.DISPUTE})


def missing_objects(store: Store, log: LogRecord) -> list[str]:
    """Names of the entry bundles and waiting changes of `log` that are gone."""
    expected = list(_expected(store, log))
    files = LogFiles(store.objects, store.vault, log.origin)
    # Listed, not asked for one by one: of a bucket that is one question for a thousand objects.
    held = {name for kind in ("logs", "pending") for name in store.objects.ls(files.name(kind, ""))}
    return [name for name in expected if name not in held]


def unindexed(store: Store, log: LogRecord) -> int:
    """How many of a list's open entries and disputes the look-up index does not have: they would be found nowhere."""
    files = LogFiles(store.objects, store.vault, log.origin)
    with store.read() as unit:
        gone = {each.position for each in unit.shreddings.ls(log.id)}
    missing = 0
    for index in range(-(-log.head.size // BUNDLE_WIDTH)):
        first = index * BUNDLE_WIDTH
        rows = zip(
            files.events(index, size=log.head.size), files.openings(index, size=log.head.size), strict=True
        )
        found = {
            at: digest
            for at, (event, opening) in enumerate(rows, first)
            if at not in gone and opening and _is_indexed(event) and (digest := digest_of(opening))
        }
        keys = dict(zip(found, store.vault.keys_of(found.values()).tolist(), strict=True))
        with store.read() as unit:
            held = {(hit.key, hit.position) for hit in unit.entries.find([*keys.values()], log_id=log.id)}
        missing += sum((key, at) not in held for at, key in keys.items())
    return missing


def untouched(store: Store, log: LogRecord) -> int:
    """How many rows about its events are missing, as far as the list was read: what is judged may be wrong."""
    files = LogFiles(store.objects, store.vault, log.origin)
    missing = 0
    for index in range(-(-log.touched // BUNDLE_WIDTH)):
        touches, noted = bundle_notes(store.vault, files, index, size=log.head.size)
        runs = [FileRun(*run) for run in noted.tolist()]
        said = [each for each in touches if each.position < log.touched]
        with store.read() as unit:
            held = {each[:2]: each.reach for each in unit.touches.about(log.id, (each.ref for each in said))}
            rows = unit.file_runs.of(log.id, (run.file for run in runs))
        missing += sum(held.get(each[:2], -1) < each.reach for each in said)
        missing += sum(run.last < log.touched and not _is_noted(run, rows) for run in runs)
    return missing


def _is_noted(run: FileRun, rows: Iterable[FileRun]) -> bool:
    """In one row, or in several: its hashes may have come, or been opened, one after the other."""
    found = {place for row in rows for place in run.places_in(row)}
    return len(found) == run.last + 1 - run.first


def _is_indexed(event: bytes) -> bool:
    return event[1] in _INDEXED and Header.from_bytes(event[:HEADER_BYTES]).known


def _expected(store: Store, log: LogRecord) -> Iterator[str]:
    yield from LogFiles(store.objects, store.vault, log.origin).bundles(size=log.head.size)
    with store.read() as unit:
        yield from (batch.object for batch in unit.pending.ls(log.id, first=log.head.size))
