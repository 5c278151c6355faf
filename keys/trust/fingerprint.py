"""The fingerprint of a root file, as two people read it to each other.

Words (proquints) survive a telephone better than hex: each has five letters that alternate consonant and vowel,
and stands for 16 bits. Eight words are 128 bits of SHA-256, out of reach of a search for a second root with the same
words. Who compares, and by which channel, is the operators' matter. Spec: docs/spec/trust.md, "Fingerprint".
Source: D. S. Wilkerson, "A Proposal for Proquints", arXiv:0901.4016.
"""

import re
from hashlib import sha256
from typing import Final

from keys.errors import MalformedTrustError, WrongRootError

FINGERPRINT_BYTES: Final = 32
WORDS_BYTES: Final = 16

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
_WORD: Final = re.compile(f"[{_CONSONANTS}][{_VOWELS}][{_CONSONANTS}][{_VOWELS}][{_CONSONANTS}]")
_GAPS: Final = re.compile(r"[\s-]+")
_LONGEST: Final = 256


def fingerprint(root_bytes: bytes) -> bytes:
    """SHA-256 of the bytes of `1.root.json`, 32 bytes."""
    return sha256(root_bytes).digest()


def to_words(fingerprint: bytes) -> str:
    """The first 128 bits of a fingerprint as eight words, joined by hyphens."""
    assert len(fingerprint) in {WORDS_BYTES, FINGERPRINT_BYTES}
    words = (_word(fingerprint[at] << 8 | fingerprint[at + 1]) for at in range(0, WORDS_BYTES, 2))
    return "-".join(words)


def from_words(text: str) -> bytes:
    """The 16 bytes of eight words in any case, separated by white space, hyphens or both.

    Raises `MalformedTrustError`, naming the word by its place.
    """
    words = [word for word in _GAPS.split(text.lower()) if word] if len(text) <= _LONGEST else []
    if len(words) != WORDS_BYTES // 2:
        raise MalformedTrustError("a fingerprint has eight words")
    return b"".join(_bits(word, place) for place, word in enumerate(words, start=1))


def require_match(found: bytes, pinned: bytes) -> None:
    """Returns if `found` (32 bytes) starts with `pinned`, 16 or 32 bytes, else raises `WrongRootError`."""
    # A shorter pin would let anyone search for a root that fits it.
    assert len(found) == FINGERPRINT_BYTES
    assert len(pinned) in {WORDS_BYTES, FINGERPRINT_BYTES}
    if not found.startswith(pinned):
        raise WrongRootError("the root file is not the one whose fingerprint is pinned")


def _word(bits: int) -> str:
    return (
        _CONSONANTS[bits >> 12]
        + _VOWELS[bits >> 10 & 3]
        + _CONSONANTS[bits >> 6 & 15]
        + _VOWELS[bits >> 4 & 3]
        + _CONSONANTS[bits & 15]
    )


def _bits(word: str, place: int) -> bytes:
    if not _WORD.fullmatch(word):
        raise MalformedTrustError("word {place} of the fingerprint is not one of ours", place)
    bits = 0
    for letter in word:
        bits = (
            bits << 4 | _CONSONANTS.index(letter)
            if letter in _CONSONANTS
            else bits << 2 | _VOWELS.index(letter)
        )
    return bits.to_bytes(2, "big")
