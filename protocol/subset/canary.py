"""Test digests: one that every release lists and one that none ever does.

They are hashes of published sentences, so that anybody can make a file that is a hit without any real hash: a
partner's self-test, a demonstration and a broken installation all look the same as a real look-up on the wire.
A canary's hit is never reported. Spec: docs/spec/subset.md, section "Canaries".
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from protocol.digest import Algorithm, Digest
from protocol.errors import SubsetError
from protocol.subset.label import CANARY_LABEL
from protocol.subset.lookup import Lookup
from protocol.subset.screen import screen_values

PRESENT_TEXT: Final = b"sigfed canary v1: this test file is on every list\n"
ABSENT_TEXT: Final = b"sigfed canary v1: this test file is on no list\n"

PRESENT: Final = Digest(Algorithm.SHA256, sha256(PRESENT_TEXT).digest())
"""In the screen and the answers of every release, with the canary's label where there are labels."""
ABSENT: Final = Digest(Algorithm.SHA256, sha256(ABSENT_TEXT).digest())
"""In no release; it may survive a screen by chance."""

CANARIES: Final = (PRESENT, ABSENT)

LISTED: Final = (PRESENT,)
"""Those of them that every release has among its answers, beside the digests of the lists."""


def check_canaries(lookup: Lookup, outputs: Sequence[bytes]) -> None:
    """Check a whole look-up with the PRF outputs of `CANARIES`; raises `SubsetError` naming what is wrong.

    Catches a node that evaluates with another key than it built its answers with, and a client that would answer
    "no hit" to everything.
    """
    present, absent = lookup.match(outputs)
    if not lookup.survives(screen_values([PRESENT]))[0]:
        raise SubsetError("self-test: the screen misses the test file")
    if present is None:
        raise SubsetError("self-test: the answers miss the test file")
    if present.label not in {None, CANARY_LABEL}:
        raise SubsetError("self-test: the test file has a label of material")
    if absent is not None:
        raise SubsetError("self-test: a file that is on no list is a hit")


def is_canary(digest: Digest) -> bool:
    """Whether a digest is that of a published test file.

    A label that says so proves nothing: a node that wrote it on a real entry would have partners pass over the hit.
    """
    return digest in CANARIES
