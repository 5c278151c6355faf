"""Test digests: one that every release lists and one that none ever does.

They are hashes of published sentences, so that anybody can make a file that is a hit without any real hash: a
partner's self-test, a demonstration and a broken installation all look the same as a real look-up on the wire.
A canary's hit is never reported. Spec: docs/spec/subset.md, section "Canaries".
"""

from hashlib import sha256
from typing import Final

from protocol.digest import Algorithm, Digest

PRESENT_TEXT: Final = b"sigfed canary v1: this test file is on every list\n"
ABSENT_TEXT: Final = b"sigfed canary v1: this test file is on no list\n"

PRESENT: Final = Digest(Algorithm.SHA256, sha256(PRESENT_TEXT).digest())
"""In the screen and the answers of every release, with the canary's label where there are labels."""
ABSENT: Final = Digest(Algorithm.SHA256, sha256(ABSENT_TEXT).digest())
"""In no release; it may survive a screen by chance."""

CANARIES: Final = (PRESENT, ABSENT)

LISTED: Final = (PRESENT,)
"""Those of them that every release has among its answers, beside the digests of the lists."""


def is_canary(digest: Digest) -> bool:
    """Whether a digest is that of a published test file.

    A label that says so proves nothing: a node that wrote it on a real entry would have partners pass over the hit.
    """
    return digest in CANARIES
