"""Records of disclosed look-ups: who may show PDQ values, how many, and how often about one entry.

No value is in them. An entry is named by its look-up key, which nobody without the storage key can make of a hash.
"""

from dataclasses import dataclass

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
