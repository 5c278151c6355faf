"""Who gets an own entry under grants and subsets as they are, and why others do not; what another grant would change.

Nothing is changed here and nobody is asked: a grant is judged as the serving side judges it at every read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from keys.message import Message
from node.access.stored_grant import stored_grant
from node.judgement.effective import Current
from node.lists.entries import ListReader
from node.lists.openings import OpeningColumns
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogKind, LogRecord
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.store.subsets.records import SubsetRecord
from node.store.unit import Unit
from protocol.digest import Algorithm, Digest
from protocol.limits import HEADER_BYTES
from protocol.lists.event import PRIVATE_FROM, Header, Op, collection_name
from protocol.lists.grant import NOTHING, Grant
from protocol.slices import batches

Counts = Mapping[tuple[int, Algorithm], int]
"""Entries by collection and algorithm."""
_CHUNK: Final = 2**12


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntry:
    """One own entry that stands."""

    origin: str
    index: int
    collection: int
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether one receiver gets an entry."""

    entry: ListedEntry
    kind: str
    """`peer` or `subset`."""
    name: str
    why_not: str
    """In words; empty when it gets it."""
    partners: tuple[str, ...] = ()
    """Of a subset: those who are enrolled."""


def listed_entries(store: Store, digest: Digest) -> list[ListedEntry]:
    """The own entries of a digest that are not withdrawn."""
    with store.read() as unit:
        logs = {log.id: log for log in unit.logs.ls(LogKind.OWN_LIST)}
        hits = unit.entries.find([store.vault.key_of(digest)])
        return [
            ListedEntry(
                origin=logs[hit.log_id].origin,
                index=hit.position,
                collection=hit.collection,
                published=hit.position < logs[hit.log_id].head.size,
            )
            for hit in sorted(hits, key=lambda hit: (hit.log_id, hit.position))
            if hit.log_id in logs
            and hit.ended is None
            and hit.collection > 0
            and _is_of(store, unit, logs[hit.log_id], hit.position, digest)
        ]


def verdicts(
    store: Store, entry: ListedEntry, digest: Digest, current: Current, *, now: datetime
) -> Iterator[Verdict]:
    """For every peer and subset, whether it gets the entry."""
    with store.read() as unit:
        peers, subsets, enrolled = unit.peers.ls(), unit.subsets.ls(), unit.partners.names()
    for peer in peers:
        why = _not_to_peer(peer, entry, digest.algorithm, now)
        yield Verdict(entry=entry, kind="peer", name=peer.name, why_not=why)
    for subset in subsets:
        why = _not_in_subset(subset, entry, digest, current)
        names = tuple(enrolled.get(subset.name, ()))
        yield Verdict(entry=entry, kind="subset", name=subset.name, why_not=why, partners=names)


def _listed(store: Store) -> Counts:
    """How many entries own published lists have: reading all that they say takes seconds where they are long."""
    with store.read() as unit:
        logs = [log for log in unit.logs.ls(LogKind.OWN_LIST) if log.note is not None]
    found = Counter[tuple[int, Algorithm]]()
    for log in logs:
        found.update(_counted(LogFiles(store.objects, store.vault, log.origin), log.head.size))
    return found


def _counted(files: LogFiles, size: int) -> Counts:
    """Of one list of so many events, of which three octets each are kept."""
    collections, algorithms = np.zeros(size, dtype=np.uint16), np.zeros(size, dtype=np.uint8)
    for chunk in batches(files.items(first=0, size=size), _CHUNK):
        said = OpeningColumns([opening or b"" for _, _, opening in chunk]).algorithms.tolist()
        for (position, event, _), algorithm in zip(chunk, said, strict=True):
            header = Header.from_bytes(event[:HEADER_BYTES])
            if header.known and header.op == Op.ADD:
                collections[position], algorithms[position] = header.collection, algorithm
            elif header.known and header.op == Op.WITHDRAW:
                algorithms[header.ref] = 0
    rows = np.flatnonzero(algorithms)
    kinds, counts = np.unique(np.stack([collections[rows], algorithms[rows]]), axis=1, return_counts=True)
    return {
        (collection, Algorithm(algorithm)): count
        for (collection, algorithm), count in zip(kinds.T.tolist(), counts.tolist(), strict=True)
    }


def _opened(listed: Counts, grant: Grant, now: datetime) -> Counts:
    return {
        (collection, algorithm): count
        for (collection, algorithm), count in listed.items()
        if grant.covers(collection, now) and grant.covers_algorithm(algorithm)
    }


def difference(store: Store, name: str, wanted: Grant, *, now: datetime) -> tuple[Counts, Counts]:
    """What a peer could read more and less under another grant; raises `NotFoundError`."""
    with store.read() as unit:
        old = stored_grant(unit.peers.get(name))
    listed = _listed(store)
    before, after = Counter(_opened(listed, old, now)), Counter(_opened(listed, wanted, now))
    return after - before, before - after


def state_words(grant: Grant, now: datetime) -> Message:
    """How a grant stands, in words."""
    if grant == NOTHING:
        return Message("covers nothing")
    if grant.until is not None and now >= grant.until:
        return Message("ended {day}", f"{grant.until:%Y-%m-%d}")
    return Message("covers")


def _not_to_peer(peer: PeerRecord, entry: ListedEntry, algorithm: Algorithm, now: datetime) -> str:
    grant, name = stored_grant(peer), collection_name(entry.collection)
    if grant == NOTHING:
        return Message("its grant covers nothing, or cannot be read")
    if entry.collection not in grant.collections:
        return Message("collection {name} is not granted", name)
    if not grant.covers(entry.collection, now):
        return Message("its grant has {state}", state_words(grant, now))
    if not grant.covers_algorithm(algorithm):
        return Message("{algorithm} is not granted", algorithm.name.lower())
    return "" if entry.published else Message("it is not published yet")


def _not_in_subset(subset: SubsetRecord, entry: ListedEntry, digest: Digest, current: Current) -> str:
    if entry.collection >= PRIVATE_FROM:
        return Message("collection {number} is private and never released", entry.collection)
    if entry.collection not in subset.filter.collections:
        return Message("collection {name} is not in it", collection_name(entry.collection))
    if not subset.filter.covers(entry.collection, digest.algorithm):
        return Message("{algorithm} is not in it", digest.algorithm.name.lower())
    if not entry.published:
        return Message("it is not published yet")
    if not subset.filter.holdings and (entry.collection, digest) not in current.decision.effective:
        return Message("it is not effective: sigfed entry explain says why")
    return ""


def _is_of(store: Store, unit: Unit, log: LogRecord, position: int, digest: Digest) -> bool:
    return ListReader(store, unit, log).opening(position).digest == digest
