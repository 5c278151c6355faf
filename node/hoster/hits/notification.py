"""Whom a hit was told besides the agency: one value for each, kept with the hit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


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

    def to_fields(self) -> dict[str, str | int]:
        """As they are kept."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "Notification":
        """From what is kept; raises `ValueError`, `KeyError` or `TypeError`."""
        return cls(
            reporter=str(fields["reporter"]),
            destination=str(fields["destination"]),
            progress=str(fields["progress"]),
            reference=str(fields["reference"]),
            told_ms=int(fields["told_ms"]),
            failure=str(fields["failure"]),
        )
