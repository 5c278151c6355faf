"""Which digests a release screens: one of each file, unless that would rest on the word of somebody who may lie.

A partner who has a file can compute all its digests, so one of them in the screen leads to the file, and each more
would multiply what the screen tells. The weakest is chosen, because every holder of any hashes has it. That two digests
are of one file is an agency's word, and a false word would hide a digest from every partner: so a digest is hidden
behind a weaker one only on the word of agencies who could have kept it from being effective anyway. Spec:
docs/spec/subset.md, section "Screen".
"""

from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations, pairwise
from typing import Final

import numpy as np

from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.subset.filter import EXACT

_HIDDEN: Final = (Algorithm.SHA1, Algorithm.SHA256)
"""What may be hidden behind a weaker digest, in the order in which that is decided."""

_ID_BYTES: Final = 16
"""Of a content id, and of what stands for a digest that is not to be released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is screened, and what it adds to the budget of one value a file."""

    screened: frozenset[Digest] = field(repr=False)
    contradicted: tuple[Digest, ...] = field(default=(), repr=False)
    """Digests that lists say are of one file with two different ones of a weaker algorithm: an operator looks."""
    doubled: frozenset[Digest] = field(default=frozenset(), repr=False)
    """Screened digests of a file of which a weaker digest is screened as well."""
    apart: frozenset[Digest] = field(default=frozenset(), repr=False)
    """Screened SHA-1 and SHA-256 digests that are linked to no weaker one; another of their file may be screened."""


class Selector:
    """What a release will screen, in the making: takes digests and what lists say of them, a part after the other.

    A part has some of the digests and all their entries; in whatever parts and order they come, the result is the same.
    Of each entry some forty bytes are kept, and nothing of the listings. `k` is the quorum of the release.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._digests: list[Digest] = []
        self._stands: list[tuple[_Stand, ...]] = []
        self._known: dict[tuple[_Stand, ...], tuple[_Stand, ...]] = {}
        self._lists: dict[str, _Rows] = {}

    def add(self, supports: Mapping[Digest, Sequence[Support]], listings: Sequence[MemberListing]) -> None:
        """Take in digests that will be released, and the entries of their part.

        `supports` are those of each digest, one for each collection of the subset in which it is effective; `listings`
        the lists that were judged.
        """
        nodes = {held.listing.origin: held.node for held in listings}
        places = {digest: place for place, digest in enumerate(supports, len(self._digests))}
        for digest, found in supports.items():
            stands = tuple(_stand(support, nodes) for support in found)
            self._digests.append(digest)
            self._stands.append(self._known.setdefault(stands, stands))
        for held in listings:
            self._lists.setdefault(held.listing.origin, _Rows(held.node)).take(held, places)

    def select(self) -> Selection:
        """What a release of these digests screens."""
        links = _Links(self._lists.values(), len(self._digests))
        screened = {place for place, digest in enumerate(self._digests) if digest.algorithm not in _HIDDEN}
        contradicted: list[Digest] = []
        doubled: set[Digest] = set()
        apart: set[Digest] = set()
        for algorithm in _HIDDEN:
            for place, digest in enumerate(self._digests):
                if digest.algorithm is not algorithm:
                    continue
                said = links.of(place)
                claims = [nodes for weaker, nodes in said.items() if weaker in screened]
                if len({self._digests[weaker].algorithm for weaker in said}) < len(said):
                    contradicted.append(digest)
                elif any(self._is_pivotal(nodes, place) for nodes in claims):
                    continue
                screened.add(place)
                (doubled if claims else apart).add(digest)
        return Selection(
            screened=frozenset(self._digests[place] for place in screened),
            contradicted=tuple(sorted(contradicted)),
            doubled=frozenset(doubled),
            apart=frozenset(apart),
        )

    def _is_pivotal(self, nodes: Container[str], place: int) -> bool:
        """Whether a digest would be effective nowhere without these nodes: then their word may hide it, too."""
        return not any(stand.is_enough_without(nodes, self._k) for stand in self._stands[place])


@dataclass(frozen=True, slots=True)
class _Stand:
    """Who makes a digest effective in one collection, by node."""

    countries: tuple[frozenset[str], ...]
    """Of each country those that list it."""
    authorities: frozenset[str]

    def is_enough_without(self, nodes: Container[str], k: int) -> bool:
        countries = sum(any(node not in nodes for node in country) for country in self.countries)
        return countries >= k or any(node not in nodes for node in self.authorities)


def _stand(support: Support, nodes: Mapping[str, str]) -> _Stand:
    said = (frozenset(nodes[entry.origin] for entry in entries) for entries in support.countries.values())
    return _Stand(countries=tuple(said), authorities=frozenset(support.authorities))


class _Rows:
    """What one list says of which digests are of one file, in columns; nothing is concluded from it.

    It says so with active adds that carry one content id, on whatever basis, outside what may have been signed with a
    stolen key. Ids of different lists have nothing to do with each other.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self._ids = bytearray()
        self._kinds = bytearray()
        self._places = array("q")
        """Of a digest that is to be released; of another one a negative number that leads to its hash."""
        self._others = bytearray()

    def take(self, held: MemberListing, places: Mapping[Digest, int]) -> None:
        """Take in the exact digests that carry a content id."""
        for entry in held.listing.entries.values():
            if entry.digest.algorithm in EXACT and not held.is_revoked(entry.index):
                content_id = held.ext(entry).content_id
                if content_id is not None:
                    self._ids += content_id
                    self._kinds.append(entry.digest.algorithm)
                    self._places.append(self._place(entry.digest, places))

    def links(self) -> Iterator[tuple[int, int]]:
        """Places of each two digests of one file that are both to be released, the weaker last.

        None of a row that names two digests of one algorithm, to be released or not: it is no file's.
        """
        for row in self._runs():
            named: dict[int, int | bytes] = {}
            for at in row:
                name = self._name(self._places[at])
                if named.setdefault(self._kinds[at], name) != name:
                    break
            else:
                released = [name for _, name in sorted(named.items()) if isinstance(name, int)]
                yield from ((stronger, weaker) for weaker, stronger in combinations(released, 2))

    def _runs(self) -> Iterator[list[int]]:
        """Which entries carry one content id, where it is more than one."""
        if not self._ids:
            return
        ids = np.frombuffer(bytes(self._ids), dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort(ids.T)
        starts = np.flatnonzero(np.any(np.diff(ids[order].view(np.int64), axis=0) != 0, axis=1)) + 1
        places, ends = order.tolist(), [0, *starts.tolist(), len(order)]
        yield from (places[start:end] for start, end in pairwise(ends) if end - start > 1)

    def _place(self, digest: Digest, places: Mapping[Digest, int]) -> int:
        place = places.get(digest)
        if place is None:
            self._others += blake2b(digest.value, digest_size=_ID_BYTES).digest()
            place = -(len(self._others) // _ID_BYTES)
        return place

    def _name(self, place: int) -> int | bytes:
        """What tells a digest of one algorithm from another."""
        end = -place * _ID_BYTES
        return place if place >= 0 else bytes(self._others[end - _ID_BYTES : end])


class _Links:
    """Which weaker digests each of `count` digests is said to be of one file with."""

    def __init__(self, lists: Iterable[_Rows], count: int) -> None:
        self._nodes: list[str] = []
        said = (array("q"), array("q"), array("q"))
        for number, rows in enumerate(lists):
            self._nodes.append(rows.node)
            for stronger, weaker in rows.links():
                for column, value in zip(said, (stronger, weaker, number), strict=True):
                    column.append(value)
        places = np.array(said[0], dtype=np.int64)
        order = np.argsort(places, kind="stable")
        self._weaker = np.array(said[1], dtype=np.int64)[order].tolist()
        self._said_by = np.array(said[2], dtype=np.int64)[order].tolist()
        self._starts = np.searchsorted(places[order], np.arange(count + 1)).tolist()

    def of(self, place: int) -> Mapping[int, set[str]]:
        """Places of the weaker ones, and the nodes that say so."""
        found: dict[int, set[str]] = {}
        for at in range(self._starts[place], self._starts[place + 1]):
            found.setdefault(self._weaker[at], set()).add(self._nodes[self._said_by[at]])
        return found
