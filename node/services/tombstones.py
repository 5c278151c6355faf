"""What was shredded must not come back: tombstones, asked by digest.

Two kinds count differently. What *this* node shredded, by two persons, is refused and never effective. What a *peer*
shredded is refused at the door of our lists, up to a number for each list, and, where the peer withdrew it as an error,
blocks like any withdrawal for error: within the cap of the register, until other countries reaffirm it. If one node's
word alone emptied everybody's releases, a liar would only have to list a hash and shred it.
"""

from collections.abc import Callable, Iterable
from typing import Final

from node.ports.logs import LogKind
from node.ports.shredding import Tombstone
from node.ports.storage import Unit
from node.services.shelf import Shelf
from protocol.digest import Digest
from protocol.listing import Block, BlockKind, Listing

MOST_HONOURED: Final = 1000
"""Tombstones that the events of one peer's list make here, at most."""

IsTombstoned = Callable[[Digest], bool]


def tombstoned(shelf: Shelf) -> IsTombstoned:
    """Whether this node itself shredded a digest: never effective here, whatever others say."""
    with shelf.storage.read() as unit:
        own = {log.id for log in unit.logs.ls(LogKind.OWN_LIST)}
        return _among(shelf, (each.mac for each in unit.tombstones.ls() if each.log_id in own))


def refused(shelf: Shelf, unit: Unit) -> IsTombstoned:
    """Whether a digest may not be listed here: this node or a peer shredded it."""
    return _among(shelf, (each.mac for each in unit.tombstones.ls()))


def is_unmarked(unit: Unit) -> bool:
    """Whether there is no tombstone at all."""
    return not unit.tombstones.ls()


def _among(shelf: Shelf, macs: Iterable[bytes]) -> IsTombstoned:
    known, mac_of = frozenset(macs), shelf.vault.tombstone_of
    return (lambda digest: mac_of(digest) in known) if known else (lambda _: False)


def honoured_blocks(shelf: Shelf, listings: Iterable[Listing]) -> dict[str, tuple[Block, ...]]:
    """Blocks by origin that peers' shreddings left behind, of digests that somebody lists."""
    with shelf.storage.read() as unit:
        origins = {log.id: log.origin for log in unit.logs.ls(LogKind.PEER_LIST)}
        kept = [each for each in unit.tombstones.ls() if each.blocks and each.log_id in origins]
    if not kept:
        return {}
    listed = {entry.digest for listing in listings for entry in listing.entries.values()}
    by_mac = {shelf.vault.tombstone_of(digest): digest for digest in listed}
    found: dict[str, tuple[Block, ...]] = {}
    for each in kept:
        if each.mac in by_mac:
            origin = origins[each.log_id]
            found[origin] = (*found.get(origin, ()), _block(origin, each, by_mac[each.mac]))
    return found


def _block(origin: str, tombstone: Tombstone, digest: Digest) -> Block:
    return Block(
        origin=origin,
        index=tombstone.by,
        leaf_hash=tombstone.leaf_hash,
        digest=digest,
        kind=BlockKind.ERROR,
    )
