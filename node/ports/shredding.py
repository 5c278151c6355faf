"""Records and tables of what was shredded: whose openings are to be deleted, and what must not come back.

A tombstone is HMAC-SHA-256(tombstone key, algorithm ‖ digest): whoever holds the database and not the storage key can
test nothing with it, and whoever holds neither digest nor file can read nothing from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


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


class ShreddingTable(Protocol):
    """Shreddings of all held lists."""

    def add(self, shreddings: Sequence[Shredding]) -> None:
        """Record; a position that is recorded already keeps its first record."""
        ...

    def ls(self, log_id: int | None = None) -> Sequence[Shredding]:
        """By list and position, of one list or of all."""
        ...

    def bury(self, shreddings: Sequence[Shredding]) -> None:
        """Note the tombstones of recorded shreddings, before their openings are deleted."""
        ...

    def erased(self, shreddings: Sequence[Shredding], *, now_ms: int) -> None:
        """Note that everything of these was deleted, unless that is known already."""
        ...

    def reopen(self, log_id: int, *, first: int) -> None:
        """Do the deletions from the position `first` on once more."""
        ...


class TombstoneTable(Protocol):
    """Digests that must not come back."""

    def add(self, tombstones: Sequence[Tombstone]) -> None:
        """Keep; one digest once for each list."""
        ...

    def ls(self) -> Sequence[Tombstone]:
        """All of them, by list and position."""
        ...

    def lift(self, mac: bytes) -> int:
        """Forget a digest's tombstones, and who still lists it; returns how many there were."""
        ...

    def note_standing(self, standing: Sequence[Standing]) -> None:
        """Record entries of tombstoned digests in other lists."""
        ...

    def standing(self) -> Sequence[Standing]:
        """All of them, by list and position."""
        ...

    def drop_standing(self, log_id: int, positions: Sequence[int]) -> None:
        """Forget those of a list that were shredded."""
        ...
