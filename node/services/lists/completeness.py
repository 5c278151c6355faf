"""Which objects that the tables name are not in the object store: what a lost or half-restored disk looks like.

Only names are compared; what an object holds is verified whenever it is read.
"""

from collections.abc import Iterator

from node.ports.logs import LogRecord
from node.services.storage.logfiles import LogFiles
from node.services.storage.shelf import Shelf


def missing_objects(shelf: Shelf, log: LogRecord) -> list[str]:
    """Names of the entry bundles and waiting changes of `log` that are gone."""
    return [name for name in _expected(shelf, log) if not shelf.objects.exists(name)]


def _expected(shelf: Shelf, log: LogRecord) -> Iterator[str]:
    yield from LogFiles(shelf.objects, shelf.vault, log.origin).bundles(size=log.head.size)
    with shelf.storage.read() as unit:
        yield from (batch.object for batch in unit.pending.ls(log.id, first=log.head.size))
