"""Tokens: what is kept of each, and how one-time tokens are made, shown and typed.

A token is secret and random, so its plain hash says nothing of it.
"""

from base64 import b32encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from node.clock import Entropy
from node.errors import UsageError
from protocol.slices import slices

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 as Crockford has it, without the letters that look like others."""
_FROM_RFC4648: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET)
_READ_AS: Final = str.maketrans("OIL", "011")
_RANDOM_CHARS: Final = 19  # 95 bits, and a check
_GROUP: Final = 5


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """What is handed over, once: it is kept as a hash."""

    text: str = field(repr=False)
    expires_ms: int


def hash_token(token: str) -> bytes:
    """What is kept of a token, 32 bytes; of whatever a stranger sent in place of one, too."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def new_token(entropy: Entropy) -> str:
    """A fresh token: 19 random characters and a check."""
    random = b32encode(entropy(15)).decode().translate(_FROM_RFC4648)[:_RANDOM_CHARS]
    return random + _check(random)


def grouped(token: str) -> str:
    """A token as people read it: four groups of five."""
    return "-".join(slices(token, _GROUP))


def read_token(typed: str) -> str:
    """A token as typed: in any case, with any spaces and hyphens; raises `UsageError` when it was mistyped."""
    token = "".join(typed[:128].upper().replace("-", " ").split()).translate(_READ_AS)
    if (
        len(token) != _RANDOM_CHARS + 1
        or not set(token) <= set(_ALPHABET)
        or token[-1] != _check(token[:_RANDOM_CHARS])
    ):
        raise UsageError(
            "this is no token: something was mistyped", hint="four groups of five letters and digits"
        )
    return token


def _check(random: str) -> str:
    return _ALPHABET[sha256(random.encode()).digest()[0] >> 3]
