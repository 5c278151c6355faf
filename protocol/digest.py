"""Typed fingerprints of files, and which of them say nothing about a file.

A digest is an algorithm and a value of exactly that algorithm's size. Digests meet by equality, perceptual ones
too. Values that many unrelated files share are recognised here; whether they are quarantined is the importer's
and the follower's decision. Spec: docs/spec/event.md, "Digests".
"""

from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import md5, sha1, sha256
from typing import Final

from protocol.errors import MalformedError


class Algorithm(IntEnum):
    """How a digest was computed; the numbers are wire format."""

    HIDDEN = 0
    """In a header: the opening knows. Never the algorithm of a digest."""
    MD5 = 1
    SHA1 = 2
    SHA256 = 3
    PDQ = 4
    PHOTODNA = 5
    """Opaque: taken over from others, never computed here."""


SIZES: Final[dict[Algorithm, int]] = {
    Algorithm.MD5: 16,
    Algorithm.SHA1: 20,
    Algorithm.SHA256: 32,
    Algorithm.PDQ: 32,
    Algorithm.PHOTODNA: 144,
}
"""Bytes of a digest, by algorithm; what is missing here is unknown to this version."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A typed fingerprint of a file; its text forms show the algorithm alone, so that no log line holds it."""

    algorithm: Algorithm
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        size = SIZES.get(self.algorithm)
        if size is None or len(self.value) != size:
            raise MalformedError("digest: the length does not fit the algorithm")

    @classmethod
    def from_hex(cls, algorithm: Algorithm, text: str) -> "Digest":
        """The digest that `text` spells in hex digits, in either case and without separators.

        Raises:
            MalformedError: not hex, or of another length than the algorithm's.
        """
        if not text.isascii() or not text.isalnum():  # bytes.fromhex would skip white space
            raise MalformedError("digest: not hex digits")
        try:
            value = bytes.fromhex(text)
        except ValueError:
            raise MalformedError("digest: not hex digits") from None
        return cls(algorithm, value)


_EMPTY_FILE: Final = frozenset(
    {
        Digest(Algorithm.MD5, md5(b"", usedforsecurity=False).digest()),
        Digest(Algorithm.SHA1, sha1(b"", usedforsecurity=False).digest()),
        Digest(Algorithm.SHA256, sha256(b"").digest()),
    }
)

_EMPTY_VALUES: Final = frozenset(digest.value for digest in _EMPTY_FILE)
"""Asked first: hashing bytes is cheaper than hashing a digest, and millions are asked about."""

_MIN_PDQ_ONES: Final = 64
"""PDQ sets a bit where a coefficient is above the median: about 128 of 256, on any picture with content."""

_MIN_PHOTODNA_VALUES: Final = 4
"""Distinct bytes; a known extractor wrote one constant value for every video."""

_MIN_PDQ_ROWS: Final = 4
"""Distinct 16-bit rows: stripes and gradients repeat one or two of them."""


def degenerate(digest: Digest) -> str | None:
    """Why many unrelated files have this digest, or None: a short reason without the value."""
    value = digest.value
    if value in _EMPTY_VALUES and digest in _EMPTY_FILE:
        return "digest of the empty file"
    if value.count(value[0]) == len(value):
        return "every byte is the same"
    if digest.algorithm is Algorithm.PDQ and _is_flat_pdq(digest.value):
        return "PDQ value of a picture without content"
    if digest.algorithm is Algorithm.PHOTODNA and len(set(digest.value)) < _MIN_PHOTODNA_VALUES:
        return "constant PhotoDNA value"
    return None


def _is_flat_pdq(value: bytes) -> bool:
    ones = int.from_bytes(value).bit_count()
    rows = {value[at : at + 2] for at in range(0, len(value), 2)}
    return not _MIN_PDQ_ONES <= ones <= 256 - _MIN_PDQ_ONES or len(rows) < _MIN_PDQ_ROWS
