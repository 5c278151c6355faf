"""From the quorum's decision to a release: filter, labels, screen, kind; the outputs are made up."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256, sha512

import numpy as np
import pytest

from node.subsets.compose import Chosen, Terms, choose, is_same
from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import Support, decide
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis, Ext
from protocol.subset.canary import ABSENT, PRESENT
from protocol.subset.filter import EXACT, SubsetFilter
from protocol.subset.label import CANARY_LABEL, Label, LabelSource, open_label
from protocol.subset.manifest import ReleaseKind, RuleHashes
from protocol.subset.release import Release
from protocol.subset.sources import SourceCheckpoint
from support.answers import compose_whole
from support.lists import OWN, ListWriter, digest, held, member, register
from support.selected import select_screened
from support.subsets import build_screen

FR, NL, ICSE = "fr.example", "nl.example", "icse.example"
HASH = sha256(b"any").digest()
SUBSET_ID = b"s" * 16
FILTER = SubsetFilter(
    collections=frozenset({BASELINE, NATIONAL}), algorithms=EXACT, screen_bits=12, labels=True
)
TERMS = Terms(
    subset_id=SUBSET_ID,
    epoch=1,
    pk=b"p" * 32,
    filter=FILTER,
    k=2,
    sources=tuple(
        SourceCheckpoint(number=number, origin=f"{node}/lists/main", size=99, root=HASH)
        for number, node in enumerate((FR, NL, ICSE))
    ),
    rules=RuleHashes(
        members=HASH, filter=FILTER.sha256(), criteria=HASH, witness_policy=HASH, exclusions=HASH
    ),
    not_after_ms=1_800_000_000_000,
)
ONE_FILE = Ext(criteria=1, basis=Basis.OWN, content_id=b"c" * 16)


class Federation:
    """Three members' lists: two countries, and an authority that has a country of its own or none."""

    def __init__(self, *, country: str | None = None) -> None:
        self.fr, self.nl, self.icse = (ListWriter(f"{node}/lists/main") for node in (FR, NL, ICSE))
        self._register = register(
            member(FR, "FR"), member(NL, "NL"), member(ICSE, country, authority_for=[BASELINE])
        )

    def both(self, *names: str, ext: Ext = OWN, collection: int = BASELINE) -> None:
        for writer in (self.fr, self.nl):
            for name in names:
                writer.add(digest(name), ext, collection=collection)

    def lists(self) -> list[MemberListing]:
        return [held(FR, self.fr), held(NL, self.nl), held(ICSE, self.icse)]

    def supports(self) -> Mapping[tuple[int, Digest], Support]:
        return decide(self.lists(), self._register).effective

    def release(self, *, before: Release | None = None, terms: Terms = TERMS) -> Release:
        chosen = choose(self.supports(), terms.filter)
        supports = {each: found.supports for each, found in chosen.items()}
        screened = select_screened(supports, self.lists(), terms.k).screened
        outputs = {each: output(each) for each in (PRESENT, *chosen)}
        return compose_whole(terms, chosen, outputs, screened=screened, held=before)


def output(each: Digest) -> bytes:
    return sha512(bytes([each.algorithm]) + each.value).digest()


def label_of(release: Release, each: Digest) -> Label:
    tags = np.frombuffer(output(each)[:8], dtype=">u8").astype(np.uint64)
    value = tags[0] >> np.uint64(64 - release.manifest.answers_width)
    place = int(np.searchsorted(release.answers, value))
    return open_label(release.label(place), output=output(each), subset_id=SUBSET_ID, epoch=1)


def test_a_label_names_the_lowest_collection_and_one_entry_a_country() -> None:
    world = Federation()
    world.both("x", "a", collection=NATIONAL)
    world.both("a", "a")
    release = world.release()
    assert label_of(release, digest("a")) == Label(BASELINE, (LabelSource(0, 2), LabelSource(1, 2)))
    assert label_of(release, digest("x")) == Label(NATIONAL, (LabelSource(0, 0), LabelSource(1, 0)))
    assert label_of(release, PRESENT) == CANARY_LABEL


@pytest.mark.parametrize("country", [None, "BE"], ids=["of no country", "with a country"])
def test_an_authority_alone_backs_a_label(country: str | None) -> None:
    world = Federation(country=country)
    world.icse.add(digest("x"))
    world.icse.add(digest("a"))
    assert label_of(world.release(), digest("a")) == Label(BASELINE, (LabelSource(2, 1),))


def test_an_authority_with_a_country_is_one_of_k() -> None:
    world = Federation(country="BE")
    world.nl.add(digest("a"))
    world.icse.add(digest("a"))
    assert label_of(world.release(), digest("a")) == Label(BASELINE, (LabelSource(1, 0), LabelSource(2, 0)))


def test_the_filter_decides_and_canaries_are_never_chosen() -> None:
    world = Federation()
    world.both("a")
    world.both("n", collection=NATIONAL)
    for writer in (world.fr, world.nl):
        writer.add(digest("p", Algorithm.PDQ))
        writer.add(PRESENT)
        writer.add(ABSENT)
    baseline = replace(TERMS.filter, collections=frozenset({BASELINE}))
    assert choose(world.supports(), baseline).keys() == {digest("a")}
    chosen = choose(world.supports(), TERMS.filter)
    assert list(chosen) == sorted([digest("a"), digest("n")])
    assert chosen[digest("n")].collections == (NATIONAL,)
    assert isinstance(chosen[digest("n")], Chosen)


def file_of(world: Federation) -> None:
    for writer in (world.fr, world.nl):
        for algorithm in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256):
            writer.add(digest("a", algorithm), ONE_FILE)


def test_one_digest_a_file_is_screened() -> None:
    world = Federation()
    file_of(world)
    release = world.release()
    expected = build_screen([PRESENT, digest("a", Algorithm.MD5)], release.manifest.screen_width)
    assert np.array_equal(release.screen, expected)
    assert release.manifest.answers_count == 4


def test_a_removal_that_screens_another_digest_is_not_removal_only() -> None:
    world = Federation()
    file_of(world)
    world.both("b", "c")
    before = world.release()
    _, _, sha256_entry = [
        entry for entry in world.nl.listing().entries.values() if entry.ext.content_id is not None
    ]
    world.nl.withdraw(sha256_entry.ref)  # it was not screened
    only_less = world.release(before=before)
    assert only_less.manifest.kind is ReleaseKind.REMOVAL_ONLY
    world.nl.withdraw(next(iter(world.nl.listing().entries.values())).ref)  # MD5, which led to SHA-1
    assert world.release(before=only_less).manifest.kind is ReleaseKind.ORDINARY


def test_what_only_lost_entries_under_other_rules_is_ordinary() -> None:
    world = Federation()
    world.both("a", "b", "c")
    before = world.release()
    world.nl.withdraw(next(iter(world.nl.listing().entries.values())).ref)
    assert world.release(before=before).manifest.kind is ReleaseKind.REMOVAL_ONLY
    other = replace(TERMS, rules=replace(TERMS.rules, members=bytes(32)))
    assert world.release(before=before, terms=other).manifest.kind is ReleaseKind.ORDINARY


def test_only_sources_and_times_may_differ_in_the_same() -> None:
    world = Federation()
    world.both("a", "b")
    before = world.release()
    moved = tuple(replace(source, size=100, root=bytes(32)) for source in TERMS.sources)
    later = replace(TERMS, sources=moved, not_after_ms=TERMS.not_after_ms + 1)
    assert is_same(before, world.release(before=before, terms=later))
    world.both("c")
    assert not is_same(before, world.release(before=before))


def test_a_new_epoch_starts_with_a_snapshots_width_of_answers() -> None:
    world = Federation()
    world.both("a", "b", "c", "d")
    before = world.release()
    for entry in list(world.nl.listing().entries.values())[:2]:
        world.nl.withdraw(entry.ref)
    assert before.manifest.answers_width == 35
    assert world.release(before=before).manifest.answers_width == 35
    assert world.release(before=before, terms=replace(TERMS, epoch=2)).manifest.answers_width == 34


def test_the_same_is_composed_byte_for_byte() -> None:
    world, again = Federation(), Federation()
    for each in (world, again):
        each.both("a", "b", "c")
    first, second = world.release(), again.release()
    assert first.manifest.to_bytes() == second.manifest.to_bytes()
    assert first.labels == second.labels
