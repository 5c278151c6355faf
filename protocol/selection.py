"""Which digests a release screens: one of each file, unless that would rest on the word of somebody who may lie.

A partner who has a file can compute all its digests, so one of them in the screen leads to the file, and each more
would multiply what the screen tells. The weakest is chosen, because every holder of any hashes has it. That two digests
are of one file is an agency's word, and a false word would hide a digest from every partner: so a digest is hidden
behind a weaker one only on the word of agencies who could have kept it from being effective anyway. Spec:
docs/spec/subset.md, section "Screen".
"""

from array import array
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.lists.listing import Entry
from protocol.subset.filter import EXACT
from protocol.subset.rice import U64Array

HIDDEN: Final = (Algorithm.SHA1, Algorithm.SHA256)
"""What may be hidden behind a weaker digest, in the order in which that is decided."""
SCREENED: Final = 16
"""Bits of a mark, beside the number of its algorithm."""
DOUBLED: Final = 32
APART: Final = 64
Marks = NDArray[np.uint8]

TOLD: Final = np.dtype(
    [
        ("content_id", "<u8", 2),
        ("list", "<u4"),
        ("algorithm", "u1"),
        ("released", "?"),
        ("name", "<u8", 2),  # place of a digest that is to be released, hash of another
    ]
)
"""A row for each entry that says of which file its digest is."""
LINK: Final = np.dtype([("stronger", "<u4"), ("weaker", "<u4"), ("list", "<u4")])
"""A row for each two digests that a list says are of one file: their places, and the number of the list."""
Rows = NDArray[Any]

_ID_BYTES: Final = 16
"""Of a content id, and of what stands for a digest that is not to be released."""
_WORD: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """What is screened, and what it adds to the budget of one value a file, by the places of the digests."""

    marks: Marks = field(repr=False)
    """The number of its algorithm, `SCREENED`, and of what is screened, why: `DOUBLED`, where a weaker digest of its
    file is screened as well, or `APART`, of a SHA-1 or SHA-256 digest that is linked to no weaker one that is: another
    of its file may be screened."""
    contradicted: NDArray[np.intp] = field(repr=False)
    """Places of digests that lists say are of one file with two different ones of a weaker algorithm: an operator
    looks."""

    @property
    def screened(self) -> NDArray[np.bool_]:
        """Whether the screen holds each digest, in their order."""
        return (self.marks & SCREENED) > 0


class Selector:
    """What a release will screen, in the making: takes digests and what lists say of them, a part after the other.

    A part has some of the digests and all their entries; in whatever parts and order they come, the result is the same.
    A digest has the number of its turn for a place. What lists say of files is given out as rows, which whoever has no
    room for them may put in order on a disk. `k` is the quorum of the release.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._algorithms = bytearray()
        self._stands = array("i")
        """By place, the number of who makes it effective."""
        self._numbers: dict[object, int] = {}
        self._known: list[tuple[_Stand, ...]] = []
        self._lists: dict[str, int] = {}
        self._nodes: list[str] = []
        """The node of each list, by the list's number."""

    def __len__(self) -> int:
        return len(self._algorithms)

    def add(self, supports: Mapping[Digest, Sequence[Support]], listings: Sequence[MemberListing]) -> Rows:
        """Take in digests that will be released; `TOLD` of the entries of their part.

        `supports` are those of each digest, one for each collection of the subset in which it is effective; `listings`
        the lists that were judged.
        """
        nodes = {held.listing.origin: held.node for held in listings}
        places = {digest: place for place, digest in enumerate(supports, len(self))}
        for digest, found in supports.items():
            self._algorithms.append(digest.algorithm)
            self._stands.append(self._stand(found, nodes))
        return np.concatenate([np.empty(0, TOLD), *(self._told(held, places) for held in listings)])

    def add_alike(
        self,
        supports: Sequence[Support],
        listings: Sequence[MemberListing],
        digests: Sequence[Digest],
        adds: Sequence[tuple[str, int]],
        content_ids: NDArray[np.uint8],
    ) -> Rows:
        """Take in digests of which lists say the same as of one that was taken in with these supports; as `add`.

        Without supports they will not be released. `adds` are origin and position of the entries of that one in
        `listings`, and of those that stand no more; `content_ids` are of each digest those of its own, in their order.
        """
        names = np.frombuffer(b"".join(map(_hash, digests)), dtype="<u8").reshape(-1, 2)
        if supports:
            names = np.zeros((len(digests), 2), dtype="<u8")
            names[:, 0] = np.arange(len(self), len(self) + len(digests))
            stand = self._stand(supports, {held.listing.origin: held.node for held in listings})
            self._algorithms += bytes((digests[0].algorithm,)) * len(digests)
            self._stands.extend([stand] * len(digests))
        by_origin = {held.listing.origin: held for held in listings}
        told = [np.empty(0, TOLD)]
        for at, (origin, index) in enumerate(adds):
            held = by_origin[origin]
            entry = held.listing.entries.get(index)
            if entry is not None and _file_of(held, entry) is not None:
                rows = self._rows(held, len(digests))
                rows["content_id"] = np.ascontiguousarray(content_ids[:, at]).view("<u8")
                rows["algorithm"] = entry.digest.algorithm
                rows["released"] = bool(supports)
                rows["name"] = names
                told.append(rows)
        return np.concatenate(told)

    def algorithms(self, places: NDArray[Any]) -> NDArray[np.uint8]:
        """Those of the digests at these places."""
        found: NDArray[np.uint8] = np.frombuffer(self._algorithms, dtype=np.uint8)[places]
        return found

    def select(self, links: Callable[[Algorithm], Iterable[Rows]]) -> Selection:
        """What a release of these digests screens.

        `links` gives those of the digests of one algorithm behind weaker ones (`links_of`), in parts: in one of them
        all of a digest.
        """
        marks = np.array(self._algorithms, dtype=np.uint8)
        hidden = np.isin(marks, HIDDEN)
        marks += np.where(hidden, SCREENED + APART, SCREENED).astype(np.uint8)
        contradicted = [np.empty(0, dtype=np.intp)]
        for algorithm in HIDDEN:
            contradicted += [self._decide(part, marks) for part in links(algorithm) if len(part)]
        return Selection(marks=marks, contradicted=np.sort(np.concatenate(contradicted)))

    def _decide(self, links: Rows, marks: Marks) -> NDArray[np.intp]:
        """Mark digests by all that is said of them; the places of those that are contradicted."""
        said = _Claims.of(links, np.array(self._by_node, dtype=np.int64))
        places, starts = said.stronger[said.starts], said.starts
        screened = (marks[said.weaker] & SCREENED) > 0
        kinds = np.left_shift(1, marks[said.weaker] % SCREENED)
        counts = np.diff(starts, append=len(said.stronger))
        contradicted = np.bitwise_count(np.bitwise_or.reduceat(kinds, starts)) < counts
        claimed = np.logical_or.reduceat(screened, starts)
        pivotal = np.logical_or.reduceat(screened & self._pivotal(said), starts)
        why = np.where(claimed, SCREENED + DOUBLED, SCREENED + APART)
        why[pivotal & ~contradicted] = 0
        marks[places] = marks[places] % SCREENED + why.astype(np.uint8)
        return places[contradicted]

    def _pivotal(self, said: "_Claims") -> NDArray[np.bool_]:
        """Whether a digest would be effective nowhere without who claims it: then their word may hide it, too."""
        stands = np.frombuffer(self._stands, dtype=np.intc)[said.stronger].astype(np.uint64)
        cases, which = np.unique(np.column_stack([stands, said.nodes]), axis=0, return_inverse=True)
        names = list(dict.fromkeys(self._nodes))
        answers = [
            not any(
                stand.is_enough_without(_among(names, words), self._k) for stand in self._known[int(number)]
            )
            for number, *words in cases.tolist()
        ]
        return np.array(answers, dtype=np.bool_)[which.reshape(-1)]

    @property
    def _by_node(self) -> list[int]:
        """By the number of a list, that of its node."""
        numbers = {node: number for number, node in enumerate(dict.fromkeys(self._nodes))}
        return [numbers[node] for node in self._nodes]

    def _stand(self, supports: Sequence[Support], nodes: Mapping[str, str]) -> int:
        """The number of who makes a digest effective; few differ."""
        key = tuple(
            (
                tuple(tuple([entry.origin for entry in entries]) for entries in support.countries.values()),
                tuple(support.authorities),
            )
            for support in supports
        )
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._known)
            self._known.append(tuple(_stand(support, nodes) for support in supports))
        return number

    def _told(self, held: MemberListing, places: Mapping[Digest, int]) -> Rows:
        """The exact digests that carry a content id, on whatever basis.

        Ids of different lists have nothing to do with each other.
        """
        ids, algorithms, names, released = bytearray(), bytearray(), bytearray(), bytearray()
        for entry in held.listing.entries.values():
            content_id = _file_of(held, entry)
            if content_id is not None:
                digest, place = entry.digest, places.get(entry.digest)
                ids += content_id
                algorithms.append(digest.algorithm)
                released.append(place is not None)
                names += _hash(digest) if place is None else place.to_bytes(_ID_BYTES, "little")
        rows = self._rows(held, len(algorithms))
        rows["content_id"] = np.frombuffer(ids, dtype="<u8").reshape(-1, 2)
        rows["algorithm"] = np.frombuffer(algorithms, dtype=np.uint8)
        rows["released"] = np.frombuffer(released, dtype=np.bool_)
        rows["name"] = np.frombuffer(names, dtype="<u8").reshape(-1, 2)
        return rows

    def _rows(self, held: MemberListing, count: int) -> Rows:
        """So many rows of a list, with nothing but its number in them."""
        origin = held.listing.origin
        if origin not in self._lists:
            self._lists[origin] = len(self._nodes)
            self._nodes.append(held.node)
        rows = np.empty(count, dtype=TOLD)
        rows["list"] = self._lists[origin]
        return rows


def _file_of(held: MemberListing, entry: Entry) -> bytes | None:
    """The content id that an entry gives to an exact digest, unless a thief may have signed it."""
    if entry.digest.algorithm not in EXACT or held.is_revoked(entry.index):
        return None
    return held.ext(entry).content_id


def links_of(told: Rows) -> Rows:
    """`LINK` of each two digests of one file that are both to be released; `told` has all rows of its content ids.

    None of a file that names two digests of one algorithm, to be released or not: it is no file.
    """
    ids = told["content_id"]
    told = told[np.lexsort((told["algorithm"], ids[:, 1], ids[:, 0], told["list"]))]
    ids, names = told["content_id"], told["name"]
    same_file = _follows(told["list"]) & _follows(ids[:, 0]) & _follows(ids[:, 1])
    again = same_file & _follows(told["algorithm"])
    same = _follows(told["released"]) & _follows(names[:, 0]) & _follows(names[:, 1])
    file = np.cumsum(~same_file) - 1
    broken = np.zeros(len(told), dtype=np.bool_)
    broken[file[again & ~same]] = True
    stays = told["released"] & ~again & ~broken[file]
    told, file = told[stays], file[stays]
    found = [np.empty(0, dtype=LINK)]
    for apart in range(1, len(EXACT)):
        at = np.flatnonzero(file[apart:] == file[:-apart])
        rows = np.empty(len(at), dtype=LINK)
        rows["stronger"], rows["weaker"] = told["name"][at + apart, 0], told["name"][at, 0]
        rows["list"] = told["list"][at]
        found.append(rows)
    return np.concatenate(found)


def telling(told: Rows) -> Rows:
    """Rows from which `links_of` makes the same: two digests of one algorithm, each once, show that a file is none."""
    names, ids = told["name"], told["content_id"]
    kind = told["algorithm"], ids[:, 1], ids[:, 0], told["list"]
    told = told[np.lexsort((names[:, 1], names[:, 0], told["released"], *kind))]
    names, ids = told["name"], told["content_id"]
    same_kind = _follows(told["list"]) & _follows(told["algorithm"])
    same_kind &= _follows(ids[:, 0]) & _follows(ids[:, 1])
    same = same_kind & _follows(told["released"]) & _follows(names[:, 0]) & _follows(names[:, 1])
    told, same_kind = told[~same], same_kind[~same]
    third = same_kind.copy()
    third[1:] &= same_kind[:-1]
    return told[~third]


@dataclass(frozen=True, slots=True)
class _Stand:
    """Who makes a digest effective in one collection, by node."""

    countries: tuple[frozenset[str], ...]
    """The nodes that list it, country by country."""
    authorities: frozenset[str]

    def is_enough_without(self, nodes: Container[str], k: int) -> bool:
        countries = sum(any(node not in nodes for node in country) for country in self.countries)
        return countries >= k or any(node not in nodes for node in self.authorities)


def _stand(support: Support, nodes: Mapping[str, str]) -> _Stand:
    said = (frozenset(nodes[entry.origin] for entry in entries) for entries in support.countries.values())
    return _Stand(countries=tuple(said), authorities=frozenset(support.authorities))


@dataclass(frozen=True, slots=True, eq=False)
class _Claims:
    """Each two digests once, with the nodes that say they are of one file."""

    stronger: NDArray[np.int64]
    """Ascending."""
    weaker: NDArray[np.int64]
    nodes: U64Array
    """A row of words, with a bit for each node."""
    starts: NDArray[np.intp]
    """Where the claims of each stronger digest begin."""

    @classmethod
    def of(cls, links: Rows, by_node: NDArray[np.int64]) -> "_Claims":
        links = links[np.lexsort((links["weaker"], links["stronger"]))]
        node = by_node[links["list"]]
        words = np.zeros((len(links), int(by_node.max()) // _WORD + 1), dtype=np.uint64)
        words[np.arange(len(links)), node // _WORD] = np.uint64(1) << (node % _WORD).astype(np.uint64)
        pairs = np.flatnonzero(~(_follows(links["stronger"]) & _follows(links["weaker"])))
        stronger = links["stronger"][pairs].astype(np.int64)
        return cls(
            stronger,
            links["weaker"][pairs].astype(np.int64),
            np.bitwise_or.reduceat(words, pairs, axis=0),
            np.flatnonzero(~_follows(stronger)),
        )


def _follows(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each value is the same as the one before."""
    found = np.zeros(len(column), dtype=np.bool_)
    found[1:] = column[1:] == column[:-1]
    return found


def _among(names: Sequence[str], words: Sequence[int]) -> frozenset[str]:
    return frozenset(name for at, name in enumerate(names) if words[at // _WORD] >> (at % _WORD) & 1)


def _hash(digest: Digest) -> bytes:
    """What tells a digest of one algorithm from another."""
    return blake2b(digest.value, digest_size=_ID_BYTES).digest()
