"""Records of what the guards compare with: known-benign sets, tripwires, and rows that a person let pass.

No digest is in the clear: sets and rows are look-up keys, and a tripwire's digest is sealed.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class BenignSet:
    """A set of hashes of files that are known to be lawful."""

    name: str
    file: str
    """Name of its filter."""
    hashes: int
    """Distinct ones."""
    rows: int
    refused: int
    """Rows of the source that could not be read."""
    added_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripwire:
    """A digest that must never be released."""

    id: int = 0
    key: int
    """Look-up key of the digest."""
    sealed: bytes = field(repr=False)
    """Algorithm and digest."""
    note: str
    """For people: what it is of."""
    added_ms: int
