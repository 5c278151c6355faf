"""What a partner can infer offline from a release about 100 000 known hashes: the stated budget, and no more.

The budget is stated in docs/reference/releases.md, "How much a release tells", and docs/spec/subset.md, "Screen": a
pass multiplies the odds that a hash is listed by 2^width / count of the screen, which is at most 2^(screen_bits + 1); a
miss is certain; answers, labels, manifest and deltas add nothing. Each measure is also shown to notice a release that
tells more.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha512

import numpy as np
import pytest

from protocol.digest import Digest
from protocol.errors import SubsetError
from protocol.subset.deltas.values import encode_delta
from protocol.subset.exclusions import exclusions_hash
from protocol.subset.files import Held, read_release
from protocol.subset.label import LABEL_BYTES, Label, LabelSource, open_label, seal_label
from protocol.subset.lookup import Lookup
from protocol.subset.manifest import Manifest
from protocol.subset.release import Release
from protocol.subset.widths import screen_width
from support.answers import build_answers
from support.digest_search import DigestSearch
from support.known_world import (
    EXCLUDED,
    GONE,
    SALT,
    Hashes,
    added,
    all_outputs,
    files_of,
    first_release,
    hashes,
    index_of,
    listed,
    release_of,
    second_release,
    unlisted,
)
from support.offline_attack import (
    GUESSES,
    SLOW,
    guessed_tags,
    is_chance,
    meetings,
    odds_of_a_pass,
    open_with,
    passing,
)
from support.subsets import SUBSET, build_screen

BUDGETS = (8, 12, 16)


@cache
def received(release: Release) -> Release:
    """The release as the attacker has it: read from manifest and files."""
    return read_release(Manifest.from_bytes(release.manifest.to_bytes()), files_of(release))


# ------------------------------------------------------------------ screen


def test_a_hundred_thousand_hashes_half_of_them_listed() -> None:
    assert len(listed().all) == len(unlisted().all) == 50_000
    assert len({*listed().all, *unlisted().all}) == 100_000


@pytest.mark.threat("offline inference")
@pytest.mark.parametrize("screen_bits", BUDGETS)
def test_a_pass_tells_the_budget_and_no_more(screen_bits: int) -> None:
    release = received(first_release(screen_bits))
    assert passing(release, listed().screened) == len(listed().screened)
    odds = odds_of_a_pass(release)
    assert 2**screen_bits <= odds <= 2 ** (screen_bits + 1)
    assert is_chance(passing(release, unlisted().screened), expected=len(unlisted().screened) / odds)


@pytest.mark.parametrize("screen_bits", BUDGETS)
def test_hashes_that_are_not_screened_pass_as_unlisted_ones_do(screen_bits: int) -> None:
    release = received(first_release(screen_bits))
    expected = len(listed().siblings) / odds_of_a_pass(release)
    assert is_chance(passing(release, listed().siblings), expected=expected)
    assert is_chance(passing(release, unlisted().siblings), expected=expected)


@pytest.mark.parametrize("count", [2**14 - 1, 2**14, 2**14 + 1, 3 * 2**13])
@pytest.mark.parametrize("screen_bits", BUDGETS)
def test_the_budget_holds_for_every_length_of_a_list(count: int, screen_bits: int) -> None:
    width = screen_width(count, screen_bits)
    screen = build_screen(hashes("any", files=0, loners=count).loners, width)
    odds = (1 << width) / len(screen)
    # Values that two digests share count once: at the edge, a share of 2^-(screen_bits + 2) beyond the round number.
    assert 2**screen_bits <= odds <= 2 ** (screen_bits + 1) * (1 + 2.0**-screen_bits)


def test_without_a_screen_everything_passes() -> None:
    release = received(release_of(Hashes([], [], listed().loners[:10]), screen_bits=0))
    assert passing(release, unlisted().all) == len(unlisted().all)


@pytest.mark.threat("offline inference")
def test_a_screen_beyond_the_budget_is_noticed() -> None:
    release = first_release(8)
    width = release.manifest.screen_width + 2
    wide = build_screen(listed().screened, width)
    assert (
        odds_of_a_pass(replace(release, screen=wide, manifest=replace(release.manifest, screen_width=width)))
        > 2**9
    )
    everything = replace(release, screen=build_screen(listed().all, release.manifest.screen_width))
    expected = len(listed().siblings) / odds_of_a_pass(everything)
    assert not is_chance(passing(everything, listed().siblings), expected=expected)


# ------------------------------------------------------------------ answers


def _noticed(release: Release, name: str, digests: Sequence[Digest]) -> bool:
    """Whether a guess meets answers more often, or more rarely, than chance: whole, in its first or its last bits."""
    tags = guessed_tags(GUESSES[name], release.manifest, digests)
    if Lookup(release).answered(tags).any():
        return True
    parts = [meetings(release, tags, bits=bits, last=last) for bits in (20, 26) for last in (False, True)]
    return any(not is_chance(part.count, expected=part.expected) for part in parts)


@pytest.mark.threat("offline inference")
@pytest.mark.parametrize("name", GUESSES)
def test_answers_have_nothing_to_do_with_what_can_be_computed(name: str) -> None:
    release = received(first_release(12))
    some = slice(0, None, 25 if name in SLOW else 1)
    assert not _noticed(release, name, listed().all[some])
    assert not _noticed(release, name, unlisted().all[some])


@pytest.mark.parametrize("name", GUESSES)
def test_answers_that_could_be_computed_would_be_noticed(name: str) -> None:
    release, some = first_release(12), listed().all[::50]
    outputs = [GUESSES[name](release.manifest, digest) for digest in some]
    computed = build_answers(outputs, release.manifest.answers_width)
    assert _noticed(replace(release, answers=computed.values), name, some)


@pytest.mark.parametrize("last", [False, True], ids=["first bits", "last bits"])
def test_answers_that_could_be_computed_in_part_would_be_noticed(last: bool) -> None:
    release, width = first_release(12), first_release(12).manifest.answers_width
    tags = guessed_tags(GUESSES["SHA-512 of the input"], release.manifest, listed().all) >> np.uint64(
        64 - width
    )
    own = np.uint64((1 << 24) - 1 if last else ((1 << 24) - 1) << (width - 24))
    half = np.sort(tags & own | release.answers[: len(tags)] & ~own)
    assert _noticed(replace(release, answers=half), "SHA-512 of the input", listed().all)


def test_answers_are_spread_evenly() -> None:
    release = received(first_release(12))
    counts = np.bincount((release.answers >> np.uint64(release.manifest.answers_width - 8)).astype(np.int64))
    expected = len(release.answers) / 256
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert abs(chi_square - 255) < 6 * np.sqrt(2 * 255)


# ------------------------------------------------------------------ labels


def _place(release: Release, digest: Digest) -> int:
    """Where a listed digest's label is: nobody could tell the attacker but the node."""
    (match,) = Lookup(release).match([all_outputs()[digest]])
    assert match is not None
    return match.places[0]


@pytest.mark.threat("offline inference")
@pytest.mark.parametrize("name", GUESSES)
def test_labels_do_not_open_with_what_can_be_computed_even_at_their_place(name: str) -> None:
    release = received(first_release(12))
    for digest in listed().all[::500]:
        sealed, guess = release.label(_place(release, digest)), GUESSES[name](release.manifest, digest)
        for output in (guess, all_outputs()[digest][:8] + guess[8:]):  # with the right tag, too
            with pytest.raises(SubsetError):
                open_with(output, sealed, release.manifest)


def test_labels_that_could_be_opened_would_be_noticed() -> None:
    release, digest = first_release(12), listed().loners[0]
    label = Label(1, (LabelSource(0, index_of(digest)), LabelSource(1, index_of(digest))))
    assert open_with(all_outputs()[digest], release.label(_place(release, digest)), release.manifest) == label
    for guess in GUESSES.values():
        output = guess(release.manifest, digest)
        sealed = seal_label(output, subset_id=SUBSET, epoch=1, label=label.to_bytes())
        assert open_with(output, sealed, release.manifest) == label


def test_labels_look_like_chance() -> None:
    release = received(first_release(12))
    assert release.labels is not None
    rows = np.frombuffer(bytes(release.labels), dtype=f"V{LABEL_BYTES}")
    assert len(np.unique(rows)) == len(release.answers)  # thousands seal the same text
    counts = np.bincount(np.frombuffer(bytes(release.labels), dtype=np.uint8), minlength=256)
    expected = len(release.labels) / 256
    assert abs(float(((counts - expected) ** 2 / expected).sum()) - 255) < 6 * np.sqrt(2 * 255)


# ------------------------------------------------------------------ manifest, and all files together


def test_no_known_hash_is_in_any_file_or_the_manifest() -> None:
    release, held = second_release(), Held(1, first_release(12))
    places = {
        f"{name} {part}": bytes(data)
        for name, files in {"whole": files_of(release), "delta": files_of(release, held)}.items()
        for part, data in (("screen", files.screen), ("answers", files.answers), ("labels", files.labels))
        if data is not None
    }
    places["manifest"] = release.manifest.to_bytes()
    search = DigestSearch(digest.value for digest in [*listed().all, *added().all, EXCLUDED])
    assert search.sightings_in(places) == []
    planted = places["whole labels"] + listed().siblings[7].value + places["manifest"]
    assert [found.digest for found in search.sightings(planted, "planted")] == [listed().siblings[7].value]


def test_a_manifest_tells_no_more_than_counts_and_roots_of_files_at_hand() -> None:
    """Two lists of the same shape without a hash in common have the same manifest, but for these roots."""
    few, others = (
        Hashes(world.leading[:100], world.siblings[:100], world.loners[:50]) for world in (listed(), added())
    )
    one, other = release_of(few).manifest, release_of(others).manifest
    assert one.screen_root != other.screen_root
    assert other == replace(
        one, screen_root=other.screen_root, answers_root=other.answers_root, labels_root=other.labels_root
    )


def test_exclusions_cannot_be_tested_without_their_salt() -> None:
    committed = first_release(12).manifest.rules.exclusions
    assert committed == exclusions_hash(SALT, [EXCLUDED])
    for salt in (bytes(32), SUBSET * 2, first_release(12).manifest.pk, sha512(SUBSET).digest()[:32]):
        assert committed != exclusions_hash(salt, [EXCLUDED])


# ------------------------------------------------------------------ deltas


@pytest.mark.threat("offline inference")
def test_a_delta_tells_no_more_than_its_two_releases() -> None:
    old, new = received(first_release(12)), received(second_release())
    files = files_of(second_release(), Held(1, first_release(12)))
    assert files.screen[8:] == encode_delta(old.screen, new.screen, new.manifest.screen_width)
    assert files.answers[8:] == encode_delta(old.answers, new.answers, new.manifest.answers_width)


def test_two_releases_tell_how_many_came_and_went_and_which_screen_values() -> None:
    old, new = received(first_release(12)), received(second_release())
    came, went = np.setdiff1d(new.screen, old.screen), np.setdiff1d(old.screen, new.screen)
    answers = np.setdiff1d(new.answers, old.answers), np.setdiff1d(old.answers, new.answers)
    assert (len(came), len(went)) == (len(added().screened), GONE)
    assert [len(values) for values in answers] == [len(added().all), GONE]
    assert 2**12 <= odds_of_a_pass(new) <= 2**13  # the question "is it listed" gets no more from the second

    only_new = replace(new, screen=came)
    assert passing(only_new, added().screened) == len(added().screened)
    odds = odds_of_a_pass(only_new)
    assert odds == 2**new.manifest.screen_width / len(came)  # "is it new": fewer values, greater odds
    for strangers in (unlisted().screened, listed().screened, added().siblings):
        assert is_chance(passing(only_new, strangers), expected=len(strangers) / odds)


@pytest.mark.parametrize("name", sorted(GUESSES.keys() - SLOW))
def test_new_answers_have_nothing_to_do_with_what_can_be_computed(name: str) -> None:
    old, new = received(first_release(12)), received(second_release())
    fresh = replace(new, answers=np.setdiff1d(new.answers, old.answers))
    assert not _noticed(fresh, name, added().all)


def test_labels_that_stay_do_not_change() -> None:
    old, new = received(first_release(12)), received(second_release())
    for digest in (listed().leading[0], listed().siblings[1], listed().loners[-1]):
        assert old.label(_place(old, digest)) == new.label(_place(new, digest))
        with pytest.raises(SubsetError):
            open_label(
                new.label(_place(new, digest)), output=all_outputs()[digest], subset_id=SUBSET, epoch=2
            )
