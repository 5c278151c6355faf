"""A finding of `sigfed doctor`, in an agency's home or a partner's, apart from what looks."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What `sigfed doctor` found of one thing: its name, how it is, in words, and what to do."""

    name: str
    health: Health
    words: str
    step: str = ""
