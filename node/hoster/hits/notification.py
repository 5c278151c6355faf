"""Whom a hit was told besides the agency: one value for each, kept with the hit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """How far one other side was told of a hit."""

    reporter: str
    """Name of the entry in `partner.toml`."""
    destination: str
    """Whom that one told: a test system that was told says nothing about the other one."""
    progress: str = ""
    """What the reporter remembers between two attempts."""
    reference: str = ""
    """The other side's number; empty: not told yet."""
    told_ms: int = 0
    failure: str = ""
    """Why the last attempt failed, in words; empty when it did not."""
