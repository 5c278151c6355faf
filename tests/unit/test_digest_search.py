"""The searcher of the leak tests finds what it is there to find, and nothing else."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha512, shake_256

import pytest

from support.digest_search import DigestSearch

MD5, SHA1, SHA256 = (sha512(name).digest()[:size] for name, size in ((b"a", 16), (b"b", 20), (b"c", 32)))
OTHERS = [sha512(str(number).encode()).digest()[:32] for number in range(1000)]
SEARCH = DigestSearch([MD5, SHA1, SHA256, *OTHERS])
NOISE = shake_256(b"noise").digest(100_000)

WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda value: value,
    "lower hex": lambda value: value.hex().encode(),
    "upper hex": lambda value: value.hex().upper().encode(),
    "mixed hex": lambda value: value.hex().title().encode(),
    "base64": b64encode,
    "base64, one byte before": lambda value: b64encode(b"x" + value),
    "base64, two bytes before": lambda value: b64encode(b"xy" + value),
    "base64, in the middle of more": lambda value: b64encode(b"xyz1" + value + b"more"),
    "base64url": urlsafe_b64encode,
    "base64url, one byte before": lambda value: urlsafe_b64encode(b"\xff" + value + b"\xff"),
    "base64url, two bytes before, no padding": lambda value: urlsafe_b64encode(b"\xff\xfe" + value).rstrip(
        b"="
    ),
    "a JSON document": lambda value: json.dumps({"sha256": value.hex(), "n": 1}).encode(),
    "a URL": lambda value: b"GET /look?h=" + urlsafe_b64encode(value) + b" HTTP/1.1\r\n",
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_planted_digest_is_found(write: Callable[[bytes], bytes]) -> None:
    for value, before in ((MD5, 0), (SHA1, 1), (SHA256, 4099)):
        (found,) = SEARCH.sightings(NOISE[:before] + write(value) + NOISE[before:], "here")
        assert (found.place, found.digest) == ("here", value)


def test_every_digest_is_found_and_its_place_named() -> None:
    found = SEARCH.sightings_in(
        {"one": NOISE + MD5, "two": NOISE, "three": SHA1.hex().encode() + b" " + SHA256}
    )
    assert [(each.place, each.offset, each.spelling) for each in found] == [
        ("one", len(NOISE), "raw"),
        ("three", 0, "hex"),
        ("three", 41, "raw"),
    ]


@pytest.mark.parametrize("data", [b"", MD5[:-1], SHA256.hex().encode()[:-1], b64encode(SHA256)[:-3], NOISE])
def test_nothing_is_found_where_nothing_is(data: bytes) -> None:
    assert SEARCH.sightings(data, "here") == []
