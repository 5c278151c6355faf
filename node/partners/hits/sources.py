"""Which entries are behind a digest of a release, as the lists stood when it was made.

A release with labels says it itself. For one without, the entries are found in the look-up index and judged as the
label's choice judges them: the digest must be the same, the basis must count, and the entry must have stood at the
size that the release read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keys.trust.members import Member, Members
from node.errors import NotFoundError
from node.lists.entries import parse_opening
from node.objects.logfiles import LogFiles
from node.store.lists.records import IndexHit, LogKind, LogRecord
from node.store.store import Store
from node.store.subsets.records import SubsetRecord
from node.store.unit import Unit
from protocol.digest import Digest
from protocol.limits import BUNDLE_WIDTH, EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.opening import Opening
from protocol.subset.label import Backer, Label, choose_label
from protocol.subset.manifest import Manifest
from protocol.subset.sources import SourceCheckpoint

_STRIDE: Final = 2 + EVENT_BYTES
"""Of an entry in a bundle: every event has one length."""
_OP_AT: Final = 2 + 1
_REF: Final = slice(16, 24)


@dataclass(frozen=True, slots=True)
class _Source:
    """One list that a release was made from, and whose it is."""

    log: LogRecord
    read: SourceCheckpoint
    member: Member


def label_of(
    store: Store, subset: SubsetRecord, manifest: Manifest, digest: Digest, members: Members
) -> Label:
    """The label of a digest that a release without labels lists.

    Raises:
        NotFoundError: no entries meet the rule any more that can be opened here.
    """
    with store.read() as unit:
        found = dict(_backers(store, unit, manifest, digest, members))
    backers = {
        collection: each
        for collection, each in found.items()
        if subset.filter.covers(collection, digest.algorithm) and _suffices(each, members.k)
    }
    if not backers:
        raise NotFoundError("the entries behind this hit cannot be opened any more")
    return choose_label(backers, members.k)


def _suffices(backers: list[Backer], k: int) -> bool:
    countries = {backer.country for backer in backers} - {None}
    return len(countries) >= k or any(backer.authority for backer in backers)


def _backers(
    store: Store, unit: Unit, manifest: Manifest, digest: Digest, members: Members
) -> Mapping[int, list[Backer]]:
    sources = _sources(unit, manifest, members)
    found: dict[int, list[Backer]] = {}
    for hit in unit.entries.find([store.vault.key_of(digest)]):
        source = sources.get(hit.log_id)
        if source is None or not _stood(hit, source.read.size):
            continue
        if not _counts(store, source, hit, digest):
            continue
        found.setdefault(hit.collection, []).append(
            Backer(
                number=source.read.number,
                index=hit.position,
                country=source.member.country,
                authority=hit.collection in source.member.authority_for,
            )
        )
    return found


def _sources(unit: Unit, manifest: Manifest, members: Members) -> Mapping[int, _Source]:
    read = {source.origin: source for source in manifest.sources}
    nodes = {member.node: member for member in members.members}
    logs = unit.logs.ls(LogKind.OWN_LIST, LogKind.PEER_LIST)
    return {
        log.id: _Source(log, read[log.origin], nodes[log.node])
        for log in logs
        if log.origin in read and log.node in nodes
    }


def _stood(hit: IndexHit, size: int) -> bool:
    """Whether an entry was there and not ended when the list had `size` events."""
    return hit.collection > 0 and hit.position < size and (hit.ended is None or hit.ended >= size)


def _counts(store: Store, source: _Source, hit: IndexHit, digest: Digest) -> bool:
    """Whether an entry is of exactly this digest, can be opened, and said something that counts."""
    held = HeldEntries(store, source.log)
    opening = held.opening(hit.position)
    if opening is None or opening.digest != digest:
        return False
    amend = held.last_amend(hit.position, size=source.read.size)
    last = opening if amend is None else held.opening(amend)
    return last is not None and last.ext.counts


class HeldEntries:
    """Single events of one held list, with their openings."""

    def __init__(self, store: Store, log: LogRecord) -> None:
        self._files = LogFiles(store.objects, store.vault, log.origin)
        self._size = log.head.size

    def event(self, position: int) -> bytes:
        """The event at a position below the held size."""
        index, at = divmod(position, BUNDLE_WIDTH)
        return self._files.events(index, size=self._size)[at]

    def opening_bytes(self, position: int) -> bytes:
        """Its opening; empty when it is withheld or was deleted."""
        index, at = divmod(position, BUNDLE_WIDTH)
        return self._files.openings(index, size=self._size)[at]

    def opening(self, position: int) -> Opening | None:
        """The same, parsed; None when it is not held."""
        data = self.opening_bytes(position)
        return parse_opening(data) if data else None

    def last_amend(self, position: int, *, size: int) -> int | None:
        """Position of the last amend of an entry below `size`; it looks through all that came after it.

        Partners ask for it, so nothing is parsed that its bytes rule out.
        """
        named = position.to_bytes(8)
        for index in range((size - 1) // BUNDLE_WIDTH, position // BUNDLE_WIDTH - 1, -1):
            width = min(self._size - index * BUNDLE_WIDTH, BUNDLE_WIDTH)
            if Op.AMEND not in self._files.entries(index, width, size=self._size)[_OP_AT::_STRIDE]:
                continue
            events = self._files.events(index, size=self._size)
            for at in range(len(events) - 1, -1, -1):
                found = index * BUNDLE_WIDTH + at
                if found < size and events[at][_REF] == named and _amends(events[at], position):
                    return found
        return None


def _amends(event: bytes, position: int) -> bool:
    header = Header.from_bytes(event[:HEADER_BYTES])
    return header.known and header.op == Op.AMEND and header.ref == position
