"""The commitment to digests that a node keeps out of a subset on its own decision.

Salted: the manifest is public among partners, and an unsalted hash of a short list of known values would be a
membership test outside every quota. Whoever is shown salt and list, an auditor, checks that a release was made
with them. Spec: docs/spec/subset.md, section "Exclusions".
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from protocol.digest import Digest

SALT_BYTES: Final = 32
_DOMAIN: Final = b"sigfed/exclusions/v1\x00"


def exclusions_hash(salt: bytes, digests: Iterable[Digest]) -> bytes:
    """32 bytes: SHA-256 of the domain, the 32-byte salt, and each digest once as `alg ‖ len u16 ‖ value`, sorted."""
    assert len(salt) == SALT_BYTES
    return sha256(_DOMAIN + salt + b"".join(sorted({_item(digest) for digest in digests}))).digest()


def _item(digest: Digest) -> bytes:
    return bytes([digest.algorithm]) + len(digest.value).to_bytes(2, "big") + digest.value
