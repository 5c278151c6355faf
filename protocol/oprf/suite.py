"""The strings and hashes of suite ristretto255-SHA512 of RFC 9497, and key pairs.

Decides every domain separation tag. Leaves hashing to uniform bytes to `xmd`, arithmetic to `group`, and the
order of steps to `client`, `server` and `proof`. Of the modes of section 3 it knows the one that proves its results,
mode 1 (VOPRF).
"""

from dataclasses import dataclass, field
from typing import Final

from protocol.errors import OprfError
from protocol.oprf.group import Group
from protocol.oprf.xmd import expand, prefixed

OUTPUT_BYTES: Final = 64
SEED_BYTES: Final = 32

_EPOCH_INFO: Final = b"SIGFED-V1 oprf"


@dataclass(frozen=True, slots=True, eq=False)
class KeyPair:
    """An evaluation key: `secret` (scalar, 32 B) and `public` (element, 32 B)."""

    secret: bytes = field(repr=False)
    public: bytes


def tag(prefix: bytes) -> bytes:
    """`prefix` and the context string of RFC 9497 section 3.1."""
    return prefix + b"OPRFV1-\x01-ristretto255-SHA512"


GROUP_TAG: Final = tag(b"HashToGroup-")
"""Under it inputs are hashed to the group; RFC 9497 section 4.1."""
SCALAR_TAG: Final = tag(b"HashToScalar-")
"""Under it the weights and the challenge of a proof are made; RFC 9497 section 2.2."""


def hash_to_scalar(group: Group, message: bytes, dst: bytes) -> bytes:
    """A scalar (32 B) from a message under a tag; RFC 9497 section 4.1."""
    return group.reduce(expand(message, dst))


def derive_key_pair(group: Group, seed: bytes, info: bytes) -> KeyPair:
    """The key pair of a 32-byte seed and a public `info`; RFC 9497 section 3.2.1.

    Raises:
        OprfError: the seed is not 32 bytes or `info` is longer than 65 535.
    """
    if len(seed) != SEED_BYTES:
        raise OprfError("a seed has {size} bytes", SEED_BYTES)
    message, dst = seed + prefixed(info), tag(b"DeriveKeyPair")
    for counter in range(256):
        secret = hash_to_scalar(group, message + bytes([counter]), dst)
        if any(secret):
            return KeyPair(secret, group.multiply_base(secret))
    raise AssertionError("256 zero scalars: the group is broken")


def epoch_key(group: Group, seed: bytes) -> KeyPair:
    """The key pair of one epoch of a subset, from its 32 random bytes; raises OprfError for another length."""
    return derive_key_pair(group, seed, _EPOCH_INFO)
