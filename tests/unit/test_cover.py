"""How much cover there is: from public numbers alone, enough for chance, and no more than the quota bears."""

from dataclasses import replace

import numpy as np
import pytest

from node.hoster.cover import BATCH, Cover, Pace, beat_minutes, cover_words, elements, evaluations
from node.hoster.lookup.chance import chance, chance_anew
from protocol.limits import MAX_EVALUATION_BATCH
from protocol.subset.release import Release
from protocol.tlog.merkle import EMPTY_ROOT
from support.scanning_alone import list_of


@pytest.mark.parametrize(
    ("hashes", "odds", "expected"),
    [
        (0, 0.5, 64),  # as much as if there were something
        (3, 2.0**-12, 64),
        (1_200, 2.0**-12, 64),
        (3_000_000, 2.0**-12, 2_752),
        (3_000_000, 0.0, 64),
        (1_000, 1.0, 1_024),  # without a screen all of them are asked about, and no more
        (100, 0.5, 128),
    ],
)
def test_the_size_follows_from_the_number_of_hashes(hashes: int, odds: float, expected: int) -> None:
    assert elements(hashes, odds) == expected


@pytest.mark.parametrize(
    ("wanted", "per_day", "expected"),
    [
        (64, 16_384, 64),
        (2_752, 16_384, 2_752),
        (9_024, 16_384, MAX_EVALUATION_BATCH),
        (9_024, 1_000_000, MAX_EVALUATION_BATCH),
        (9_024, 8_192, 2_048),
        (9_024, 100, BATCH),
    ],
)
def test_one_batch_leaves_of_the_quota(wanted: int, per_day: int, expected: int) -> None:
    assert Pace(Cover.BEAT, 0.5, per_day).one_batch(wanted) == expected


@pytest.mark.parametrize(
    ("per_day", "minutes", "cost"),
    [(16_384, 15, 7_680), (1_000_000, 15, 7_680), (8_192, 22.5, 5_632), (0, 184_320, 1_536)],
)
def test_beats_take_half_of_the_quota_at_most(per_day: int, minutes: float, cost: int) -> None:
    assert beat_minutes(per_day) == minutes
    assert evaluations(per_day) == cost
    assert BATCH * 24 * 60 / beat_minutes(per_day) <= max(per_day / 2, 1)


def test_the_price_is_said() -> None:
    assert "up to 7,680 a day" in cover_words(Cover.BEAT, 16_384)
    assert "off" in cover_words(Cover.OFF, 16_384)


def _release(values: list[int], width: int, *, epoch: int = 1) -> Release:
    held = list_of(np.array(values, dtype=np.uint64), width)
    return replace(held.release, manifest=replace(held.release.manifest, epoch=epoch))


_BEFORE = _release([1, 2, 8], 4)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, _BEFORE, 3 / 16),
        (_BEFORE, _BEFORE, 0),
        (_BEFORE, _release([1, 8], 4), 0),
        (_BEFORE, _release([1, 3, 4, 8], 4), 2 / 16),
        (_BEFORE, _release([2, 3, 4, 16], 5), 0),  # wider, and below the same values as before
        (_BEFORE, _release([2, 3, 4, 18], 5), 1 / 32),
        (_BEFORE, _release([0, 1], 3), 2 / 8),  # narrower: more passes by chance
        (_BEFORE, _release([1, 2, 8], 4, epoch=2), 3 / 16),
    ],
)
def test_what_a_release_asks_anew(before: Release | None, after: Release, expected: float) -> None:
    assert chance_anew(before, after) == expected


def test_without_a_screen_all_is_asked_about_once() -> None:
    held = list_of(np.array([1], dtype=np.uint64), 4).release
    plain = replace(
        held,
        screen=held.screen[:0],
        manifest=replace(held.manifest, screen_width=0, screen_count=0, screen_root=EMPTY_ROOT),
    )
    assert (chance(plain), chance_anew(plain, plain), chance_anew(held, plain)) == (1, 0, 1)
