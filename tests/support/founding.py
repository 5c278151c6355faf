"""Keys in memory: what founding a node needs, without key files and their slow derivation."""

from typing import TypeVar

from keys.key import PrivateKey, PublicKey, SnapshotPrivateKey, TimestampPrivateKey
from keys.roles import Role
from keys.trust.root import RootContent
from node.clock import system_entropy
from node.errors import AlreadyExistsError
from node.services.founding import FIRST
from node.services.tuf_repository import Freshness

Key = TypeVar("Key", bound=PrivateKey[PublicKey])


class MemoryKeys:
    """A keychain for tests."""

    def __init__(self) -> None:
        self.secrets: dict[tuple[Role, str], bytes] = {}

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

    def freshness(self, _root: RootContent | None = None) -> Freshness:
        """The keys that say which trust files are current."""
        return Freshness(self.key(SnapshotPrivateKey, FIRST), self.key(TimestampPrivateKey, FIRST))
