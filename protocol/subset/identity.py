"""The name of a subset inside hashes: 16 bytes that every PRF input and label is bound to.

Two subsets never share a PRF input, so an answer of one says nothing about another. Spec: docs/spec/subset.md,
section "Identity".
"""

from hashlib import sha256
from typing import Final

SUBSET_ID_BYTES: Final = 16
_DOMAIN: Final = b"sigfed/subset/v1\x00"


def subset_id(origin: str) -> bytes:
    """16 bytes: `SHA-256("sigfed/subset/v1" 00 ‖ origin)[:16]` of a release log's origin line.

    The origin comes from a note or node document whose parser has already checked it.
    """
    return sha256(_DOMAIN + origin.encode("utf-8")).digest()[:SUBSET_ID_BYTES]
