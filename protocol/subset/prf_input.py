"""What is evaluated obliviously: a digest, bound to its algorithm, its subset and this protocol.

Injective: every part has a fixed or a written length, so no two digests share an input. Spec:
docs/spec/subset.md, section "PRF input".
"""

from typing import Final

from protocol.digest import Digest
from protocol.subset.identity import SUBSET_ID_BYTES

_DOMAIN: Final = b"SIGFED-V1\x00"


def prf_input(subset_id: bytes, digest: Digest) -> bytes:
    """The OPRF input `"SIGFED-V1" 00 ‖ subset_id[16] ‖ alg u8 ‖ len u16 ‖ digest`."""
    assert len(subset_id) == SUBSET_ID_BYTES
    value = digest.value
    return _DOMAIN + subset_id + bytes([digest.algorithm]) + len(value).to_bytes(2, "big") + value
