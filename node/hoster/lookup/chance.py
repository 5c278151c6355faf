"""How probable it is that a hash which is not listed has to be asked about: from a release, which everybody holds."""

import numpy as np

from protocol.subset.release import Release
from protocol.subset.rice import blocks_of
from protocol.subset.sets import contains


def chance(release: Release) -> float:
    """With which probability a hash that is not listed survives the screen of a release."""
    width = release.manifest.screen_width
    return len(release.screen) / 2.0**width if width else 1.0


def chance_anew(before: Release | None, after: Release) -> float:
    """With which probability a hash that `before` cleared, or answered for, has to be asked about in `after`.

    Of another epoch every answer is another. A screen that became wider judges by its new values alone; where there is
    none, everything has been asked about.
    """
    if before is None or before.manifest.epoch != after.manifest.epoch:
        return chance(after)
    old, new = before.manifest.screen_width, after.manifest.screen_width
    if old == new == 0:
        return 0.0
    if not 0 < old <= new:
        return chance(after)
    heads = (block >> np.uint64(new - old) for block in blocks_of(after.screen))
    return float(sum(np.count_nonzero(~contains(before.screen, block)) for block in heads)) / 2.0**new
