"""Fingerprint words: known words, what readers may type, and what never matches."""

from hashlib import sha256

import pytest

from keys.errors import MalformedTrustError, WrongRootError
from keys.trust.fingerprint import fingerprint, from_words, require_match, to_words

# arXiv:0901.4016, "Example proquints": IPv4 addresses and their words.
PUBLISHED = [
    ((127, 0, 0, 1), "lusab-babad"),
    ((63, 84, 220, 193), "gutih-tugad"),
    ((63, 118, 7, 35), "gutuk-bisog"),
    ((140, 98, 193, 141), "mudof-sakat"),
    ((64, 255, 6, 200), "haguz-biram"),
    ((128, 30, 52, 45), "mabiv-gibot"),
    ((147, 67, 119, 2), "natag-lisaf"),
    ((212, 58, 253, 68), "tibup-zujah"),
    ((216, 35, 68, 215), "tobog-higil"),
    ((216, 68, 232, 21), "todah-vobij"),
    ((198, 81, 129, 136), "sinid-makam"),
    ((12, 110, 110, 204), "budov-kuras"),
]
WORDS = "lusab-babad-gutih-tugad-mudof-sakat-budov-kuras"
BYTES = bytes((127, 0, 0, 1, 63, 84, 220, 193, 140, 98, 193, 141, 12, 110, 110, 204))


@pytest.mark.parametrize(("address", "words"), PUBLISHED, ids=[words for _, words in PUBLISHED])
def test_published_words(address: tuple[int, ...], words: str) -> None:
    assert to_words(bytes(address) * 4) == "-".join([words] * 4)
    assert from_words("-".join([words] * 4)) == bytes(address) * 4


def test_the_fingerprint_is_sha256_of_the_bytes() -> None:
    assert fingerprint(b"root") == sha256(b"root").digest()
    assert to_words(fingerprint(b"root")) == to_words(fingerprint(b"root")[:16])


@pytest.mark.parametrize(
    "text",
    [
        WORDS.upper(),
        WORDS.replace("-", " "),
        f"  {WORDS}\n",
        WORDS.replace("-", " - "),
        WORDS.replace("-", "\t--"),
    ],
)
def test_people_may_type_it_differently(text: str) -> None:
    assert from_words(text) == BYTES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "eight words", id="empty"),
        pytest.param("-", "eight words", id="hyphen"),
        pytest.param(WORDS[:-6], "eight words", id="seven"),
        pytest.param(WORDS + "-babad", "eight words", id="nine"),
        pytest.param(WORDS.replace("-", ""), "eight words", id="run together"),
        pytest.param(WORDS + " " * 300, "eight words", id="long"),
        pytest.param(WORDS.replace("gutih", "gutix"), "word 3", id="letter"),
        pytest.param(WORDS.replace("gutih", "gutihh"), "word 3", id="six letters"),
        pytest.param(WORDS.replace("lusab", "usabl"), "word 1", id="vowel first"),
        pytest.param(WORDS.replace("kuras", "kuràs"), "word 8", id="accent"),
    ],
)
def test_other_words_are_refused(text: str, message: str) -> None:
    with pytest.raises(MalformedTrustError, match=message):
        from_words(text)


def test_a_fingerprint_matches_its_words_and_itself() -> None:
    found = fingerprint(b"root")
    require_match(found, from_words(to_words(found)))
    require_match(found, found)


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("at", [0, 7, 15])
def test_another_fingerprint_does_not_match(size: int, at: int) -> None:
    found = fingerprint(b"root")
    other = bytearray(found[:size])
    other[at] ^= 1
    with pytest.raises(WrongRootError):
        require_match(found, bytes(other))


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 33])
def test_a_pin_of_another_length_is_a_programming_mistake(size: int) -> None:
    # An empty or short pin must not be a pin that many roots fit.
    with pytest.raises(AssertionError):
        require_match(fingerprint(b"root"), fingerprint(b"root").ljust(33, b"0")[:size])
