"""The queue of reviews: files of peers that wait for another country, and what is known of one.

A file waits while one of its digests is listed on own knowledge by fewer countries than the register asks, is neither
blocked nor shredded, and neither this node nor another agency of its country is among them: a word from here would
count. What peers merely rely on waits too, where nobody has examined it. A file is what the peer gives one content id,
in one collection, as endorsing takes it; one with more hashes than a file has is none, and does not wait. Reads a
decision that was made before; it folds nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from keys.trust.members import Members
from node.errors import NotFoundError
from node.judgement.effective import Current
from protocol.digest import Digest
from protocol.judgement.quorum import Decision
from protocol.judgement.voices import Discount, MemberListing
from protocol.limits import MAX_FILE_EVENTS
from protocol.lists.event import PRIVATE_FROM
from protocol.lists.listing import Entry

_HOPELESS: Final = frozenset(
    {Discount.NOT_A_MEMBER, Discount.REVOKED_KEY, Discount.CONTINUED, Discount.PRIVATE}
)
"""Entries that another country's word would not help."""
QueuePlace: TypeAlias = tuple[int, int, str, int]
"""In the queue: missing countries, time, list and index."""
FileKey: TypeAlias = tuple[int, bytes | int]
"""Collection, and content id or, without one, index."""
_NO_ENTRIES: Final[Mapping[int, Entry]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which files are asked for; empty means any."""

    collection: int | None = None
    peer: str = ""
    country: str = ""
    """Of the agency that lists it."""

    def covers(self, group: "Group", members: Members) -> bool:
        """Whether the files of a group are meant."""
        node, collection, _basis = group
        return (
            self.collection in {None, collection}
            and self.peer in {"", node}
            and (not self.country or country_of(node, members) == self.country)
        )


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

    @property
    def group(self) -> "Group":
        """With which others it may be endorsed together."""
        return group_of(self.node, self.first)

    @property
    def place(self) -> QueuePlace:
        """Where it stands in the queue: what needs least comes first, then what waits longest."""
        return self.missing, self.since_ms, self.first.origin, self.first.index


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One digest of a file, and how it stands."""

    entry: Entry
    countries: tuple[str, ...]
    """That list it on own knowledge."""
    effective: bool
    withheld: bool
    """Blocked or shredded."""


def waiting_files(current: Current, members: Members, node: str, wanted: Wanted) -> list[WaitingFile]:
    """Everything that waits for a word of the agency `node`: fewest missing countries first, then the oldest."""
    rule = WaitingRule(current.decision, current.listings, members, node)
    files = (file for held in current.listings for file in _files_of(held, rule, members))
    return sorted((file for file in files if wanted.covers(file.group, members)), key=lambda file: file.place)


Group: TypeAlias = tuple[str, int, int | None]
"""Agency, collection and basis of files that may be endorsed together."""


def group_of(node: str, first: Entry) -> Group:
    """The group of a file of a node, by the entry that names it."""
    return node, first.collection, first.ext.basis


def grouped(files: Iterable[WaitingFile]) -> Mapping[Group, int]:
    """How many files each group has."""
    return Counter(file.group for file in files)


class Files:
    """The files of judged lists, each found by any of its entries; a list is gone through once, when asked for."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._lists = {held.listing.origin: held.listing.entries for held in current.listings}
        self._files: dict[str, Mapping[FileKey, Sequence[int]]] = {}

    def at(self, origin: str, index: int) -> list[Examined]:
        """The digests of the file that an active entry belongs to, by index; raises `NotFoundError`."""
        entries = self._lists.get(origin, _NO_ENTRIES)
        asked = entries.get(index)
        if asked is None:
            raise not_active(origin, index)
        if origin not in self._files:
            self._files[origin] = _grouped(entries)
        same = sorted(self._files[origin][file_key(asked)])
        return [_examine(self._current, entries[each]) for each in same]


def not_active(origin: str, index: int) -> NotFoundError:
    """Of an entry that a list does not have, or not any more."""
    return NotFoundError(
        "{origin} has no active entry {index}", origin, index, hint="see what waits with: sigfed review ls"
    )


def no_file(origin: str, index: int) -> NotFoundError:
    """Of an entry whose content id a list gives to too many."""
    return NotFoundError(
        "{origin} gives the file of entry {index} more than {most} hashes, which no file has",
        origin,
        index,
        MAX_FILE_EVENTS,
        hint="ask that agency; sigfed entry explain says what is known of a single hash",
    )


def _grouped(entries: Mapping[int, Entry]) -> Mapping[FileKey, Sequence[int]]:
    found: dict[FileKey, list[int]] = {}
    for entry in entries.values():
        found.setdefault(file_key(entry), []).append(entry.index)
    return found


def file_key(entry: Entry) -> FileKey:
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


class WaitingRule:
    """Which entries of judged lists wait for a word of the agency `node`: those of the digests that were decided on."""

    def __init__(
        self, decision: Decision, listings: Iterable[MemberListing], members: Members, node: str
    ) -> None:
        self._decision = decision
        self._node = node
        self._country = country_of(node, members)
        self._own = frozenset(_own_keys(listings, node))

    def entries(self, held: MemberListing) -> Iterator[tuple[Entry, frozenset[str]]]:
        """Those of a list, each with the countries that list its digest on own knowledge."""
        if held.node != self._node:
            for entry in held.listing.entries.values():
                countries = self._countries(held, entry)
                if countries is not None:
                    yield entry, countries

    def _countries(self, held: MemberListing, entry: Entry) -> frozenset[str] | None:
        """Those that list the digest on own knowledge; None where the entry does not wait."""
        key = (entry.collection, entry.digest)
        if key in self._decision.effective or entry.collection >= PRIVATE_FROM or key in self._own:
            return None
        reason = self._decision.discount(held, entry)
        if reason in _HOPELESS or self._decision.is_withheld(*key):
            return None
        countries = frozenset(self._decision.support(*key).countries)
        waits = self._country not in countries and (reason is None or not countries)
        return countries if waits else None


def _files_of(held: MemberListing, rule: WaitingRule, members: Members) -> Iterator[WaitingFile]:
    groups: dict[FileKey, list[tuple[Entry, frozenset[str]]]] = {}
    for entry, countries in rule.entries(held):
        groups.setdefault(file_key(entry), []).append((entry, countries))
    everywhere = frozenset(member.country for member in members.members if member.country is not None)
    for found in groups.values():
        if len(found) > MAX_FILE_EVENTS:
            continue  # no file: nobody could examine it, and a peer would have its whole list held in memory
        countries = frozenset.intersection(*(countries for _, countries in found))
        yield WaitingFile(
            node=held.node,
            entries=tuple(sorted((entry for entry, _ in found), key=lambda entry: entry.index)),
            countries=tuple(sorted(countries)),
            missing=members.k - len(countries),
            others=tuple(sorted(everywhere - countries)),
        )


def _own_keys(listings: Iterable[MemberListing], node: str) -> Iterator[tuple[int, Digest]]:
    """Collection and digest of what this node lists on own knowledge; a node of no country may be the asking one."""
    for held in listings:
        if held.node == node:
            for entry in held.listing.entries.values():
                if entry.ext.counts:
                    yield entry.collection, entry.digest


def country_of(node: str, members: Members) -> str | None:
    """The country that the register gives a node."""
    return next((member.country for member in members.members if member.node == node), None)
