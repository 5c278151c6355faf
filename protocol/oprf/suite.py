"""The strings and hashes of suite ristretto255-SHA512 of RFC 9497, and key pairs.

Decides every domain separation tag. Leaves hashing to uniform bytes to `xmd`, arithmetic to `group`, and the
order of steps to `client`, `server`, `proof` and `poprf`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha512
from typing import Final

from protocol.errors import OprfError
from protocol.oprf.group import ELEMENT_BYTES, Group
from protocol.oprf.xmd import expand, prefixed

OUTPUT_BYTES: Final = 64
SEED_BYTES: Final = 32

_EPOCH_INFO: Final = b"SIGFED-V1 oprf"


class Mode(IntEnum):
    """The protocol variants of RFC 9497 section 3; the product uses `VERIFIABLE` only."""

    OBLIVIOUS = 0
    VERIFIABLE = 1
    PARTIAL = 2


@dataclass(frozen=True, slots=True, eq=False)
class KeyPair:
    """An evaluation key of one mode: `secret` (scalar, 32 B) and `public` (element, 32 B)."""

    mode: Mode
    secret: bytes = field(repr=False)
    public: bytes


def tag(prefix: bytes, mode: Mode) -> bytes:
    """`prefix` and the context string of RFC 9497 section 3.1."""
    return prefix + b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"


def group_tag(mode: Mode) -> bytes:
    """The tag under which inputs are hashed to the group; RFC 9497 section 4.1."""
    return tag(b"HashToGroup-", mode)


def hash_to_scalar(group: Group, message: bytes, dst: bytes) -> bytes:
    """A scalar (32 B) from a message under a tag; RFC 9497 section 4.1."""
    return group.reduce(expand(message, dst))


def derive_key_pair(group: Group, seed: bytes, info: bytes, mode: Mode) -> KeyPair:
    """The key pair of a 32-byte seed and a public `info`; RFC 9497 section 3.2.1.

    Raises:
        OprfError: the seed is not 32 bytes or `info` is longer than 65 535.
    """
    if len(seed) != SEED_BYTES:
        raise OprfError(f"a seed has {SEED_BYTES} bytes")
    message, dst = seed + prefixed(info), tag(b"DeriveKeyPair", mode)
    for counter in range(256):
        secret = hash_to_scalar(group, message + bytes([counter]), dst)
        if any(secret):
            return KeyPair(mode, secret, group.multiply_base(secret))
    raise AssertionError("256 zero scalars: the group is broken")


def epoch_key(group: Group, seed: bytes) -> KeyPair:
    """The key pair of one epoch of a subset, from its 32 random bytes; raises OprfError for another length."""
    return derive_key_pair(group, seed, _EPOCH_INFO, Mode.VERIFIABLE)


def finish_with_info(inputs: Sequence[bytes], info: bytes, elements: bytes) -> list[bytes]:
    """The PRF outputs (64 B each) of mode 2, which bind the public `info` too."""
    bound = prefixed(info)
    return [
        sha512(
            prefixed(one) + bound + prefixed(elements[offset : offset + ELEMENT_BYTES]) + b"Finalize"
        ).digest()
        for one, offset in zip(inputs, range(0, len(elements), ELEMENT_BYTES), strict=True)
    ]
