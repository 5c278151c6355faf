"""Which numbers are withheld so that none that is small can be read, nor computed from the others.

A number below the threshold could mean a single case or a single company, so it is withheld; zero is not. A sum that is
shown would give back what is withheld of it: therefore the smallest of the parts that are not small is withheld with
them (and every part as large as that). Parts are treated alike, so whoever knows this rule and everything that is shown
can exchange the withheld parts and still see the same report: each of them may be small or not. Where no part is large
enough, the sum and all parts go. The tests try it with every small table there is. (Complementary cell suppression;
Hundepool et al., Statistical Disclosure Control, chapter 4.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

THRESHOLD: Final = 5
"""Numbers from 1 up to this one are withheld, it not."""


class Hidden(StrEnum):
    """Why there is no number."""

    WITHHELD = "withheld"
    NOT_RECORDED = "not recorded"


Number = int | Hidden
Parts = Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Family:
    """A sum, and the parts that it consists of, in each of several ways to part it."""

    total: Number
    ways: tuple[Parts, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing of it is withheld."""
        numbers = [self.total, *(value for way in self.ways for value in way.values())]
        return Hidden.WITHHELD not in numbers


def alone(value: int) -> Number:
    """A number that is part of no sum."""
    return Hidden.WITHHELD if 0 < value < THRESHOLD else value


def family(*ways: Mapping[str, int], threshold: int = THRESHOLD) -> Family:
    """What may be shown of a sum that is parted in these ways, each with the same sum."""
    total = sum(ways[0].values())
    assert all(sum(way.values()) == total for way in ways), "parts of one sum"
    chosen = [_chosen(way, threshold) for way in ways]
    if total and any(names is None for names in chosen):
        # Another way that were shown would give back the sum, and with it what this one withholds.
        return Family(Hidden.WITHHELD, tuple(_without(way, set(way)) for way in ways))
    return Family(
        total, tuple(_without(way, names or set()) for way, names in zip(ways, chosen, strict=True))
    )


def nothing_known(*ways: Sequence[str]) -> Family:
    """A family of which nothing was recorded."""
    return Family(Hidden.NOT_RECORDED, tuple(dict.fromkeys(way, Hidden.NOT_RECORDED) for way in ways))


def _chosen(way: Mapping[str, int], threshold: int) -> set[str] | None:
    """The parts to withhold; None: the sum cannot be shown."""
    small = {name for name, value in way.items() if 0 < value < threshold}
    if not small:
        return small
    large = [value for value in way.values() if value >= threshold]
    if not large:
        return None
    return small | {name for name, value in way.items() if value == min(large)}


def _without(way: Mapping[str, int], names: set[str]) -> Parts:
    return {name: Hidden.WITHHELD if value and name in names else value for name, value in way.items()}
