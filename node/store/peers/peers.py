"""The agencies this node knows, and their signed files. A node document never goes back to an older serial."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, or_, select, update

from keys.message import pack, unpack
from keys.trust.held_trust import HeldTrust
from node.errors import AlreadyExistsError, ConflictError, NotFoundError
from node.store.peers.records import PeerRecord
from node.store.tables import Peer, PeerFile, Rows, record, table, values_of

_PEER = table(Peer)
_C = _PEER.c
_FILE = table(PeerFile)
_F = _FILE.c
_PEERS: Final = select(_PEER).order_by(_C.name)
_BY_NAME: Final = select(_PEER).where(_C.name == bindparam("name"))
_FILES: Final = select(_F.peer, _F.name, _F.content)
_FILES_OF: Final = _FILES.where(_F.peer == bindparam("peer"))
_LONGEST = 65_536
"""Characters of an outcome as it is kept."""


class PeerRows(Rows):
    """The `peer` table inside one transaction."""

    def add(self, peer: PeerRecord) -> None:
        """Add a peer; raises `AlreadyExistsError`."""
        row = values_of(peer, "trust", "grant", grant_json=peer.grant, outcome=pack(peer.outcome, _LONGEST))
        self._insert(
            _PEER,
            row,
            AlreadyExistsError(
                "{name} is a peer already", peer.name, hint="change what it may read with: sigfed peer grant"
            ),
        )
        self._replace_files(peer.name, peer.trust)

    def get(self, name: str) -> PeerRecord:
        """The peer of that name; raises `NotFoundError`."""
        found = self.find(name)
        if found is None:
            raise NotFoundError(
                "{name} is not a peer of this node", name, hint="see them with: sigfed peer ls"
            )
        return found

    def find(self, name: str) -> PeerRecord | None:
        """The peer of that name, if there is one."""
        row = self._connection.execute(_BY_NAME, {"name": name}).one_or_none()
        return None if row is None else _record(row, self._files(name))

    def ls(self) -> Sequence[PeerRecord]:
        """All peers by name."""
        files = self._all_files()
        return [_record(row, files.get(row.name, {})) for row in self._connection.execute(_PEERS)]

    def trust(self) -> Mapping[str, HeldTrust]:
        """The signed files that are held of each peer, by its name."""
        return {name: HeldTrust.from_files(files) for name, files in self._all_files().items()}

    def update_trust(
        self,
        name: str,
        trust: HeldTrust,
        *,
        serial: int,
        found: int | None = None,
        confirmed_ms: int | None = None,
    ) -> None:
        """Store newer signed files; `confirmed_ms` only when the peer confirmed all of them.

        `found` is the serial of the files that these were judged against, and may take the place of.

        Raises `ConflictError` when `serial` is lower than the one held, unless that is `found`, or there are fewer
        roots.
        """
        held = self.get(name)
        values = (
            {"serial": serial} if confirmed_ms is None else {"serial": serial, "confirmed_ms": confirmed_ms}
        )
        older = or_(_C.serial <= serial, _C.serial == found)
        newer = update(_PEER).where(_C.name == name, older).values(values)
        if len(trust.roots) < len(held.trust.roots) or self._connection.execute(newer).rowcount != 1:
            raise ConflictError("{name}: its trust files are older than those held", name)
        self._replace_files(name, trust)

    def _all_files(self) -> Mapping[str, Mapping[str, bytes]]:
        found: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        for peer, name, content in self._connection.execute(_FILES):
            found[peer][name] = bytes(content)
        return found

    def _files(self, name: str) -> Mapping[str, bytes]:
        rows = self._connection.execute(_FILES_OF, {"peer": name})
        return {row.name: bytes(row.content) for row in rows}

    def _replace_files(self, peer: str, trust: HeldTrust) -> None:
        """Write what changed, and forget what is gone."""
        held, files = self._files(peer), trust.to_files()
        gone = [name for name in held if files.get(name) != held[name]]
        new = [name for name in files if held.get(name) != files[name]]
        if gone:
            self._connection.execute(delete(_FILE).where(_F.peer == peer, _F.name.in_(gone)))
        if new:
            rows = [{"peer": peer, "name": name, "content": files[name]} for name in new]
            self._connection.execute(insert(_FILE), rows)

    def update_grant(self, name: str, grant: str) -> None:
        """Change what it may read."""
        self.get(name)
        self._connection.execute(update(_PEER).where(_C.name == name).values(grant_json=grant))

    def remove(self, name: str) -> None:
        """Forget a peer; raises `NotFoundError`. What is held of its lists stays."""
        self.get(name)
        self._connection.execute(delete(_FILE).where(_F.peer == name))
        self._connection.execute(delete(_PEER).where(_C.name == name))

    def note_sync(self, name: str, *, synced_ms: int | None, outcome: str) -> None:
        """Record how a sync ended; `synced_ms` only when it succeeded."""
        self.get(name)
        values: dict[str, str | int] = {"outcome": pack(outcome, _LONGEST)}
        if synced_ms is not None:
            values["synced_ms"] = synced_ms
        self._connection.execute(update(_PEER).where(_C.name == name).values(values))


def _record(row: Row[Any], files: Mapping[str, bytes]) -> PeerRecord:
    return record(
        PeerRecord, row, trust=HeldTrust.from_files(files), grant=row.grant_json, outcome=unpack(row.outcome)
    )
