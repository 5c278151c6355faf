"""Numbers of a transparency report as people read them."""

from collections.abc import Mapping
from typing import Final

from node.transparency.counts import FALSE_POSITIVE, IN_TIME, LATER, NOT_TOLD, WAITING
from node.transparency.suppression import Hidden, Number

_LABELS: Final[Mapping[str, str]] = {
    IN_TIME: "removed, disabled or preserved within 24 hours",
    LATER: "removed, disabled or preserved later",
    FALSE_POSITIVE: "not what the list says, by the partner's word",
    NOT_TOLD: "not told",
    WAITING: "not answered yet",
}


def label(name: str) -> str:
    """What a part of a sum is called."""
    return _LABELS.get(name, name)


def in_words(number: Number) -> str:
    """The number, or why there is none."""
    return number.value if isinstance(number, Hidden) else f"{number:,}"


def percent(share: float | None) -> str:
    """A share in percent, rounded down: 99.96 % is not all."""
    return "not told" if share is None else f"{int(share * 1000) / 10:g} %"
