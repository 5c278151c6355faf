"""Who still lists or disputes what was shredded: a shredding is complete when each of them has shredded or reaffirmed.

The answer never names a digest: a shredding is told by list and index, and so is what stands against it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from typing_extensions import override

from node.store.lists.records import LogKind, LogRecord, Shredding, StillListed, Tombstone
from node.store.store import Store
from protocol.lists.ext import EntryRef

if TYPE_CHECKING:  # where nothing was shredded, no list is read
    from protocol.lists.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPlace:
    """An entry or dispute of a list."""

    origin: str
    index: int

    @override
    def __str__(self) -> str:
        """As people name it."""
        return f"{self.origin}:{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShreddingReport:
    """One shredded entry or dispute, own or a peer's."""

    origin: str
    index: int
    by: int
    """Index of the event that asked for it."""
    own: bool
    """Whether it is a list of this node."""
    erased_ms: int | None
    """None while something of it is still to be deleted here."""
    standing: tuple[EntryPlace, ...]
    """Peers' entries and disputes of the same hash, neither shredded nor reaffirmed."""
    own_standing: tuple[EntryPlace, ...]
    """This node's own ones, which are to be shredded or reaffirmed here."""

    @property
    def complete(self) -> bool:
        """Whether nobody, as far as this node knows, has anything left to do."""
        return self.erased_ms is not None and not self.standing and not self.own_standing


def report_shreddings(store: Store) -> tuple[ShreddingReport, ...]:
    """Every shredding that this node knows of, by list and index."""
    with store.read() as unit:
        logs = {log.id: log for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)}
        shreddings, tombstones, standing = (
            unit.shreddings.ls(),
            unit.tombstones.ls(),
            unit.tombstones.still_listed(),
        )
    live = _live(store, logs, tombstones, standing)
    return tuple(_report(logs, each, live.get(each.mac or b"", [])) for each in shreddings)


def shredded_places(store: Store, macs: Collection[bytes]) -> tuple[EntryPlace, ...]:
    """The entries and disputes, by list and index, that had the hashes of these tombstones, as far as is known here."""
    with store.read() as unit:
        origins = {log.id: log.origin for log in unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)}
        found = [
            (origins[each.log_id], each.position)
            for each in unit.shreddings.ls()
            if each.mac in macs and each.log_id in origins
        ]
    return tuple(EntryPlace(origin=origin, index=index) for origin, index in sorted(found))


def _report(logs: Mapping[int, LogRecord], each: Shredding, live: Iterable[StillListed]) -> ShreddingReport:
    places: dict[bool, list[EntryPlace]] = {True: [], False: []}
    for other in live:
        if other.log_id != each.log_id:
            log = logs[other.log_id]
            places[log.kind is LogKind.OWN_LIST].append(EntryPlace(origin=log.origin, index=other.position))
    log = logs[each.log_id]
    return ShreddingReport(
        origin=log.origin,
        index=each.position,
        by=each.by,
        own=log.kind is LogKind.OWN_LIST,
        erased_ms=each.erased_ms,
        standing=tuple(places[False]),
        own_standing=tuple(places[True]),
    )


def _live(
    store: Store,
    logs: Mapping[int, LogRecord],
    tombstones: Iterable[Tombstone],
    standing: Collection[StillListed],
) -> Mapping[bytes, list[StillListed]]:
    """What of the recorded entries and disputes still stands, by tombstone."""
    refs: defaultdict[bytes, set[EntryRef]] = defaultdict(set)
    for each in tombstones:
        refs[each.mac].add(EntryRef(logs[each.log_id].origin, each.by, each.leaf_hash))
    places: defaultdict[int, list[int]] = defaultdict(list)
    for one in standing:
        places[one.log_id].append(one.position)
    listings = _parts(store, {logs[each]: found for each, found in places.items()}) if places else {}
    live: defaultdict[bytes, list[StillListed]] = defaultdict(list)
    for one in standing:
        if _stands(listings[one.log_id], one.position, refs[one.mac]):
            live[one.mac].append(one)
    return live


def _parts(store: Store, places: Mapping[LogRecord, Collection[int]]) -> "Mapping[int, Listing]":
    """Lists as far as what they have at these places goes, by id; what the guards set aside stands, too."""
    # Where nothing was shredded, no list is read.
    from node.judgement.part import part_of  # noqa: PLC0415
    from node.judgement.premises import Premises  # noqa: PLC0415
    from node.lists.lookup import digests_at  # noqa: PLC0415
    from node.lists.touches import catch_up  # noqa: PLC0415

    catch_up(store)
    digests = {digest for log, found in places.items() for digest in digests_at(store, log, found)}
    with store.read() as unit:
        premises = Premises.of(unit)
        lists = tuple(replace(each, set_aside=()) for each in premises.lists)
        part = part_of(store, unit, replace(premises, lists=lists), digests)
    return {held.log_id: each for held, each in zip(lists, part.listings, strict=True)}


def _stands(listing: "Listing", position: int, refs: set[EntryRef]) -> bool:
    entry = listing.entries.get(position)
    if entry is not None:
        return refs.isdisjoint(entry.ext.reaffirms)
    return any(block.index == position and not block.ended_by for block in listing.blocks)
