"""From what is effective to a release: the filter applied, labels chosen, screen, answers and labels made.

Pure: the same decision, outputs and predecessor give the same release, byte for byte. Canaries are the spec's, whatever
the lists say: a list that names the absent test file must not make every partner's self-test fail. Spec:
docs/spec/subset.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np

from node.judgement.ranges import Alike
from node.objects.listed_rows import packed
from node.store.subsets.records import WideKey
from protocol.digest import Digest
from protocol.judgement.quorum import Support
from protocol.lists.listing import Entry
from protocol.subset.canary import CANARIES, PRESENT
from protocol.subset.deltas.values import difference
from protocol.subset.files import Change
from protocol.subset.filter import SubsetFilter
from protocol.subset.label import Backer, Label, choose_label, relabel
from protocol.subset.manifest import Manifest, ReleaseKind, RuleHashes
from protocol.subset.release import Release, answers_root, screen_root
from protocol.subset.rice import U64Array, blocks_of
from protocol.subset.screen import screen_values, truncate
from protocol.subset.sources import SourceCheckpoint
from protocol.subset.widths import answer_width, kept_answer_width, kept_screen_width, screen_width
from protocol.tlog.hasher import HASHLIB, Hasher

_NO_SCREEN: Final[U64Array] = np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A digest that a release will list."""

    digest: Digest
    supports: tuple[Support, ...]
    """One for each collection of the subset in which it is effective, by collection."""

    @property
    def collections(self) -> tuple[int, ...]:
        """The collections in which it is effective."""
        return tuple(support.collection for support in self.supports)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a release is made under: all of it is in the manifest."""

    subset_id: bytes
    epoch: int
    pk: bytes
    filter: SubsetFilter
    k: int
    """Quorum of the members register: as many sources does a label name."""
    sources: tuple[SourceCheckpoint, ...]
    """By number."""
    rules: RuleHashes
    not_after_ms: int


class Line(NamedTuple):
    """What a release says of one digest."""

    digest: Digest
    name: WideKey
    label: bytes
    """Its 32 bytes, not sealed; empty in a release without."""
    collections: bytes
    """In which it is effective, ascending, two bytes each."""


class Values(NamedTuple):
    """Answers or a screen: values in order, and how many bits they have."""

    values: U64Array
    width: int


def choose(
    effective: Mapping[tuple[int, Digest], Support], subset_filter: SubsetFilter
) -> dict[Digest, Chosen]:
    """The effective digests that the filter takes in, in ascending order; canaries are never among them."""
    supports: dict[Digest, list[Support]] = {}
    for (collection, digest), support in effective.items():
        if subset_filter.covers(collection, digest.algorithm) and digest not in CANARIES:
            supports.setdefault(digest, []).append(support)
    return {
        digest: Chosen(
            digest=digest, supports=tuple(sorted(supports[digest], key=lambda each: each.collection))
        )
        for digest in sorted(supports, key=attrgetter("algorithm", "value"))
    }


def labels_of(terms: Terms, chosen: Mapping[Digest, Chosen]) -> dict[Digest, Label]:
    """The label of each of these digests; none for a release without labels."""
    if not terms.filter.labels:
        return {}
    numbers = {source.origin: source.number for source in terms.sources}
    return {digest: _label(each, numbers, terms.k) for digest, each in chosen.items()}


def lines_of(
    terms: Terms, chosen: Mapping[Digest, Chosen], names: Sequence[WideKey], alike: Mapping[Digest, Alike]
) -> Iterator[Line]:
    """What is said of these digests, which have these names; then of those that are like each of them, in turn."""
    labels = labels_of(terms, chosen)
    for name, (digest, each) in zip(names, chosen.items(), strict=True):
        label = labels[digest].to_bytes() if labels else b""
        yield Line(digest, name, label, packed(each.collections))
    numbers = {source.origin: source.number for source in terms.sources}
    for digest, each in chosen.items():
        if digest in alike:
            yield from _lines_like(each, alike[digest], labels.get(digest), numbers)


def _lines_like(
    chosen: Chosen, alike: Alike, label: Label | None, numbers: Mapping[str, int]
) -> Iterator[Line]:
    texts: Sequence[bytes] = [b""] * len(alike.digests)
    if label is not None:
        slots = [(numbers.get(origin), index) for origin, index in alike.slots]
        columns = [slots.index((source.number, source.index)) for source in label.sources]
        texts = relabel(label, alike.places[:, columns].tolist())
    collections = packed(chosen.collections)
    for digest, (key, rest), text in zip(alike.digests, alike.names.tolist(), texts, strict=True):
        yield Line(digest, (key, rest), text, collections)


def compose(
    terms: Terms,
    answers: Values,
    labels_root: bytes | None,
    *,
    screen: Values,
    held: Release | None,
    hasher: Hasher = HASHLIB,
    change: Change | None = None,
) -> Release:
    """The release of these answers, the canary's among them, and of labels with this root, which are not at hand.

    `labels_root` is None for a release without. `held` is the release before: what is only less than it is
    removal-only. `change` is what makes the release of that one, where it is known.
    """
    manifest = Manifest(
        subset_id=terms.subset_id,
        epoch=terms.epoch,
        kind=ReleaseKind.ORDINARY,
        screen_count=len(screen.values),
        answers_count=len(answers.values),
        screen_width=screen.width,
        answers_width=answers.width,
        pk=terms.pk,
        screen_root=screen_root(blocks_of(screen.values), screen.width, hasher),
        answers_root=answers_root(blocks_of(answers.values), answers.width, hasher),
        labels_root=labels_root,
        sources=terms.sources,
        rules=terms.rules,
        not_after_ms=terms.not_after_ms,
    )
    release = Release(
        manifest=manifest, screen=screen.values, answers=answers.values, labels=None, filter=terms.filter
    )
    return replace(release, manifest=replace(manifest, kind=_kind(held, release, change)))


def is_same(held: Release, new: Release) -> bool:
    """Whether a new release would say nothing that the held one does not: only sources and times may differ."""
    old = held.manifest
    return replace(new.manifest, sources=old.sources, not_after_ms=old.not_after_ms, kind=old.kind) == old


def screen_of(terms: Terms, screened: U64Array, held: Release | None) -> tuple[Values, Mapping[int, int]]:
    """The screen of some digests of a release and of the canary, and which values several have, and how many.

    `screened` are the full 64-bit screen hashes of the digests.
    """
    width = width_of_screen(terms, len(screened) + 1, held)
    if not width:
        return Values(_NO_SCREEN, 0), {}
    cut = truncate(np.append(screened, screen_values([PRESENT])), width)
    cut.sort()
    again = np.zeros(len(cut), dtype=np.bool_)
    again[1:] = cut[1:] == cut[:-1]
    shared, more = np.unique(cut[again], return_counts=True)
    counts = dict(zip(shared.tolist(), (more + 1).tolist(), strict=True))
    return Values(cut[~again], width), counts


def width_of_screen(terms: Terms, count: int, held: Release | None) -> int:
    """Bits of a screen value, for so many digests; 0 for no screen."""
    bits = terms.filter.screen_bits
    if held is None:
        return screen_width(count, bits)
    return kept_screen_width(held.manifest.screen_width, count=count, screen_bits=bits)


def width_of_answers(terms: Terms, count: int, held: Release | None) -> int:
    """Bits of an answer, for so many."""
    if held is None or held.manifest.epoch != terms.epoch:
        return answer_width(count)
    return kept_answer_width(held.manifest.answers_width, count=count)


def _label(chosen: Chosen, numbers: Mapping[str, int], k: int) -> Label:
    backers = {support.collection: list(_backers(support, numbers)) for support in chosen.supports}
    return choose_label(backers, k)


def _backers(support: Support, numbers: Mapping[str, int]) -> Iterator[Backer]:
    authorities = {(entry.origin, entry.index) for entry in _all(support.authorities)}
    for country, entries in support.countries.items():
        for entry in entries:
            place = entry.origin, entry.index
            yield Backer(
                number=numbers[entry.origin],
                index=entry.index,
                country=country,
                authority=place in authorities,
            )
            authorities.discard(place)
    for entry in _all(support.authorities):
        if (entry.origin, entry.index) in authorities:
            yield Backer(number=numbers[entry.origin], index=entry.index, country=None, authority=True)


def _all(entries: Mapping[str, tuple[Entry, ...]]) -> Iterator[Entry]:
    return (entry for group in entries.values() for entry in group)


def _kind(held: Release | None, new: Release, change: Change | None) -> ReleaseKind:
    if held is None:
        return ReleaseKind.ORDINARY
    old, now = held.manifest, new.manifest
    fixed = (old.epoch, old.screen_width, old.answers_width, old.rules)
    if fixed != (now.epoch, now.screen_width, now.answers_width, now.rules):
        return ReleaseKind.ORDINARY
    answers = change.answers if change else difference(held.answers, new.answers)
    if len(answers.added) or not len(answers.removed):
        return ReleaseKind.ORDINARY
    screen = change.screen if change else difference(held.screen, new.screen)
    return ReleaseKind.ORDINARY if len(screen.added) else ReleaseKind.REMOVAL_ONLY
