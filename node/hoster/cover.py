"""Cover: how much is sent to the node, and how often, from numbers that everybody knows, never from what was found.

The node sees counts and moments alone, and they would speak: one request after a release tells that somebody holds
what was just listed. So a batch goes at each *beat*, of a size that follows from how many hashes are held against how
many values; what survived the screen travels in it, and hashes of other files fill it up. What does not fit waits.
Spec: docs/spec/subset.md, section "Cover".
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, sqrt
from typing import Final

from protocol.limits import MAX_EVALUATION_BATCH

BATCH: Final = 64
"""Elements of every request, unless more are to be expected by chance."""
BEAT_MINUTES: Final = 15
"""Between two beats of a daemon, unless its quota is too small for so many."""
UPDATES_PER_DAY: Final = 24
"""As the manual advises, and the daemon does."""
TICK_SECONDS: Final = 0.25
"""Between two batches. What a person does not notice, and a program cannot tell single uploads by."""
_HASHES: Final = 3
"""So many hashes of a file are asked about when one of them survives."""
_DEVIATIONS: Final = 6
_SPARE: Final = 5
_SHARE: Final = 4
"""A batch may take this part of a day's evaluations, beats half of them."""


class Cover(StrEnum):
    """Whether requests are covered."""

    BEAT = "beat"
    OFF = "off"
    """What survives is asked about at once, and nothing else: the node sees when something does, and how much."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the size of batches follows from, beside the number of hashes."""

    cover: Cover
    chance: float
    """With which probability a hash that is not listed survives the screen."""
    evaluations_per_day: int

    def one_batch(self, wanted: int) -> int:
        """Of so many elements those that go in one batch: what the protocol allows, a quarter of the day's quota."""
        share = self.evaluations_per_day // _SHARE // BATCH * BATCH
        return max(BATCH, min(wanted, MAX_EVALUATION_BATCH, share))


def elements(hashes: int, odds: float) -> int:
    """How many elements to send for `hashes`, each of which survives by chance with probability `odds`.

    Enough for what survives by chance, and for some listed files; no more than all of the hashes; a multiple of 64.
    """
    expected = hashes * odds
    enough = ceil(_HASHES * (expected + _DEVIATIONS * sqrt(expected) + _SPARE))
    return BATCH * max(1, ceil(min(hashes, enough) / BATCH))


def beat_minutes(evaluations_per_day: int) -> float:
    """Minutes between two beats of a daemon: half of the quota at most is spent on them."""
    return max(BEAT_MINUTES, 24 * 60 * 2 * BATCH / max(1, evaluations_per_day))


def evaluations(evaluations_per_day: int) -> int:
    """What the cover of a partner costs that has a daemon, at most: evaluations a day."""
    return BATCH * (int(24 * 60 / beat_minutes(evaluations_per_day)) + UPDATES_PER_DAY)


def cover_words(cover: Cover, evaluations_per_day: int) -> str:
    """What is sent beside what people ask about, and what that costs."""
    if cover is Cover.OFF:
        return "cover is off: the node sees when something passes the screen, and how much"
    minutes, most = beat_minutes(evaluations_per_day), evaluations(evaluations_per_day)
    return (
        f"cover: {BATCH} blinded values with each update, and from a daemon every {minutes:.0f} minutes,"
        f" whatever was found: up to {most:,} a day"
    )


async def whole_ticks(begun: float) -> None:
    """Wait until whole ticks have passed since `begun`, by the clock of the event loop.

    Whatever is sent goes on a tick: how long it took to prepare a batch, or to record what it brought, depends on what
    was found, and the node sees moments.
    """
    await asyncio.sleep((begun - asyncio.get_running_loop().time()) % TICK_SECONDS)
