"""A node's own lists: making one, and what it holds in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keys.trust.names import is_log_name
from node.errors import UsageError
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.limits import MAX_NODE_LISTS

MOST_BEGUN = MAX_NODE_LISTS - 4
"""Of a node's lists: the rest is for those that go on from one whose key was stolen or that has two histories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReport:
    """One list in numbers."""

    log: LogRecord
    active: Mapping[int, int]
    """Active entries by collection, those waiting for publication included."""

    @property
    def waiting(self) -> int:
        """Changes that wait for publication."""
        return self.log.tail - self.log.head.size


def list_origin(node: str, name: str) -> str:
    """Origin of the list `name` of `node`."""
    return f"{node}/lists/{name}"


def create_list(store: Store, node: str, name: str, *, first: Sequence[bytes] = ()) -> LogRecord:
    """Start a list, with these packed changes first in its queue.

    Raises `UsageError` for a name that is not one or a list that nobody would follow, `AlreadyExistsError` when it
    exists.
    """
    if not is_log_name(name):
        raise UsageError(
            "a list is named with up to 64 small letters, digits and hyphens",
            hint="for example: csam, csam-nl",
        )
    with store.write(alone=True) as unit:
        log = unit.logs.create(origin=list_origin(node, name), kind=LogKind.OWN_LIST, node=node, name=name)
        most = MAX_NODE_LISTS if first else MOST_BEGUN
        if len(unit.logs.ls(LogKind.OWN_LIST)) > most:
            raise UsageError(
                "a node starts at most {begun} lists; others follow at most {most}, with those that go on from one",
                MOST_BEGUN,
                MAX_NODE_LISTS,
                hint="import into one of these: sigfed list ls",
            )
        if not first:
            return log
        from node.lists.queue import Queue  # noqa: PLC0415 - it needs NumPy, and most commands do not

        queue = Queue(store, log)
        queue.put(first)
        queue.commit(unit)
        return unit.logs.get(log.origin)


def report_list(store: Store, origin: str) -> ListReport:
    """One list, own or a peer's; raises `NotFoundError`."""
    with store.read() as unit:
        log = unit.logs.get(origin)
        return ListReport(log=log, active=unit.entries.count(log.id))


def report_lists(store: Store) -> Sequence[ListReport]:
    """All lists, own and peers'."""
    with store.read() as unit:
        active = unit.entries.counts()
        return [
            ListReport(log=log, active=active.get(log.id, {}))
            for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
        ]


def count_on(store: Store) -> None:
    """Count the entries that an older version listed; goes on where it was cut off."""
    while not _is_counted(store):
        with store.write() as unit:
            unit.entries.count_on()


def _is_counted(store: Store) -> bool:
    with store.read() as unit:
        return unit.entries.is_counted


def own_list(unit: Unit, origin: str) -> LogRecord:
    """A list of this node; raises `NotFoundError`, or `UsageError` for another's."""
    log = unit.logs.get(origin)
    if log.kind is not LogKind.OWN_LIST:
        raise UsageError("{origin} is not a list of this node", origin)
    return log
