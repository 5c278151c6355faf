"""A federation like those that ICSE feeds, whose agencies list the same files by different hashes, and candidates.

Some list MD5 and SHA-1 in a row, as ICSE's exports have them, some all three, some SHA-256 alone. Half of the
candidates are listed by enough of them, whichever these are, so that more or fewer of a file's hashes become effective;
the others by none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha512
from math import sqrt
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from node.subsets.compose import Chosen, Terms, choose
from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import decide
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from protocol.messages import ReleasePart
from protocol.subset.canary import PRESENT
from protocol.subset.files import write_answers, write_screen
from protocol.subset.filter import EXACT, SubsetFilter
from protocol.subset.lookup import Lookup
from protocol.subset.release import Release
from protocol.subset.screen import screen_values
from support.answers import compose_whole
from support.lists import digest, member, register
from support.screen_worlds import Row, listing_of
from support.selected import Selected, select_screened
from support.sizes import THOROUGH
from support.subsets import EMPTY_MANIFEST, SUBSET

CANDIDATES: Final = 200_000 if THOROUGH else 4_000
"""Half of them listed."""
KINDS: Final = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)
STYLES: Final = {
    "fr.example": (KINDS[:2], "FR"),
    "nl.example": (KINDS, "NL"),
    "de.example": (KINDS, "DE"),
    "be.example": (KINDS[2:], "BE"),
    "it.example": (KINDS[2:], "IT"),
}
"""Which hashes an agency lists in a row."""
PICTURES: Final = frozenset({Algorithm.PDQ})
_Z: Final = 2.576
"""Both shares are within their bounds with 99.5 %, so their ratio is with 99 %."""

Passes: TypeAlias = NDArray[np.bool_]
"""A row for each candidate, a column for each of its hashes: whether it passes."""


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """What the agencies list, of files `0` to `count - 1`, and which digests that are effective are screened."""

    k: int
    listings: tuple[MemberListing, ...]


@cache
def lists(k: int, *, whole: bool = False) -> Lists:
    """Half of the candidates, of which `k` agencies make a digest effective; `whole`: everybody lists whole rows."""
    random = Random(k)
    rows: dict[str, list[Row]] = {node: [] for node in STYLES}
    for number in range(CANDIDATES // 2):
        for node in _supporters(random, k, whole=whole):
            kinds = KINDS if whole else STYLES[node][0]
            rows[node].append(Row(tuple(hash_of(number, kind) for kind in kinds), (BASELINE,), Basis.OWN))
            rows[node].append(Row((hash_of(number, Algorithm.PDQ),), (BASELINE,), Basis.OWN))
    return Lists(k, tuple(listing_of(node, found) for node, found in rows.items()))


def _supporters(random: Random, k: int, *, whole: bool) -> list[str]:
    """Agencies of which at least `k` list a file by the same hash."""
    while True:
        nodes = random.sample(sorted(STYLES), random.randint(k, len(STYLES)))
        if whole or any(sum(kind in STYLES[node][0] for node in nodes) >= k for kind in KINDS):
            return nodes


@cache
def hash_of(number: int, kind: Algorithm) -> Digest:
    """A hash of a candidate; those from `CANDIDATES // 2` on are of files that nobody lists."""
    return digest(f"candidate {number}", kind)


@cache
def _chosen(made: Lists, kinds: frozenset[Algorithm]) -> tuple[dict[Digest, Chosen], Selected]:
    """What is effective of these kinds, and which of it is screened: whatever the budget."""
    members = register(*(member(node, country) for node, (_, country) in STYLES.items()), k=made.k)
    chosen = choose(decide(made.listings, members).effective, _filter(kinds, bits=12))
    supports = {each: found.supports for each, found in chosen.items()}
    return chosen, select_screened(supports, made.listings, made.k)


def _filter(kinds: frozenset[Algorithm], *, bits: int) -> SubsetFilter:
    return SubsetFilter(collections=frozenset({BASELINE}), algorithms=kinds, screen_bits=bits, labels=False)


def release_of(
    made: Lists, bits: int, *, kinds: frozenset[Algorithm] = EXACT, screened: frozenset[Digest] | None = None
) -> tuple[Release, Selected]:
    """A release as a node makes it, with made-up outputs, and its selection; `screened` is another rule's choice."""
    subset_filter = _filter(kinds, bits=bits)
    chosen, selection = _chosen(made, kinds)
    terms = Terms(
        subset_id=SUBSET,
        epoch=1,
        pk=EMPTY_MANIFEST.pk,
        filter=subset_filter,
        k=made.k,
        sources=(),
        rules=replace(EMPTY_MANIFEST.rules, filter=subset_filter.sha256()),
        not_after_ms=EMPTY_MANIFEST.not_after_ms,
    )
    outputs = {each: sha512(bytes([each.algorithm]) + each.value).digest() for each in (PRESENT, *chosen)}
    choice = selection.screened if screened is None else screened & chosen.keys()
    return compose_whole(terms, chosen, outputs, screened=choice, held=None), selection


def partner_with(folder: Path, release: Release) -> PartnerFolder:
    """A partner's folder that holds this release."""
    home = PartnerFolder(folder)
    releases = HeldReleases(home)
    with releases.arriving():
        files = releases.new(1, release.manifest, None)
        files.write(ReleasePart.SCREEN, write_screen(release))
        files.write(ReleasePart.ANSWERS, write_answers(release))
        releases.put_in_place(1)
    return home


def passes(home: PartnerFolder, kinds: Sequence[Algorithm]) -> Passes:
    """Which hashes of every candidate pass the screen in this folder: what its owner can see offline."""
    lookup = Lookup(HeldReleases(home).load(1).release)
    columns = [
        lookup.survives(screen_values(hash_of(number, kind) for number in range(CANDIDATES)))
        for kind in kinds
    ]
    return np.stack(columns, axis=1)


def lower_odds(seen: Passes) -> float:
    """The greatest odds that any sight of a file gives with 99 %: of listed against unlisted candidates.

    Sights are every pattern of passes and misses, and so many passes or more.
    """
    listed, unlisted = seen[: CANDIDATES // 2], seen[CANDIDATES // 2 :]
    return max(_bound(*pair) for pair in _sights(listed, unlisted))


def _sights(listed: Passes, unlisted: Passes) -> Iterator[tuple[int, int, int, int]]:
    weights = 1 << np.arange(listed.shape[1])
    patterns = [(side @ weights) for side in (listed, unlisted)]
    counts = [side.sum(axis=1) for side in (listed, unlisted)]
    for pattern in range(1 << listed.shape[1]):
        yield _counted(*(side == pattern for side in patterns))
    for least in range(1, listed.shape[1] + 1):
        yield _counted(*(side >= least for side in counts))


def _counted(listed: Passes, unlisted: Passes) -> tuple[int, int, int, int]:
    return int(listed.sum()), len(listed), int(unlisted.sum()), len(unlisted)


def _bound(seen: int, listed: int, chance: int, unlisted: int) -> float:
    """The lower bound of how much likelier a listed file gives this sight (Wilson's intervals)."""
    return _wilson(seen, listed, -_Z) / _wilson(chance, unlisted, _Z)


def _wilson(count: int, of: int, z: float) -> float:
    share = count / of
    spread = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (share + z * z / (2 * of) + spread) / (1 + z * z / of))
