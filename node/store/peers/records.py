"""Records of other agencies: who they are, what they acknowledged, cosigned, took back and contradicted.

Evidence that is kept is in the object store, byte for byte; its record says what it is about and whether somebody has
looked. What counts as evidence is `node.evidence.keep`'s.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from keys.trust.held_trust import HeldTrust

if TYPE_CHECKING:  # with it comes all that a witness is asked and answers
    from protocol.witness.cosign import Witnessed


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedTrust:
    """The trust files of another node as they were found at its address, and the key that served them."""

    url: str
    """Ends with a slash."""
    trust: HeldTrust
    spki_sha256: bytes | None
    """Of the TLS connection, 32 bytes; None: they came on a medium, so no connection is believed for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRecord:
    """One peer. The signed files are kept as received and verified again by whoever uses them."""

    name: str
    url: str
    """Base URL it was added with; later ones are in its node document."""
    trust: HeldTrust
    """Its roots, the first of them pinned, and the newest of everything else that it signed about itself."""
    serial: int
    """Of its node document; goes back only where the keys that signed a greater one were replaced."""
    grant: str
    """What it may read here, as JSON; a text that cannot be read grants nothing."""
    added_ms: int
    confirmed_ms: int
    """When it last confirmed its keys: they count for seven days from then."""
    synced_ms: int = 0
    """Last successful sync."""
    outcome: str = ""
    """Last sync in words, without ids of secrets."""

    @property
    def node_document(self) -> bytes:
        """Signed envelope of the newest node document."""
        return self.trust.node_document

    @property
    def members(self) -> bytes:
        """Signed envelope of its members register; empty when it shows none."""
        return self.trust.members


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The newest statement of one peer about one own list."""

    log_id: int
    peer: str
    held_size: int
    released_size: int | None
    """Up to which size its releases follow the list; None: it releases nothing."""
    time_ms: int
    """As the peer dated it."""
    received_ms: int
    """By this node's clock, which latencies are measured by."""
    statement: bytes = field(repr=False)
    """As it was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Neighbouring withdraw events of an own list: mostly those of one file."""

    log_id: int
    first: int
    last: int
    published_ms: int | None = None
    """None while it waits for publication."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When a peer's statement first covered a withdrawal."""

    log_id: int
    first: int
    """Of the withdrawal."""
    peer: str
    held_ms: int | None
    released_ms: int | None
    """The time of `held_ms`, when the peer releases nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How fast peers applied the withdrawals that were published on one day."""

    day: int
    """Since 1970, in UTC."""
    count: int
    """Pairs of a withdrawal and a peer that applied it: both holds it and releases nothing that it ended."""
    total_ms: int
    """From publication, summed over them."""
    slowest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAcknowledged:
    """The newest statement of one peer about this node's trust files."""

    peer: str
    root_version: int
    serial: int
    """Of the node document it holds."""
    time_ms: int
    """As the peer dated it."""
    received_ms: int
    """By this node's clock."""
    statement: bytes = field(repr=False)
    """As it was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignerRecord:
    """One member as a witness of one of this node's logs."""

    origin: str
    witness: str
    """Name of the member's node."""
    size: int = 0
    """Of the head it cosigned last, or said to have cosigned; 0 for none."""
    since_ms: int = 0
    """When its first cosignature came; 0 for none yet."""
    cosigned_s: int = 0
    """Time of its last cosignature, POSIX seconds."""
    asked_ms: int
    outcome: str
    """How it answered last, in words."""
    alarm: bool = False
    """Whether a person has to look: it claims another history of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayRecord:
    """The withdrawals and disputes of a peer's head that its log signed and too few witnesses cosigned."""

    log_id: int
    base_size: int
    base_root: bytes
    """The trusted head that it lies upon; upon any other it counts for nothing."""
    size: int
    root: bytes
    note: bytes
    sealed: bytes
    """Its events and openings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessRecord:
    """The last head of the log `origin` that was cosigned."""

    origin: str
    head: "Witnessed"
    cosignature: bytes
    """The signature line that was answered, with its newline."""


class EvidenceKind(StrEnum):
    """What is kept. The first three convict offline; the others are what we or a peer say, with the notes."""

    FORK = "fork"
    DIVERGENCE = "divergence"
    TRUST = "trust"
    ROLLBACK = "rollback"
    FREEZE = "freeze"
    UNPROVEN = "unproven"

    @property
    def convicts(self) -> bool:
        """Whether anybody can verify it from the pinned root, so that it is told on."""
        return self in {EvidenceKind.FORK, EvidenceKind.DIVERGENCE, EvidenceKind.TRUST}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """One contradiction."""

    sha256: str
    """Name of its object and its name among nodes, hexadecimal."""
    kind: EvidenceKind
    subject: str
    """Origin of the log, or name of the node that signed two trust files."""
    pair: str
    """The two things that contradict each other, whatever else the notes hold: dressed up again it is not new."""
    source: str
    """The peer that told it; empty when this node found it."""
    created_ms: int
    released_ms: int | None = None
    """When people had looked at it and released what it had stopped."""

    @property
    def object(self) -> str:
        """Name in the object store."""
        return f"evidence/{self.sha256}.cbor"

    @property
    def standing(self) -> str:
        """`proof`, which convicts, `claim`, which does not, or `released`."""
        if self.released_ms is not None:
            return "released"
        return "proof" if self.kind.convicts else "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardHead:
    """The last head of a log that the peer `source` told us; its signature was verified, its history is not held."""

    origin: str
    source: str
    size: int
    root: bytes
    note: bytes
    heard_ms: int
    """When a head of this size or larger was first heard from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRecord:
    """What is known of one node's revocations; version 0: nothing is held."""

    node: str
    version: int = 0
    payload: bytes = b""
    """The revocations, verified before they were stored."""
    envelope: bytes = b""
    """The signed file, as received."""
    named: bytes | None = None
    """SHA-256 of the file that the node's newest document names; None when it names none."""

    @property
    def missing(self) -> bool:
        """Whether the node's document names a file that is not held."""
        return self.named is not None and sha256(self.envelope).digest() != self.named
