"""Records and table of the agencies this node knows: who they are, where they are, what they may read here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from keys.trust.held import HeldTrust


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


class PeerTable(Protocol):
    """The peers of this node."""

    def add(self, peer: PeerRecord) -> None:
        """Add a peer; raises `AlreadyExistsError`."""
        ...

    def get(self, name: str) -> PeerRecord:
        """The peer of that name; raises `NotFoundError`."""
        ...

    def ls(self) -> Sequence[PeerRecord]:
        """All peers by name."""
        ...

    def update_trust(
        self,
        name: str,
        trust: HeldTrust,
        *,
        serial: int,
        found: int | None = None,
        confirmed_ms: int | None = None,
    ) -> None:
        """Store newer signed files; `confirmed_ms` only when the peer confirmed all of them.

        `found` is the serial of the files that these were judged against, and may take the place of.

        Raises `ConflictError` when `serial` is lower than the one held, unless that is `found`, or there are fewer
        roots.
        """
        ...

    def update_grant(self, name: str, grant: str) -> None:
        """Change what it may read."""
        ...

    def remove(self, name: str) -> None:
        """Forget a peer; raises `NotFoundError`. What is held of its lists stays."""
        ...

    def note_sync(self, name: str, *, synced_ms: int | None, outcome: str) -> None:
        """Record how a sync ended; `synced_ms` only when it succeeded."""
        ...
