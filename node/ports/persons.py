"""Record of the persons who decide at this node, and what turns a passphrase into something to keep.

A person is a name, a role and a verifier of a passphrase. Nothing here can be used to sign: a person's word counts at
this node alone, and its audit log says what was made of it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class PersonRole(StrEnum):
    """What somebody does at this node; which requests that lets them approve is `node.access.approvals`'s table."""

    VIEWER = "viewer"
    """Looks on: asks for nothing, approves nothing, and is none of the two persons that others wait for."""
    ANALYST = "analyst"
    OPERATOR = "operator"
    SECURITY = "security"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """One person."""

    name: str
    role: PersonRole
    verifier: bytes = field(repr=False)
    """What a passphrase is checked against, sealed with the storage key."""
    added_ms: int
    tries: int = 0
    """Passphrases tried since the last right one."""
    tried_ms: int = 0
    """The newest of them."""


class PassphraseHasher(Protocol):
    """Slow on purpose: what makes verifiers of passphrases and checks against them."""

    def verifier(self, passphrase: bytes) -> bytes:
        """Something to keep, from which the passphrase cannot be found but by trying."""
        ...

    def check(self, passphrase: bytes, verifier: bytes) -> None:
        """Raise `UnauthenticatedError` unless `verifier` was made of this passphrase."""
        ...
