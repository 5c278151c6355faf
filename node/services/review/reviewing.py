"""The queue of reviews: files of peers that wait for another country, and what is known of one.

A file waits while one of its digests is listed on own knowledge by fewer countries than the register asks, is neither
blocked nor shredded, and neither this node nor another agency of its country is among them: a word from here would
count. What peers merely rely on waits too, where nobody has examined it. A file is what the peer gives one content id,
in one collection, as endorsing takes it. Reads a decision that was made before; it folds nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from keys.trust.members import Member, Members
from node.errors import NotFoundError
from node.services.review.effective import Current
from protocol.digest import Digest
from protocol.event import PRIVATE_FROM
from protocol.listing import Entry
from protocol.quorum import Discount, MemberListing

_HOPELESS: Final = frozenset(
    {Discount.NOT_A_MEMBER, Discount.REVOKED_KEY, Discount.CONTINUED, Discount.PRIVATE}
)
"""Entries that another country's word would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which files are asked for; empty means any."""

    collection: int | None = None
    peer: str = ""
    country: str = ""
    """Of the agency that lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFile:
    """A peer's file that waits for other countries."""

    node: str
    entries: tuple[Entry, ...]
    """Those that wait, by index."""
    countries: tuple[str, ...]
    """That list all of them on own knowledge."""
    missing: int
    """How many more countries it needs."""
    others: tuple[str, ...]
    """The register's countries that are not among them."""

    @property
    def first(self) -> Entry:
        """The entry that names the file."""
        return self.entries[0]

    @property
    def since_ms(self) -> int:
        """When the peer listed it."""
        return min(entry.time_ms for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One digest of a file, and how it stands."""

    entry: Entry
    countries: tuple[str, ...]
    """That list it on own knowledge."""
    effective: bool
    withheld: bool
    """Blocked, excluded or shredded."""


def waiting_files(current: Current, members: Members, node: str, wanted: Wanted) -> list[WaitingFile]:
    """Everything that waits for a word of the agency `node`: fewest missing countries first, then the oldest."""
    queue = _Queue(current, members, node)
    files = (
        file
        for held in current.listings
        if held.node != node and wanted.peer in {"", held.node} and queue.is_of(held.node, wanted.country)
        for file in queue.files(held, wanted.collection)
    )
    return sorted(files, key=lambda file: (file.missing, file.since_ms, file.first.origin, file.first.index))


def file_at(current: Current, origin: str, index: int) -> list[Examined]:
    """The digests of the file that an active entry belongs to, by index; raises `NotFoundError`."""
    held = next((held for held in current.listings if held.listing.origin == origin), None)
    asked = None if held is None else held.listing.entries.get(index)
    if held is None or asked is None:
        raise NotFoundError(
            f"{origin} has no active entry {index}", hint="see what waits with: sigfed review ls"
        )
    same = (entry for entry in held.listing.entries.values() if file_key(entry) == file_key(asked))
    return [_examine(current, entry) for entry in sorted(same, key=lambda entry: entry.index)]


def file_key(entry: Entry) -> tuple[int, bytes | int]:
    """What makes entries of one list one file: collection and content id, or the entry itself without one."""
    return entry.collection, entry.ext.content_id or entry.index


def _examine(current: Current, entry: Entry) -> Examined:
    decision, key = current.decision, (entry.collection, entry.digest)
    return Examined(
        entry=entry,
        countries=tuple(decision.support(*key).countries),
        effective=key in decision.effective,
        withheld=decision.is_withheld(*key),
    )


class _Queue:
    def __init__(self, current: Current, members: Members, node: str) -> None:
        self._decision = current.decision
        self._k = members.k
        self._members = {member.node: member for member in members.members}
        self._country = _country(self._members.get(node))
        self._countries = frozenset(
            member.country for member in members.members if member.country is not None
        )
        self._own = frozenset(_own_keys(current, node))

    def is_of(self, node: str, country: str) -> bool:
        return not country or _country(self._members.get(node)) == country

    def files(self, held: MemberListing, collection: int | None) -> Iterator[WaitingFile]:
        groups: dict[tuple[int, bytes | int], list[Entry]] = {}
        for entry in held.listing.entries.values():
            if collection in {None, entry.collection} and self._waits(held, entry):
                groups.setdefault(file_key(entry), []).append(entry)
        for entries in groups.values():
            yield self._file(held.node, entries)

    def _waits(self, held: MemberListing, entry: Entry) -> bool:
        key = (entry.collection, entry.digest)
        if key in self._decision.effective or entry.collection >= PRIVATE_FROM or key in self._own:
            return False
        reason = self._decision.discount(held, entry)
        if reason in _HOPELESS or self._decision.is_withheld(*key):
            return False
        countries = self._decision.support(*key).countries
        return self._country not in countries and (reason is None or not countries)

    def _file(self, node: str, entries: list[Entry]) -> WaitingFile:
        entries.sort(key=lambda entry: entry.index)
        known = [frozenset(self._decision.support(e.collection, e.digest).countries) for e in entries]
        countries = frozenset.intersection(*known)
        return WaitingFile(
            node=node,
            entries=tuple(entries),
            countries=tuple(sorted(countries)),
            missing=self._k - len(countries),
            others=tuple(sorted(self._countries - countries)),
        )


def _own_keys(current: Current, node: str) -> Iterator[tuple[int, Digest]]:
    """Collection and digest of what this node lists on own knowledge; a node of no country may be the asking one."""
    for held in current.listings:
        if held.node == node:
            for entry in held.listing.entries.values():
                if entry.ext.counts:
                    yield entry.collection, entry.digest


def _country(member: Member | None) -> str | None:
    return None if member is None else member.country
