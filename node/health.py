"""A finding of `sigfed doctor`, in an agency's home or a partner's, apart from what looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_WORST_FIRST: Final = (Health.FAIL, Health.WARN, Health.OK)


@dataclass(frozen=True, slots=True)
class Check:
    """What `sigfed doctor` found of one thing: its name, how it is, in words, and what to do."""

    name: str
    health: Health
    words: str
    step: str = ""


def worst_first(checks: Iterable[Check]) -> list[Check]:
    """Checks as people go through them: what must be mended, what will have to be, the rest."""
    return sorted(checks, key=lambda check: _WORST_FIRST.index(check.health))
