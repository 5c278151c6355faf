"""Which digests a release screens: the product's choice of whole lists, and the rule of the spec written plainly."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.selection import APART, DOUBLED, SCREENED, Rows, Selector
from protocol.selection import links_of as linked
from protocol.subset.filter import EXACT

_HIDDEN: Final = (Algorithm.SHA1, Algorithm.SHA256)

Links: TypeAlias = Mapping[Digest, Mapping[Digest, set[str]]]
"""By digest, the weaker digests that it is said to be of one file with, and the nodes that say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A selection, by digests."""

    screened: frozenset[Digest]
    contradicted: tuple[Digest, ...] = ()
    doubled: frozenset[Digest] = frozenset()
    apart: frozenset[Digest] = frozenset()


class Choice:
    """A `Selector` with the rows that it gives out."""

    def __init__(self, k: int) -> None:
        self._selector = Selector(k)
        self._digests: list[Digest] = []
        self._told: list[Rows] = []

    def add(self, supports: Mapping[Digest, Sequence[Support]], listings: Sequence[MemberListing]) -> None:
        """Take in a part."""
        self._digests += supports
        self._told.append(self._selector.add(supports, listings))

    def add_alike(
        self,
        supports: Sequence[Support],
        listings: Sequence[MemberListing],
        digests: Sequence[Digest],
        adds: Sequence[tuple[str, int]],
        content_ids: NDArray[np.uint8],
    ) -> None:
        """Take in digests that are like one of a part before, as a `Selector` does."""
        self._digests += digests if supports else ()
        self._told.append(self._selector.add_alike(supports, listings, digests, adds, content_ids))

    def select(self) -> Selected:
        """What is screened."""
        links = linked(np.concatenate(self._told))
        kinds = self._selector.algorithms(links["stronger"])
        selection = self._selector.select(lambda algorithm: [links[kinds == algorithm]])

        def marked(bit: int) -> frozenset[Digest]:
            return frozenset(
                each for each, mark in zip(self._digests, selection.marks, strict=True) if mark & bit
            )

        return Selected(
            screened=marked(SCREENED),
            contradicted=tuple(sorted(self._digests[at] for at in selection.contradicted)),
            doubled=marked(DOUBLED),
            apart=marked(APART),
        )


def select_screened(
    supports: Mapping[Digest, Sequence[Support]], listings: Sequence[MemberListing], k: int
) -> Selected:
    """What a release of the digests in `supports` screens, taken in at once."""
    choice = Choice(k)
    choice.add(supports, listings)
    return choice.select()


def budget(selected: Selected) -> tuple[int, int, int]:
    """How many values of one file its screen may have at worst, and how many digests are doubled and apart."""
    kinds = {each.algorithm for each in selected.screened} & EXACT
    return max(len(kinds), 1), len(selected.doubled), len(selected.apart)


def select_plainly(
    supports: Mapping[Digest, Sequence[Support]], listings: Sequence[MemberListing], k: int
) -> Selected:
    """What a release of the digests in `supports` screens.

    `supports` are those of each digest, one for each collection of the subset in which it is effective; `listings` the
    lists that were judged; `k` is the quorum. In whatever order they come, the result is the same.
    """
    nodes = {held.listing.origin: held.node for held in listings}
    links = links_of(listings, supports)
    screened = {digest for digest in supports if digest.algorithm not in _HIDDEN}
    contradicted: list[Digest] = []
    doubled: set[Digest] = set()
    apart: set[Digest] = set()
    for algorithm in _HIDDEN:
        chosen = set()
        for digest in (digest for digest in supports if digest.algorithm is algorithm):
            claims = {weaker: said for weaker, said in links.get(digest, {}).items() if weaker in screened}
            if _is_contradicted(links.get(digest, {})):
                contradicted.append(digest)
            elif any(_is_pivotal(said, supports[digest], nodes, k) for said in claims.values()):
                continue
            chosen.add(digest)
            (doubled if claims else apart).add(digest)
        screened |= chosen
    return Selected(
        screened=frozenset(screened),
        contradicted=tuple(sorted(contradicted)),
        doubled=frozenset(doubled),
        apart=frozenset(apart),
    )


def links_of(listings: Iterable[MemberListing], wanted: Container[Digest]) -> Links:
    """What lists say of which digests are of one file, as far as both are wanted; nothing is concluded from it.

    A node says so with two active adds of one list that carry one content id, on whatever basis, outside what may have
    been signed with a stolen key. Ids of different lists have nothing to do with each other.
    """
    found: dict[Digest, dict[Digest, set[str]]] = {}
    for held in listings:
        for row in _rows(held, wanted):
            for weaker, digest in _pairs(row):
                if weaker in wanted and digest in wanted:
                    found.setdefault(digest, {}).setdefault(weaker, set()).add(held.node)
    return found


def _rows(held: MemberListing, wanted: Container[Digest]) -> Iterable[set[Digest]]:
    """The exact digests to which a list gives one content id, where one of them that is wanted could be hidden."""
    ids = {
        content_id for content_id, digest in _told(held) if digest.algorithm in _HIDDEN and digest in wanted
    }
    rows: dict[bytes, set[Digest]] = {}
    for content_id, digest in _told(held):
        if content_id in ids:
            rows.setdefault(content_id, set()).add(digest)
    return rows.values()


def _told(held: MemberListing) -> Iterator[tuple[bytes, Digest]]:
    """Content id and exact digest of each entry that carries one, outside what a thief may have signed."""
    for entry in held.listing.entries.values():
        if entry.digest.algorithm in EXACT and not held.is_revoked(entry.index):
            content_id = held.ext(entry).content_id
            if content_id is not None:
                yield content_id, entry.digest


def _pairs(row: set[Digest]) -> Iterator[tuple[Digest, Digest]]:
    """Each two of a row, the weaker first; none of a row that names two digests of one algorithm: it is no file's."""
    if len({digest.algorithm for digest in row}) == len(row):
        yield from combinations(sorted(row), 2)


def _is_contradicted(claims: Mapping[Digest, set[str]]) -> bool:
    return len({weaker.algorithm for weaker in claims}) < len(claims)


def _is_pivotal(
    nodes: Container[str], supports: Sequence[Support], node_of: Mapping[str, str], k: int
) -> bool:
    """Whether a digest would be effective nowhere without these nodes: then their word may hide it, too."""
    return not any(_is_enough_without(nodes, support, node_of, k) for support in supports)


def _is_enough_without(nodes: Container[str], support: Support, node_of: Mapping[str, str], k: int) -> bool:
    countries = sum(
        any(node_of[entry.origin] not in nodes for entry in entries) for entries in support.countries.values()
    )
    return countries >= k or any(node not in nodes for node in support.authorities)
