"""Ids that people give by their first digits."""

from collections.abc import Sequence
from typing import Final, TypeVar

from node.errors import NodeError, UsageError

LEAST_DIGITS: Final = 4
SHORT: Final = 8
"""Digits of an id that people are shown: enough among those of one partner."""
_T = TypeVar("_T")


def typed_digits(text: str) -> str:
    """The hex digits that an id must begin with; raises `UsageError` for too few."""
    digits = text.lower().replace("-", "")
    if len(digits) < LEAST_DIGITS:
        raise UsageError("an id is given by {least} or more of its digits", LEAST_DIGITS)
    return digits


def only_one(found: Sequence[_T], none: NodeError, *, of_partners: bool = False) -> _T:
    """What was found, where it is one; raises `none` for nothing, `UsageError` for several.

    `of_partners`: the partner may be named before the id.
    """
    if len(found) > 1 and of_partners:
        raise UsageError("{count} ids begin with that", len(found), hint="give more digits, or PARTNER/ID")
    if len(found) > 1:
        raise UsageError("{count} ids begin with that", len(found), hint="give more digits")
    if not found:
        raise none
    return found[0]
