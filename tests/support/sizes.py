"""How much a run tries: quick, for every change; `HYPOTHESIS_PROFILE=thorough` is for what takes minutes."""

import os
from typing import Final, TypeVar

Size = TypeVar("Size")
THOROUGH: Final = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def size(*, quick: Size, thorough: Size) -> Size:
    """What this run takes of two sizes (how many cases, seconds, rounds): the same claim, tried less or more."""
    return thorough if THOROUGH else quick
