"""What a release takes away from an earlier one, applied alone: for a head that too few witnesses stand behind.

Only answers are taken: the screen is a filter before them, and a file whose answers are gone is no hit whatever it
passes. So nothing that a log's key alone has signed can make a hit, and a withdrawal need not wait for witnesses.
Spec: docs/spec/subset.md, "Witnesses".
"""

from dataclasses import replace
from typing import Final

import numpy as np

from protocol import limits
from protocol.errors import SubsetError
from protocol.subset.deltas.values import NOTHING, align
from protocol.subset.manifest import Manifest
from protocol.subset.release import Release
from protocol.subset.rice import U64Array

NOTHING_GONE: Final = NOTHING


def removal_cap(answers: int) -> int:
    """How many of `answers`, those of a release that witnesses stand behind, may go without them, in all."""
    return max(limits.UNWITNESSED_REMOVALS_LEAST, answers // limits.UNWITNESSED_REMOVALS_SHARE)


def answers_gone(held: Release, offered: Manifest, answers: U64Array) -> U64Array:
    """Places of the held answers that are not among `answers`, those of the manifest `offered`.

    Of equal answers all are gone when one is: which of them stays cannot be told without labels. Raises `SubsetError`
    for answers of another epoch or width, which cannot be compared.
    """
    if (held.manifest.epoch, held.manifest.answers_width) != (offered.epoch, offered.answers_width):
        raise SubsetError("manifest: another epoch or width than the answers held")
    removed = held.answers[align(held.answers, answers).removed]
    return _places_of(removed, held.answers)


def same_answers(gone: U64Array, held: Release, new: Release) -> U64Array:
    """Places in `new` of the answers that are gone from `held`; none in another epoch, where no answer is the same."""
    if (held.manifest.epoch, held.manifest.answers_width) != (new.manifest.epoch, new.manifest.answers_width):
        return NOTHING_GONE
    return _places_of(held.answers[gone], new.answers)


def joined(one: U64Array, other: U64Array) -> U64Array:
    """The places in either."""
    return np.union1d(one, other).astype(np.uint64)


def without_answers(release: Release, gone: U64Array) -> Release:
    """The release without the answers at these places, under its own manifest.

    Raises `SubsetError` for places that it does not have.
    """
    if len(gone) == 0:
        return release
    if int(gone.max()) >= len(release.answers):
        raise SubsetError("gone: a place that the release does not have")
    stays = np.ones(len(release.answers), dtype=bool)
    stays[gone] = False
    return replace(release, answers=release.answers[stays], gone=np.unique(gone))


def _places_of(some: U64Array, values: U64Array) -> U64Array:
    """All places of these values in sorted `values`."""
    wanted = np.unique(some)
    first = np.searchsorted(values, wanted, side="left")
    counts = np.searchsorted(values, wanted, side="right") - first
    before = np.cumsum(counts) - counts
    return (np.repeat(first - before, counts) + np.arange(counts.sum())).astype(np.uint64)
