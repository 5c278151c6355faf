"""A release of 50 000 digests and 100 000 known hashes, half of them listed: the ground of the offline attacks.

Made by the code that makes real releases, and handed to the attacker as the files that a partner has. Two thirds of
the listed hashes are MD5 and SHA-256 of files with a content id, the rest are MD5 of files that came without.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256, shake_256
from typing import Final

from node.subsets.compose import Terms, choose
from protocol.digest import SIZES, Algorithm, Digest
from protocol.judgement.quorum import Support
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Ext
from protocol.lists.listing import Entry, Listing
from protocol.oprf.server import outputs
from protocol.oprf.suite import KeyPair, epoch_key
from protocol.subset.canary import PRESENT
from protocol.subset.exclusions import exclusions_hash
from protocol.subset.files import Held, ReleaseFiles, write_answers, write_labels, write_screen
from protocol.subset.filter import SubsetFilter
from protocol.subset.prf_input import prf_input
from protocol.subset.release import Release
from support.answers import compose_whole
from support.selected import select_screened
from support.sodium import loaded_group
from support.subsets import EMPTY_MANIFEST, SOURCES, SUBSET

FILES: Final = 20_000
"""Known files with a content id that are listed, and as many that are not: two hashes each."""
LONERS: Final = 10_000
"""Known hashes without a content id that are listed, and as many that are not."""
SALT: Final = b"\x07" * 32
EXCLUDED: Final = Digest(Algorithm.SHA256, sha256(b"excluded").digest())
_CHUNK: Final = 2048


@dataclass(frozen=True, slots=True)
class Hashes:
    """Known hashes of one kind, listed or not."""

    leading: Sequence[Digest]
    """MD5 of files with a content id: in the screen, when they are listed."""
    siblings: Sequence[Digest]
    """SHA-256 of the same files, in the same order: not in the screen."""
    loners: Sequence[Digest]
    """MD5 without a content id: in the screen, when they are listed."""

    @property
    def all(self) -> list[Digest]:
        """Every one, in this order."""
        return [*self.leading, *self.siblings, *self.loners]

    @property
    def screened(self) -> list[Digest]:
        """Those that a screen has when they are listed."""
        return [*self.leading, *self.loners]


def hashes(name: str, *, files: int = FILES, loners: int = LONERS) -> Hashes:
    """Made-up hashes."""
    return Hashes(
        leading=[_digest(f"{name} file {number}", Algorithm.MD5) for number in range(files)],
        siblings=[_digest(f"{name} file {number}", Algorithm.SHA256) for number in range(files)],
        loners=[_digest(f"{name} loner {number}", Algorithm.MD5) for number in range(loners)],
    )


def _digest(name: str, algorithm: Algorithm) -> Digest:
    return Digest(algorithm, shake_256(f"{algorithm} {name}".encode()).digest(SIZES[algorithm]))


@cache
def listed() -> Hashes:
    """Listed by the first release."""
    return hashes("listed")


@cache
def unlisted() -> Hashes:
    """Listed by none."""
    return hashes("unlisted")


@cache
def added() -> Hashes:
    """Listed by the second release; the first loners of `listed` are gone."""
    return hashes("new", files=400, loners=200)


GONE: Final = 200


@cache
def key() -> KeyPair:
    """The node's key, which no attacker has."""
    return epoch_key(loaded_group(), b"k" * 32)


@cache
def all_outputs() -> Mapping[Digest, bytes]:
    """The PRF outputs of everything that is ever listed, and of the test file."""
    return dict(_evaluated([PRESENT, *listed().all, *added().all]))


def _evaluated(digests: Sequence[Digest]) -> Iterator[tuple[Digest, bytes]]:
    chunks = [digests[at : at + _CHUNK] for at in range(0, len(digests), _CHUNK)]
    with ThreadPoolExecutor(2) as threads:
        for chunk, found in zip(chunks, threads.map(_outputs, chunks), strict=True):
            yield from zip(chunk, found, strict=True)


def _outputs(digests: Sequence[Digest]) -> list[bytes]:
    return outputs(loaded_group(), key(), [prf_input(SUBSET, each) for each in digests])


@cache
def first_release(screen_bits: int) -> Release:
    """The release of `listed` with this budget; with labels at the default one."""
    return release_of(listed(), screen_bits=screen_bits, labels=screen_bits == 12)


@cache
def second_release() -> Release:
    """The next one at the default budget: `added` came, `GONE` of the loners went."""
    grown = Hashes(
        leading=[*listed().leading, *added().leading],
        siblings=[*listed().siblings, *added().siblings],
        loners=[*listed().loners[GONE:], *added().loners],
    )
    return release_of(grown, held=first_release(12))


def release_of(
    listed: Hashes, *, screen_bits: int = 12, labels: bool = True, held: Release | None = None
) -> Release:
    """A release, made as a node makes it."""
    subset_filter = SubsetFilter(
        collections=frozenset({BASELINE}),
        algorithms=frozenset({Algorithm.MD5, Algorithm.SHA256}),
        screen_bits=screen_bits,
        labels=labels,
    )
    rules = replace(
        EMPTY_MANIFEST.rules, filter=subset_filter.sha256(), exclusions=exclusions_hash(SALT, [EXCLUDED])
    )
    terms = Terms(
        subset_id=SUBSET,
        epoch=1,
        pk=key().public,
        filter=subset_filter,
        k=2,
        sources=SOURCES,
        rules=rules,
        not_after_ms=EMPTY_MANIFEST.not_after_ms,
    )
    supports = {(BASELINE, each.digest): each for each in _supports(listed)}
    chosen = choose(supports, subset_filter)
    selection = select_screened(
        {digest: each.supports for digest, each in chosen.items()}, _listings(supports.values()), terms.k
    )
    outputs = {each: all_outputs()[each] for each in (PRESENT, *chosen)}
    return compose_whole(terms, chosen, outputs, screened=selection.screened, held=held)


def files_of(release: Release, since: Held | None = None) -> ReleaseFiles:
    """The files as a partner receives them."""
    return ReleaseFiles(
        screen=write_screen(release, since=since),
        answers=write_answers(release, since=since),
        labels=None if release.labels is None else write_labels(release, since=since),
    )


def index_of(digest: Digest) -> int:
    """Where a made-up hash is in both lists."""
    return int.from_bytes(digest.value[:4], "big")


def _listings(supports: Iterable[Support]) -> list[MemberListing]:
    """The two lists that these supports are of."""
    entries: dict[str, dict[int, Entry]] = {source.origin: {} for source in SOURCES}
    for support in supports:
        for (entry,) in support.countries.values():
            entries[entry.origin][entry.index] = entry
    return [
        MemberListing(
            node=origin.split("/")[0],
            listing=Listing(origin=origin, size=1 << 32, entries=found, withdrawn={}),
            fresh=True,
        )
        for origin, found in entries.items()
    ]


def _supports(listed: Hashes) -> Iterator[Support]:
    for leading, sibling in zip(listed.leading, listed.siblings, strict=True):
        content_id = shake_256(leading.value).digest(16)
        yield _support(leading, content_id)
        yield _support(sibling, content_id)
    for loner in listed.loners:
        yield _support(loner, None)


def _support(digest: Digest, content_id: bytes | None) -> Support:
    ext = Ext(content_id=content_id, criteria=1, basis=Basis.OWN)
    fr, nl = (
        Entry(
            origin=source.origin,
            index=index_of(digest),
            leaf_hash=bytes(32),
            digest=digest,
            collection=BASELINE,
            time_ms=1_700_000_000_000,
            ext=ext,
        )
        for source in SOURCES
    )
    return Support(collection=BASELINE, digest=digest, countries={"FR": (fr,), "NL": (nl,)}, authorities={})
