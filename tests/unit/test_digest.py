import pytest

from protocol.digest import SIZES, Algorithm, Digest, degenerate
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
        "",
        "00" * 15,
        "00" * 17,
        "0" * 31,
        "0g" * 16,
        "00 " * 16,
        " " + "00" * 16,
        "0x" + "00" * 15,
        "\u0660\u0660" * 16,
    ],
    ids=["empty", "short", "long", "odd", "not hex", "spaces", "leading space", "prefix", "other digits"],
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


def _pdq(*rows: str) -> Digest:
    return Digest.from_hex(Algorithm.PDQ, "".join(rows) * (16 // len(rows)))


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
    ],
)
def test_values_of_many_unrelated_files_are_recognised(value: Digest, reason: str) -> None:
    assert reason in (degenerate(value) or "")


@pytest.mark.parametrize("algorithm", SIZES)
def test_others_are_not(algorithm: Algorithm) -> None:
    assert degenerate(digest("a", algorithm)) is None


def test_the_empty_file_is_one_by_algorithm() -> None:
    assert degenerate(Digest(Algorithm.PDQ, bytes.fromhex(EMPTY[Algorithm.SHA256]))) is None
