from hashlib import md5, sha1, sha256

import pytest

from protocol.digest import SIZES, Algorithm, Digest, degenerate, is_weak
from protocol.errors import MalformedError
from support.lists import digest

EMPTY = {
    Algorithm.MD5: "d41d8cd98f00b204e9800998ecf8427e",
    Algorithm.SHA1: "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    Algorithm.SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}


@pytest.mark.parametrize("algorithm", SIZES)
def test_a_digest_has_the_size_of_its_algorithm(algorithm: Algorithm) -> None:
    size = SIZES[algorithm]
    assert Digest(algorithm, bytes(size)).value == bytes(size)
    for wrong in (0, size - 1, size + 1):
        with pytest.raises(MalformedError, match="length"):
            Digest(algorithm, bytes(wrong))


def test_hidden_is_no_algorithm_of_a_digest() -> None:
    with pytest.raises(MalformedError):
        Digest(Algorithm.HIDDEN, b"")


@pytest.mark.parametrize("text", ["00" * 16, "AB" * 16, "aB" * 16])
def test_hex_is_read_in_both_cases(text: str) -> None:
    assert Digest.from_hex(Algorithm.MD5, text) == Digest(Algorithm.MD5, bytes.fromhex(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("00" * 15, id="short"),
        pytest.param("00" * 17, id="long"),
        pytest.param("0" * 31, id="odd"),
        pytest.param("0g" * 16, id="not hex"),
        pytest.param("00 " * 16, id="spaces"),
        pytest.param(" " + "00" * 16, id="leading space"),
        pytest.param("0x" + "00" * 15, id="prefix"),
        pytest.param("\u0660\u0660" * 16, id="other digits"),
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Digest.from_hex(Algorithm.MD5, text)


def test_no_text_form_shows_the_value() -> None:
    secret = digest("a", Algorithm.SHA1)
    for text in (repr(secret), str(secret), f"{secret}", repr([secret])):
        assert secret.value.hex() not in text
        assert repr(secret.value) not in text
        assert "SHA1" in text


def test_digests_are_ordered_by_algorithm_then_value() -> None:
    digests = [digest(name, algorithm) for algorithm in (Algorithm.MD5, Algorithm.SHA1) for name in "abc"]
    assert sorted(digests) == sorted(digests, key=lambda item: (item.algorithm, item.value))


FLAT_PDQ = (
    "000000002c4b11342c4b2c4b0000554b00002c4b113411342c4b585e2c4b017e",
    "00002aaa00002aaad5550000d5552aaa805580557fffd55580557fffd5552aaa",
    "aafd00d5aad500d5a8d500d5a0d500d5ff2aff2a80d5ff2a80d5ff2a80d5ff2a",
    "15fa15fa15faea1515faea0515faea05ea05ea05ea05ea15ea0515faea0515fa",
    "c639c63939c639c639c6c639c63939c639c639c6c639c639c63939c639c6c639",
)
SHATTERED = "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"
_STEVENS = (
    "4dc968ff0ee35c209572d4777b721587d36fa7b21bdc56b74a3dc0783e7b9518"
    "afbfa20{}a8284bf36e8e4b55b35f427593d849676da0d1{}55d8360fb5f07fea2"
)
STEVENS = [bytes.fromhex(_STEVENS.format(*digits)) for digits in (("0", "5"), ("2", "d"))]
"""The two messages of "Single-block collision attack on MD5" (2012)."""


def hashes_of(data: bytes) -> list[Digest]:
    """The exact digests of a file."""
    return [
        Digest(Algorithm.MD5, md5(data).digest()),
        Digest(Algorithm.SHA1, sha1(data).digest()),
        Digest(Algorithm.SHA256, sha256(data).digest()),
    ]


def _pdq(*rows: str) -> Digest:
    return Digest.from_hex(Algorithm.PDQ, "".join(rows) * (16 // len(rows)))


@pytest.mark.threat("a lawful file listed")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *((Digest.from_hex(algorithm, text), "empty file") for algorithm, text in EMPTY.items()),
        *((Digest(algorithm, bytes(size)), "the same") for algorithm, size in SIZES.items()),
        *((Digest(algorithm, b"\xff" * size), "the same") for algorithm, size in SIZES.items()),
        (Digest(Algorithm.PDQ, b"\x01" + bytes(31)), "without content"),
        (Digest(Algorithm.PDQ, b"\xfe" + b"\xff" * 31), "without content"),
        (_pdq("5555", "aaaa"), "without content"),
        (Digest(Algorithm.PHOTODNA, bytes(range(3)) * 48), "constant"),
        *((value, "one byte") for value in hashes_of(b"0")),
        *((value, "line end") for value in hashes_of(b"\r\n")),
        *((value, "zero bytes") for value in hashes_of(bytes(4096))),
        # pdqhash 0.2.7 of pictures of 256 by 256: flat grey, stripes, a chess board, a frame, one dot
        *((Digest.from_hex(Algorithm.PDQ, text), "without content") for text in FLAT_PDQ),
        (Digest(Algorithm.SHA1, bytes.fromhex(SHATTERED)), "different files"),
        (Digest(Algorithm.MD5, md5(STEVENS[0]).digest()), "different files"),
    ],
)
def test_values_of_many_unrelated_files_are_recognised(value: Digest, reason: str) -> None:
    assert reason in (degenerate(value) or "")


@pytest.mark.threat("two files with one hash")
def test_two_published_files_have_one_md5_and_that_is_known() -> None:
    one, other = (hashes_of(data) for data in STEVENS)
    assert one[0] == other[0]
    assert one[1:] != other[1:]
    assert [degenerate(value) is None for value in one] == [False, True, True]


@pytest.mark.parametrize("algorithm", SIZES)
def test_others_are_not(algorithm: Algorithm) -> None:
    assert degenerate(digest("a", algorithm)) is None


def test_the_empty_file_is_one_by_algorithm() -> None:
    assert degenerate(Digest(Algorithm.PDQ, bytes.fromhex(EMPTY[Algorithm.SHA256]))) is None


def test_one_old_hash_alone_is_weak() -> None:
    md5_, sha1_, sha256_, pdq = Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ
    assert is_weak([md5_])
    assert is_weak([sha1_, sha1_])
    assert not any(map(is_weak, ([], [md5_, sha1_], [sha256_], [pdq], [md5_, pdq])))
