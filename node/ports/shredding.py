"""Records of what was shredded: whose openings are to be deleted, and what must not come back.

A tombstone is HMAC-SHA-256(tombstone key, algorithm ‖ digest): whoever holds the database and not the storage key can
test nothing with it, and whoever holds neither digest nor file can read nothing from it.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredding:
    """An event of a held list that asks to delete the opening of an earlier one."""

    log_id: int
    position: int
    """Of the add or dispute whose opening is deleted."""
    by: int
    """Position of the withdraw or resolve that carries SHRED; of an own list it may still wait for publication."""
    mac: bytes | None = field(default=None, repr=False)
    """Tombstone of the digest; None before the deletion, and where its opening was never held."""
    erased_ms: int | None = None
    """When everything of it had been deleted here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A digest that was shredded in a list, as far as that can be known without knowing the digest."""

    mac: bytes = field(repr=False)
    log_id: int
    by: int
    """Position of the event that shredded it."""
    leaf_hash: bytes
    """Of that event: how others name it in `reaffirms`."""
    blocks: bool
    """Whether it was withdrawn as an error, which blocks it in other lists."""
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An entry or dispute of a tombstoned digest in another list: its owner is to shred or reaffirm it."""

    mac: bytes = field(repr=False)
    log_id: int
    position: int
