"""What founding a node needs: its terms, and keys in memory, without key files and their slow derivation."""

from collections.abc import Sequence
from typing import Final, TypeVar

from keys.key import PrivateKey, PublicKey, SnapshotPrivateKey, TimestampPrivateKey
from keys.roles import Role
from keys.trust.node_parts import NodeLimits
from keys.trust.tuf.root import TrustedRoot
from node.clock import system_entropy
from node.errors import AlreadyExistsError
from node.trust.foundation import Founding
from node.trust.tuf.repository import Freshness

Key = TypeVar("Key", bound=PrivateKey[PublicKey])

_LIMITS: Final = NodeLimits(max_adds_per_day=1, max_withdraws_per_day=1, max_checkpoint_age_s=3600)


def founding_of(
    node: str = "fr.example",
    country: str = "FR",
    *,
    url: str = "",
    profile: str = "small",
    pin: bytes = bytes(32),
    limits: NodeLimits = _LIMITS,
) -> Founding:
    """That of a node with this name, at `https://NAME/` unless another address is given."""
    return Founding(
        node=node,
        country=country,
        url=url or f"https://{node}/",
        profile=profile,
        tls_spki_sha256=pin,
        limits=limits,
    )


class MemoryKeys:
    """A keychain for tests."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[Role, str], bytes] = {}

    def copied(self) -> "MemoryKeys":
        """The same keys; what is created in either is not in the other."""
        made = MemoryKeys()
        made.secrets |= self.secrets
        return made

    def create(self, kind: type[Key], label: str) -> Key:
        return kind.from_seed(self.create_secret(kind.public_type.role, label))

    def create_secret(
        self, role: Role, label: str, *, secret: bytes | None = None, public: str = ""
    ) -> bytes:
        if (role, label) in self.secrets:
            raise AlreadyExistsError(f"{role}-{label} exists")
        return self.secrets.setdefault((role, label), secret or system_entropy(32))

    def key(self, kind: type[Key], label: str) -> Key:
        return kind.from_seed(self.secrets[kind.public_type.role, label])

    def freshness(self, root: TrustedRoot) -> Freshness:
        """The keys that say which trust files are current, as the root names them."""
        return Freshness(
            self._named(SnapshotPrivateKey, root.snapshot_keys),
            self._named(TimestampPrivateKey, root.timestamp_keys),
        )

    def _named(self, kind: type[Key], named: Sequence[PublicKey]) -> Key:
        own = [self.key(kind, label) for role, label in self.secrets if role is kind.public_type.role]
        return next(key for key in own if key.public in named)
