"""Records of logs and of what is known of their entries: heads, look-up index, waiting changes, guards, shreddings.

A head moves only by compare-and-swap: `ConflictError` tells the loser. A pending head is never replaced: it is
finished, or it stands.

A look-up key is the first eight bytes of HMAC-SHA-256(index key, algorithm ‖ digest) as a signed integer. Two digests
may share one (about 3e-8 in a million); whoever acts on a hit compares the digest in the opening.

No digest is in the clear: the guards' sets and rows are look-up keys, and a tripwire's digest is sealed.

A tombstone is HMAC-SHA-256(tombstone key, algorithm ‖ digest): whoever holds the database and not the storage key can
test nothing with it, and whoever holds neither digest nor file can read nothing from it.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

FORKED: Final = "log"
"""Kind of the quarantine record that stops a whole log."""
FLOOD: Final = "flood"
"""Kind of those of entries that partners report far more often than others (`node.partners.hits.floods`)."""


class LogKind(StrEnum):
    """Whose log it is, and what it holds."""

    OWN_LIST = "own_list"
    PEER_LIST = "peer_list"
    OWN_RELEASES = "own_releases"
    OWN_AUDIT = "own_audit"
    PEER_RELEASES = "peer_releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A state of a log: what its checkpoint says, and what is needed to go on from it."""

    size: int
    root: bytes
    frontier: bytes
    """`CompactRange.to_bytes()` at `size`."""
    time_ms: int
    """Time of the newest event; 0 for an empty log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One log as the catalogue knows it."""

    id: int
    origin: str
    kind: LogKind
    node: str
    """Name of the node that writes it."""
    name: str
    """Last part of the origin."""
    head: Head
    note: bytes | None
    """Signed note of `head`; None before the first publication or pull."""
    pending: Head | None
    """Committed and not yet signed or not yet stored whole; never replaced."""
    pending_note: bytes | None
    """The note of `pending`, where it came signed (a peer's log)."""
    tail: int
    """Events including those still waiting to be published: the position the next one gets."""
    checked_ms: int
    """When a peer's head was last seen to be the newest (or was published, for an own log)."""
    reopened: int
    """How often older events were opened: what the list says can change while its head stands."""
    touched: int = 0
    """Up to which position `touch` has what the events say; less than the head where an older version wrote it."""


@dataclass(frozen=True, slots=True)
class IndexHit:
    """One add or dispute whose digest has the key."""

    key: int
    log_id: int
    position: int
    collection: int
    """Negated for a dispute, which lists nothing: an entry and an objection must never be taken for each other."""
    ended: int | None
    """Position of the withdraw or resolve that ended it."""


class Reach(IntEnum):
    """Which judgements need an event."""

    ITS_ENTRY = 0
    """Those of the entry or dispute that it is about."""
    CONTINUED = 1
    """All, in a list that continues a log: it may take a block of that log back."""
    ALL = 2
    """All: it blocks, or it says which log the list continues."""


class Touch(NamedTuple):
    """One event that says something of another one, or of other lists. A named tuple: a pull may bring many."""

    ref: int
    """Position of what it is about: of itself, when it refers to no other."""
    position: int
    op: int
    reach: Reach


class FileRun(NamedTuple):
    """Neighbouring adds of one file. A named tuple: a pull brings many."""

    file: int
    """Keyed hash of the content id."""
    first: int
    last: int

    def places_in(self, other: "FileRun") -> range:
        """Those of its places that another run has, too."""
        same = self.file == other.file
        return range(max(self.first, other.first), min(self.last, other.last) + 1) if same else range(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A sealed object with `count` items for the positions from `first` on."""

    first: int
    count: int
    object: str
    """Name in the object store."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """Events `first` … `last` of one kind in a log, or one refused import row (`first` is then its line)."""

    id: int = 0
    log_id: int
    kind: str
    """`add`, `withdraw`, `dispute` or `row`; `log` for a whole log that stands still; `flood` for an entry that is
    listed, and that partners report suspiciously often."""
    first: int
    last: int
    reason: str
    """For people; never holds a digest."""
    created_ms: int
    released_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a pull brought or a publication gave out, for the guards that count by the day."""

    received_ms: int
    adds: int
    withdrawals: int
    disputes: int = 0


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
    file: int | None = None
    """Keyed hash of its content id, as `FileRun` has it, if it had one."""
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
class StillListed:
    """An entry or dispute of a tombstoned digest in another list: its owner is to shred or reaffirm it."""

    mac: bytes = field(repr=False)
    log_id: int
    position: int
