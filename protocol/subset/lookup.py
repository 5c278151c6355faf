"""Looking up in a verified release: which files survive the screen, which outputs are hits.

The screen is asked in bulk about every hash of every file, and its misses end there. The answers are asked about
PRF outputs of what survived. With labels, a hit is an answer whose label opens; without them it is confirmed by
the receipt of its report. Spec: docs/spec/subset.md, section "Look-up".
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from protocol.errors import MalformedError, SubsetError
from protocol.subset.answers import equal_range
from protocol.subset.canary import PRESENT
from protocol.subset.label import CANARY_LABEL, Label, open_label, tag
from protocol.subset.release import Release
from protocol.subset.rice import U64Array
from protocol.subset.screen import screen_values, truncate
from protocol.subset.sets import contains
from protocol.subset.widths import ceil_log2

_BULK: Final = 1 << 12
"""From this many values on, what rules most of them out first is worth making."""
_SLICE: Final = 1 << 16
"""Values at a time, so that what is computed on the way stays in the processor's cache."""
_SIEVE_BITS: Final = 6
"""Bits of a sieve for each value: 64, so that one value in 64 passes by chance."""


@dataclass(frozen=True, slots=True)
class Match:
    """An output that met an answer."""

    places: range
    """The answers it met: one, unless truncated tags repeat and no label tells them apart."""
    label: Label | None
    """What was sealed for it; None when the release carries no labels, or the node sealed what is no label."""


class Screening:
    """The screen of one release, asked in bulk: sorted values of `width` bits, 0 where there is no screen."""

    def __init__(self, values: U64Array, width: int) -> None:
        self._values = values
        self._width = width

    def survives(self, values: U64Array) -> NDArray[np.bool_]:
        """Which of these full 64-bit screen values are in the screen; all, when there is no screen."""
        if self._width == 0:
            return np.ones(len(values), dtype=np.bool_)
        cut = truncate(values, self._width)
        return contains(self._values, cut) if len(cut) < _BULK else self._sieve.contains(cut)

    @cached_property
    def _sieve(self) -> "_Sieve":
        return _Sieve(self._values, self._width)


class Lookup:
    """Membership in one release, by numpy search in its sorted values."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._manifest = release.manifest
        self._screening = Screening(release.screen, release.manifest.screen_width)

    def survives(self, values: U64Array) -> NDArray[np.bool_]:
        """As `Screening.survives`."""
        return self._screening.survives(values)

    @property
    def canary_label(self) -> Label | None:
        """The label of a test file in this release; None when it carries no labels."""
        return None if self._release.labels is None else CANARY_LABEL

    def answered(self, tags: U64Array) -> NDArray[np.bool_]:
        """Which of these full 64-bit tags, kept from earlier evaluations of this epoch, meet an answer."""
        return contains(self._release.answers, truncate(tags, self._manifest.answers_width))

    def match(self, outputs: Sequence[bytes]) -> list[Match | None]:
        """For each 64-byte PRF output what it met, in order; None is no hit."""
        tags = np.frombuffer(b"".join(map(tag, outputs)), dtype=">u8").astype(np.uint64)
        met = self.answered(tags)
        return [
            self._judge(output, int(value)) if hit else None
            for output, value, hit in zip(outputs, tags, met, strict=True)
        ]

    def _judge(self, output: bytes, value: int) -> Match | None:
        places = equal_range(self._release.answers, value >> (64 - self._manifest.answers_width))
        if self._release.labels is None:
            return Match(places, None)
        for place in places:
            with suppress(SubsetError):  # another's is what a chance hit or an equal tag looks like
                return Match(range(place, place + 1), self._open(place, output))
        return None

    def _open(self, place: int, output: bytes) -> Label | None:
        """The label at `place`; None for what is none, or names a source that the release does not.

        That it was sealed under this output makes a hit nevertheless: a node whose labels stopped who opens them would
        see who does. Raises `SubsetError` when it is not this output's.
        """
        manifest = self._manifest
        sealed = self._release.label(place)
        try:
            label = open_label(sealed, output=output, subset_id=manifest.subset_id, epoch=manifest.epoch)
            for source in label.sources:
                manifest.source(source.number)
        except MalformedError:
            return None
        return label


class _Sieve:
    """Sorted values of `width` bits, asked about in bulk: a bit for each of their heads rules most questions out."""

    def __init__(self, values: U64Array, width: int) -> None:
        kept = min(width, ceil_log2(len(values)) + _SIEVE_BITS)
        self._values = values
        self._shift = np.uint64(width - kept)
        self._bits = np.zeros(max(1, (1 << kept) // 8), dtype=np.uint8)
        places, bits = _places(values >> self._shift)
        np.bitwise_or.at(self._bits, places, np.left_shift(np.uint8(1), bits))

    def contains(self, wanted: U64Array) -> NDArray[np.bool_]:
        """Which of these are among the values."""
        found = np.empty(len(wanted), dtype=np.bool_)
        for start in range(0, len(wanted), _SLICE):
            found[start : start + _SLICE] = self._contains(wanted[start : start + _SLICE])
        return found

    def _contains(self, wanted: U64Array) -> NDArray[np.bool_]:
        places, bits = _places(wanted >> self._shift)
        found = np.bitwise_and(np.right_shift(self._bits[places], bits), np.uint8(1)).view(np.bool_)
        passed = np.flatnonzero(found)
        found[passed] = contains(self._values, wanted[passed])
        return found


def _places(heads: U64Array) -> tuple[U64Array, NDArray[np.uint8]]:
    """The byte and the bit in it of each head."""
    return heads >> np.uint64(3), (heads & np.uint64(7)).astype(np.uint8)


def check_canaries(lookup: Lookup, outputs: Sequence[bytes]) -> None:
    """Check a whole look-up with the PRF outputs of `CANARIES`; raises `SubsetError` naming what is wrong.

    Catches a node that evaluates with another key than it built its answers with, and a client that would answer
    "no hit" to everything.
    """
    present, absent = lookup.match(outputs)
    if not lookup.survives(screen_values([PRESENT]))[0]:
        raise SubsetError("self-test: the screen misses the test file")
    if present is None:
        raise SubsetError("self-test: the answers miss the test file")
    if present.label != lookup.canary_label:
        raise SubsetError("self-test: the test file has a label of material")
    if absent is not None:
        raise SubsetError("self-test: a file that is on no list is a hit")
