"""Typed fingerprints of files, and which of them say nothing about a file.

A digest is an algorithm and a value of exactly that algorithm's size. Digests meet by equality, perceptual ones
too. Values that many unrelated files share are recognised here; whether they are quarantined is the importer's
and the follower's decision. Spec: docs/spec/event.md, "Digests".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import md5, sha1, sha256
from typing import Final

from typing_extensions import override

from keys.message import Message
from protocol.errors import MalformedError
from protocol.slices import slices


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


def is_weak(algorithms: Iterable[Algorithm]) -> bool:
    """Whether a file listed by these kinds of hashes may have been made to be: by one of MD5 and SHA-1 alone."""
    return frozenset(algorithms) in ({Algorithm.MD5}, {Algorithm.SHA1})


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A typed fingerprint of a file; its text forms show the algorithm alone, so that no log line holds it."""

    algorithm: Algorithm
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        size = SIZES.get(self.algorithm)
        if size is None or len(self.value) != size:
            raise MalformedError("digest: the length does not fit the algorithm")

    @override
    def __hash__(self) -> int:
        return hash(self.value)  # which is as good as random, and most of what judging asks

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


def _file(data: bytes) -> Iterator[tuple[Algorithm, bytes]]:
    yield Algorithm.MD5, md5(data, usedforsecurity=False).digest()
    yield Algorithm.SHA1, sha1(data, usedforsecurity=False).digest()
    yield Algorithm.SHA256, sha256(data).digest()


_FILES: Final[tuple[tuple[str, tuple[bytes, ...]], ...]] = (
    (Message("digest of the empty file"), (b"",)),
    (Message("digest of a file of one byte"), tuple(bytes((byte,)) for byte in range(256))),
    (Message("digest of a file that is nothing but a line end"), (b"\r\n", b"\n\n", b"\xef\xbb\xbf")),
    (Message("digest of a file of zero bytes alone"), tuple(bytes(2**power) for power in range(1, 17))),
)
"""Files that many programs write by accident: cut off before their first block, or never filled (RFC 1321 appendix
A.5 and FIPS 180-4 give the values of the empty one)."""

_COLLISIONS: Final = (
    # shattered.io, 2017: two PDF files, Stevens, Bursztein, Karpman, Albertini and Markov
    (Algorithm.SHA1, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    # "SHA-1 is a Shambles", 2020: two messages with chosen prefixes, Leurent and Peyrin
    (Algorithm.SHA1, "8ac60ba76f1999a1ab70223f225aefdc78d4ddc0"),
    # "How to break MD5 and other hash functions", 2005: two messages of 128 bytes, Wang and Yu
    (Algorithm.MD5, "79054025255fb1a26e4bc422aef54eb4"),
    # "Single-block collision attack on MD5", 2012: two messages of 64 bytes, Stevens
    (Algorithm.MD5, "008ee33a9d58b51cfeb425b0959121c9"),
)
"""Published pairs of files with one digest. New pairs are found by comparing lists; these need no second file."""


def _known_values() -> dict[bytes, tuple[Algorithm, str]]:
    files = {
        value: (algorithm, reason)
        for reason, contents in _FILES
        for content in contents
        for algorithm, value in _file(content)
    }
    pairs = {
        bytes.fromhex(text): (algorithm, Message("digest of a published pair of different files"))
        for algorithm, text in _COLLISIONS
    }
    return files | pairs


_KNOWN: Final = _known_values()
"""By value alone: hashing bytes is cheaper than hashing a digest, and millions are asked about."""

SUSPICIOUS: Final = frozenset(value[:8] for value in _KNOWN) | {bytes((byte,)) * 8 for byte in range(256)}
"""How every MD5, SHA-1 and SHA-256 begins that is degenerate: eight bytes tell nearly all others apart."""

_MIN_PDQ_ONES: Final = 64
"""PDQ sets a bit where a coefficient is above the median: about 128 of 256, on any picture with content."""

_MIN_PHOTODNA_VALUES: Final = 4
"""Distinct bytes; a known extractor wrote one constant value for every video."""

_MIN_PDQ_ROWS: Final = 8
"""Distinct 16-bit rows: pictures with content have 16, one of a flat grey 7, stripes and chess boards 3 to 7, as the
reference implementation (pdqhash) computes them."""


def degenerate(digest: Digest) -> str | None:
    """Why many unrelated files have this digest, or None: a short reason without the value."""
    value = digest.value
    if value in _KNOWN and _KNOWN[value][0] is digest.algorithm:
        return _KNOWN[value][1]
    if value.count(value[0]) == len(value):
        return Message("every byte is the same")
    if digest.algorithm is Algorithm.PDQ and _is_flat_pdq(digest.value):
        return Message("PDQ value of a picture without content")
    if digest.algorithm is Algorithm.PHOTODNA and len(set(digest.value)) < _MIN_PHOTODNA_VALUES:
        return Message("constant PhotoDNA value")
    return None


def _is_flat_pdq(value: bytes) -> bool:
    ones = int.from_bytes(value).bit_count()
    rows = set(slices(value, 2))
    return not _MIN_PDQ_ONES <= ones <= 256 - _MIN_PDQ_ONES or len(rows) < _MIN_PDQ_ROWS
