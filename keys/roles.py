"""The purposes a key can have, and what each purpose means for its keeping.

A node has separate keys for separate purposes: a key stolen from the web process must not sign a list. Here are only
the names and defaults; the types that enforce them are in `keys.key`, the documents that date them in `keys.trust`.
Spec: docs/spec/keys.md, "Roles".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What a key is for; the value is its name in key texts and key files."""

    ROOT = "root"
    TARGETS = "targets"
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    LOG = "log"
    WITNESS = "witness"
    AUTH = "auth"
    TOKEN = "token"  # noqa: S105 - the name of a purpose, not a secret
    STATEMENT = "statement"
    TLS = "tls"
    OPRF = "oprf"
    STORAGE = "storage"

    @property
    def info(self) -> "RoleInfo":
        """Where keys of this role are kept, for how long, and what they sign."""
        return ROLES[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleInfo:
    """How keys of one role are kept."""

    online: bool
    """Kept by the running node, or on a medium in a safe."""
    days: int
    """Default days from a key's start to its end."""
    signs: str
    """What the key signs or does, in words for an operator."""


ROLES: Final[Mapping[Role, RoleInfo]] = MappingProxyType(
    {
        Role.ROOT: RoleInfo(online=False, days=365, signs="the key sets of all roles"),
        Role.TARGETS: RoleInfo(online=False, days=180, signs="the trust files"),
        Role.SNAPSHOT: RoleInfo(online=True, days=30, signs="which trust files are current together"),
        Role.TIMESTAMP: RoleInfo(online=True, days=30, signs="that the trust files are still current"),
        Role.LOG: RoleInfo(online=True, days=365, signs="checkpoints of this node's logs"),
        Role.WITNESS: RoleInfo(online=True, days=365, signs="checkpoints of other nodes' logs"),
        Role.AUTH: RoleInfo(online=True, days=90, signs="requests for access tokens"),
        Role.TOKEN: RoleInfo(online=True, days=30, signs="access tokens"),
        Role.STATEMENT: RoleInfo(online=True, days=365, signs="receipts and acknowledgements"),
        Role.TLS: RoleInfo(online=True, days=90, signs="connections"),
        Role.OPRF: RoleInfo(online=True, days=90, signs="private look-ups of one epoch"),
        Role.STORAGE: RoleInfo(online=True, days=365, signs="nothing; encrypts what the node stores"),
    }
)
