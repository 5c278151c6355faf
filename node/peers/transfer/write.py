"""Writing a transfer: what a peer may read of this node's lists, as files on a medium that somebody carries.

The files are those the peer would be served over the network, under the same grant. A folder is for one peer alone:
what another may read must not be found on it. The signed head is written last, so that an export that was cut off is
none; running it again goes on where it stopped. Rules: docs/spec/transfer.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keys.signer import Signer
from keys.trust.statement import seal_statement
from node.access.stored_grant import stored_grant
from node.clock import Clock, milliseconds
from node.errors import AlreadyExistsError
from node.peers.log_service import CallerLogs
from node.peers.transfer.read import HEAD, TRUST, HeldList, folder_of, openings_path
from node.ports.objects import ObjectStore
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.trust.own import OwnTrust
from protocol.lists.grant import Grant
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import Note
from protocol.tlog.tiles import bundle_widths, entries_path
from protocol.transfer import KIND, Transfer

_PEER: Final = "peer"
"""File with the name of the peer that the folder is for: written first."""


@dataclass(frozen=True, slots=True)
class ExportedList:
    """A list as it was exported."""

    origin: str
    size: int
    bundles: int
    """Bundles that the transfer holds of it."""
    reopened: int
    """Older bundles of which it holds the openings alone: the peer may read more of them than it could."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export."""

    lists: tuple[ExportedList, ...]
    written: int
    """Bytes written by this run; what an earlier one left is not written again."""


class Exporter:
    """Exports the own lists of `node`; `trust` are its signed files, `signer` its statement key."""

    def __init__(self, store: Store, trust: OwnTrust, clock: Clock, *, node: str, signer: Signer) -> None:
        self._store = store
        self._trust = trust
        self._clock = clock
        self._node = node
        self._signer = signer

    def export(self, name: str, target: ObjectStore, *, held: Mapping[str, HeldList]) -> Exported:
        """Write a transfer for the peer `name`; of the lists that are `held`, only what is newer or may be read since.

        Raises:
            NotFoundError: there is no such peer.
            AlreadyExistsError: the folder has files of something else, or is for another peer.
        """
        with self._store.read() as unit:
            peer = unit.peers.get(name)
            logs = [log for log in unit.logs.ls(LogKind.OWN_LIST) if log.note is not None]
        folder = _Folder(target)
        folder.claim(name)
        now = self._clock.now()
        stored = stored_grant(peer)
        grant = replace(stored, collections=stored.collections_at(now))
        folder.put_all(iter(_trust_files(self._trust).items()))
        reader = CallerLogs(self._store, self._clock, grant)
        lists = tuple(
            _export_list(reader, folder, log, held.get(log.origin, HeldList()), grant) for log in logs
        )
        transfer = Transfer(
            node=self._node,
            peer=name,
            time_ms=milliseconds(now),
            granted=grant.collections,
            algorithms=grant.algorithms,
            lists={one.origin: one.size for one in lists},
        )
        folder.put(HEAD, seal_statement(KIND, transfer.to_bytes(), self._signer))
        target.sweep()  # of what was half written when one was killed: another peer may get the medium next
        return Exported(lists, folder.written)


def introduce_to(trust: OwnTrust, target: ObjectStore) -> None:
    """Write the public trust files alone: what another agency needs before it can be exported for.

    Raises:
        AlreadyExistsError: the folder has other files.
    """
    files = _trust_files(trust)
    if any(name not in files for name in target.ls("")):
        raise AlreadyExistsError("the folder is not empty", hint="choose an empty one")
    target.put_all(files.items())
    target.sweep()


def _trust_files(trust: OwnTrust) -> dict[str, bytes]:
    return {f"{TRUST}{name}": data for name, data in trust.current().to_files().items()}


def _export_list(
    reader: CallerLogs, folder: "_Folder", log: LogRecord, held: HeldList, grant: Grant
) -> ExportedList:
    origin, top = log.origin, folder_of(log.origin)
    note = reader.read_checkpoint(origin)
    size = Checkpoint.from_text(Note.parse(note).text).size
    new = list(bundle_widths(min(held.size, size), size))
    older = (
        [] if held.opened.includes(grant) else [each for each in bundle_widths(0, size) if each not in new]
    )
    folder.put_all(_entries(reader, origin, new))
    folder.put_all(_openings(reader, origin, [*older, *new]))
    folder.put(f"{top}/checkpoint", note)
    return ExportedList(origin, size, len(new), len(older))


def _entries(
    reader: CallerLogs, origin: str, places: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, bytes]]:
    for index, width in places:
        data = reader.read_entries(origin, index=index, width=width)
        yield f"{folder_of(origin)}/{entries_path(index, width)}", data


def _openings(
    reader: CallerLogs, origin: str, places: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, bytes]]:
    for index, width in places:
        data = reader.read_openings(origin, index=index, width=width)
        yield f"{folder_of(origin)}/{openings_path(index, width)}", data


class _Folder:
    """The files of one export."""

    def __init__(self, target: ObjectStore) -> None:
        self._target = target
        self.written = 0

    def claim(self, peer: str) -> None:
        """Make the folder that peer's; its old head is gone until the export is finished."""
        if self._target.exists(_PEER):
            if self._target.get(_PEER) != peer.encode():
                raise AlreadyExistsError("the folder is for another peer", hint="choose an empty one")
        elif next(self._target.ls(""), None) is not None:
            raise AlreadyExistsError("the folder is not empty", hint="choose an empty one")
        self._target.delete(HEAD)
        self.put(_PEER, peer.encode())

    def put(self, name: str, data: bytes) -> None:
        """Write a file unless it is there already."""
        self.put_all(iter([(name, data)]))

    def put_all(self, items: Iterator[tuple[str, bytes]]) -> None:
        """Write those files that are not there already."""
        self._target.put_all(self._missing(items))

    def _missing(self, items: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for name, data in items:
            if not self._target.exists(name) or self._target.get(name) != data:
                self.written += len(data)
                yield name, data
