"""The agencies this node meets and knows: who they are, where they are, what they may read here."""

from dataclasses import dataclass

from keys.trust.held import HeldTrust


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
