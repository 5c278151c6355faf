"""What was shredded must not come back: tombstones, asked by digest.

Two kinds count differently. What *this* node shredded, by two persons, is refused and never effective. What a *peer*
shredded is refused by our lists, up to a number for each list, and, where the peer withdrew it as an error,
blocks like any withdrawal for error: within the cap of the register, until other countries reaffirm it. If one node's
word alone emptied everybody's releases, a liar would only have to list a hash and shred it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from node.errors import ConflictError, StoreError
from node.formats.rows import ImportRow, RefusedRow, RowResult
from node.lists.changes import digest_of
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogKind, LogRecord, StillListed, Tombstone
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.lists.listing import Block, BlockKind, Listing

MOST_HONOURED: Final = 1000
"""Tombstones that the events of one peer's list make here, at most."""

SHREDDED: Final = "a hash of this row was shredded; two persons can readmit it"

IsTombstoned = Callable[[Digest], bool]


def tombstoned(store: Store) -> IsTombstoned:
    """Whether this node itself shredded a digest: never effective here, whatever others say."""
    with store.read() as unit:
        own = {log.id for log in unit.logs.ls(LogKind.OWN_LIST)}
        return _among(store, (each.mac for each in unit.tombstones.ls() if each.log_id in own))


@dataclass(frozen=True, slots=True)
class TombstoneFilter:
    """What may not be listed here, as it was when somebody began to list: this node or a peer shredded it."""

    macs: frozenset[bytes]
    mac_of: Callable[[Digest], bytes]

    @classmethod
    def of(cls, store: Store) -> Self:
        """The filter as it is now."""
        with store.read() as unit:
            return cls(frozenset(each.mac for each in unit.tombstones.ls()), store.vault.tombstone_of)

    def keeps_out(self, digest: Digest) -> bool:
        """Whether a digest may not be listed."""
        return bool(self.macs) and self.mac_of(digest) in self.macs

    def check(self, rows: Iterable[RowResult]) -> Iterable[RowResult]:
        """The rows, those with a digest that was shredded refused."""
        return map(self._checked, rows) if self.macs else rows

    def require_unchanged(self, unit: Unit) -> None:
        """Raises `ConflictError` when something was shredded since: what is about to be listed may be among it."""
        if not self.macs.issuperset(each.mac for each in unit.tombstones.ls()):
            raise ConflictError("something was shredded meanwhile", hint="run the command again")

    def _checked(self, row: RowResult) -> RowResult:
        if isinstance(row, ImportRow) and any(map(self.keeps_out, row.digests)):
            return RefusedRow(row.line, SHREDDED)
        return row


def note_relisted(store: Store, unit: Unit, log: LogRecord, *, first: int, size: int) -> None:
    """Remember which new events of a peer's list, from `first` up to `size`, list or dispute what was shredded."""
    items = LogFiles(store.objects, store.vault, log.origin).items(first=first, size=size)
    note_listed(store, unit, log, ((position, opening) for position, _, opening in items))


def note_listed(
    store: Store, unit: Unit, log: LogRecord, openings: Iterable[tuple[int, bytes | None]]
) -> None:
    """Remember which of these openings of a list, by position, list or dispute what was shredded."""
    macs = frozenset(each.mac for each in unit.tombstones.ls())
    unit.tombstones.note_still_listed(list(_listed(store, log, openings, macs)))


def note_all_listed(store: Store) -> None:
    """The same of all held lists, where a block may depend on it: older versions remembered less.

    A list that moves meanwhile, or is damaged, is passed over.
    """
    with store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
        peers = {log.id for log in logs if log.kind is LogKind.PEER_LIST}
        macs = frozenset(each.mac for each in unit.tombstones.ls() if each.blocks and each.log_id in peers)
        known = {(each.log_id, each.position) for each in unit.tombstones.still_listed()}
    for log in logs:
        items = LogFiles(store.objects, store.vault, log.origin).items(first=0, size=log.head.size)
        openings = ((position, opening) for position, _, opening in items)
        with suppress(StoreError):
            found = [
                each for each in _listed(store, log, openings, macs) if (log.id, each.position) not in known
            ]
            if found:
                with store.write() as unit:
                    unit.tombstones.note_still_listed(found)


def _listed(
    store: Store, log: LogRecord, openings: Iterable[tuple[int, bytes | None]], macs: frozenset[bytes]
) -> Iterator[StillListed]:
    if not macs:
        return
    for position, opening in openings:
        digest = digest_of(opening) if opening else None
        mac = None if digest is None else store.vault.tombstone_of(digest)
        if mac in macs:
            yield StillListed(mac=mac, log_id=log.id, position=position)


def _among(store: Store, macs: Iterable[bytes]) -> IsTombstoned:
    known, mac_of = frozenset(macs), store.vault.tombstone_of
    return (lambda digest: mac_of(digest) in known) if known else (lambda _: False)


def honoured_blocks(store: Store, listings: Iterable[Listing]) -> dict[str, tuple[Block, ...]]:
    """Blocks by origin that peers' shreddings left behind, of digests that somebody lists."""
    with store.read() as unit:
        origins = {log.id: log.origin for log in unit.logs.ls(LogKind.PEER_LIST)}
        kept = [each for each in unit.tombstones.ls() if each.blocks and each.log_id in origins]
    if not kept:
        return {}
    listed = {entry.digest for listing in listings for entry in listing.entries.values()}
    by_mac = {store.vault.tombstone_of(digest): digest for digest in listed}
    found: dict[str, tuple[Block, ...]] = {}
    for each in kept:
        if each.mac in by_mac:
            origin = origins[each.log_id]
            found[origin] = (*found.get(origin, ()), _block(origin, each, by_mac[each.mac]))
    return found


def _block(origin: str, tombstone: Tombstone, digest: Digest) -> Block:
    return Block(
        origin=origin, index=tombstone.by, leaf_hash=tombstone.leaf_hash, digest=digest, kind=BlockKind.ERROR
    )
