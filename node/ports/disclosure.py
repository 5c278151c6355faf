"""Records and tables of disclosed look-ups: who may show PDQ values, how many, and how often about one entry.

No value is in them. An entry is named by its look-up key, which nobody without the storage key can make of a hash.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.ports.partners import Allowance


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureRecord:
    """What a partner may show, and what it has shown."""

    partner: str
    values_per_day: int
    """0: none any more."""
    allowance: Allowance
    asked: int = 0
    """Values shown, since the beginning."""
    met: int = 0
    """Those of them that were near an entry."""
    stopped_ms: int | None = None
    """Since when it waits for a person, because too many values were about one entry; None: it does not."""


class DisclosureTable(Protocol):
    """Disclosed look-ups of all partners."""

    def find(self, partner: str) -> DisclosureRecord | None:
        """That of a partner; None: it was never allowed any."""
        ...

    def lock(self, partner: str) -> DisclosureRecord | None:
        """As `find`, and nobody else changes it until this transaction, which is one that writes, ends."""
        ...

    def put(self, record: DisclosureRecord) -> None:
        """Keep what a partner may show and has shown, in place of what was kept."""
        ...

    def count_about(self, partner: str, entries: Collection[int]) -> int:
        """Count one more value about each of these entries, by their look-up keys; gives the highest count."""
        ...

    def stopped(self) -> Sequence[str]:
        """Partners that wait for a person, by name."""
        ...

    def forget_about(self, partner: str) -> None:
        """Count anew: a person looked."""
        ...
