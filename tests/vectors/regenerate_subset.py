"""Writes subset.json from the text of docs/spec/subset.md alone, without this project's own encoders.

Bits are spelt as text and trees are built by recursion: slow and plain, so that it can be compared with the page.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b, md5, sha1, sha256, sha512
from typing import Any

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

ORIGIN = "fr.example/subsets/baseline"
SUBSET = sha256(b"sigfed/subset/v1\0" + ORIGIN.encode()).digest()[:16]
EPOCH = 7
FILE = b"synthetic"
DIGESTS = {
    1: md5(FILE, usedforsecurity=False).digest(),
    2: sha1(FILE, usedforsecurity=False).digest(),
    3: sha256(FILE).digest(),
    4: sha256(b"pdq").digest(),
    5: (sha512(b"photodna").digest() * 3)[:144],
}
PRESENT = b"sigfed canary v1: this test file is on every list\n"
ABSENT = b"sigfed canary v1: this test file is on no list\n"

SETS: list[tuple[str, int, list[int]]] = [
    ("empty", 12, []),
    ("one value", 32, [2**31]),
    ("three values of a byte", 8, [5, 135, 136]),
    ("dense", 5, list(range(0, 32, 2))),
    ("everything", 4, list(range(16))),
    ("widest", 63, [0, 1, 2**62, 2**63 - 1]),
    ("repeated", 33, [7, 7, 7, 2**32, 2**33 - 1, 2**33 - 1]),
    ("squares", 20, [number * number for number in range(1000)]),
]
DELTAS: list[tuple[str, int, list[int], list[int]]] = [
    ("from nothing", 12, [], [1, 2, 4000]),
    ("to nothing", 12, [1, 2, 4000], []),
    ("nothing changes", 12, [1, 2], [1, 2]),
    ("one goes, one comes", 8, [3, 5, 5, 9, 200], [3, 5, 7, 9, 200]),
    ("many", 20, list(range(0, 90_000, 90)), list(range(0, 90_000, 75))),
]
LABELS: list[tuple[int, list[tuple[int, int]]]] = [
    (0, []),
    (1, [(0, 5), (1, 9)]),
    (1023, [(0, 0), (1, 1), (254, 2**40), (255, 2**48 - 1)]),
]


def vectors() -> dict[str, Any]:
    """Everything in subset.json."""
    return {
        "source": "docs/spec/subset.md; written by regenerate_subset.py with hashlib, cbor2 and cryptography",
        "origin": ORIGIN,
        "subset_id": SUBSET.hex(),
        "digests": [_digest(*item) for item in DIGESTS.items()],
        "canaries": {
            "present": {"text": PRESENT.decode(), "sha256": sha256(PRESENT).hexdigest()},
            "absent": {"text": ABSENT.decode(), "sha256": sha256(ABSENT).hexdigest()},
        },
        "sets": [_set(*case) for case in SETS],
        "deltas": [_delta(*case) for case in DELTAS],
        "labels": [_label(number, *case) for number, case in enumerate(LABELS)],
        "label_delta": _label_delta(),
        "filter": _filter(),
        "exclusions": _exclusions(),
        "manifests": [_manifest(labels=None), _manifest(labels=sha256(b"labels").digest())],
    }


def _digest(algorithm: int, value: bytes) -> dict[str, Any]:
    data = bytes([algorithm]) + value
    return {
        "algorithm": algorithm,
        "digest": value.hex(),
        "prf_input": (b"SIGFED-V1\0" + SUBSET + struct.pack(">BH", algorithm, len(value)) + value).hex(),
        "screen": blake2b(data, digest_size=8, person=b"SIGFED1-scr\0\0\0\0\0").hexdigest(),
    }


def _bits_to_bytes(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))


def _code(values: Sequence[int], bound: int) -> bytes:
    if not values:
        return b""
    k = 0
    while len(values) * 2**k * 1000 < 481 * bound:
        k += 1
    gaps = [value - before for before, value in zip([0, *values], values, strict=False)]
    unary = "".join("0" * (gap >> k) + "1" for gap in gaps)
    remainders = "".join(f"{gap % 2**k:0{k}b}" for gap in gaps) if k else ""
    return _bits_to_bytes(unary) + _bits_to_bytes(remainders)


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _chunked(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _set(name: str, width: int, values: list[int]) -> dict[str, Any]:
    return {
        "name": name,
        "width": width,
        "values": values,
        "code": _code(values, 2**width).hex(),
        "root": _root(_chunked(struct.pack(f">{len(values)}Q", *values), 8192)).hex(),
    }


def _surplus(values: list[int], other: list[int]) -> list[int]:
    left = list(other)
    places = []
    for place, value in enumerate(values):
        if value in left:
            left.remove(value)
        else:
            places.append(place)
    return places


def _delta(name: str, width: int, old: list[int], new: list[int]) -> dict[str, Any]:
    removed, inserted = _surplus(old, new), _surplus(new, old)
    code = _code(removed, len(old))
    head = struct.pack(">III", len(removed), len(inserted), len(code))
    added = _code([new[place] for place in inserted], 2**width)
    return {"name": name, "width": width, "old": old, "new": new, "delta": (head + code + added).hex()}


def _label(number: int, collection: int, sources: list[tuple[int, int]]) -> dict[str, Any]:
    output = sha512(b"output %d" % number).digest()
    data = struct.pack(">HBB", collection, len(sources), 0)
    for source, index in sources:
        data += bytes([source]) + index.to_bytes(6, "big")
    data = data.ljust(32, b"\0")
    key = HKDFExpand(SHA512(), 32, b"SIGFED-V1 label").derive(output)
    bound_to = SUBSET + struct.pack(">I", EPOCH) + output[:8]
    return {
        "collection": collection,
        "sources": sources,
        "plaintext": data.hex(),
        "output": output.hex(),
        "epoch": EPOCH,
        "sealed": AESGCMSIV(key).encrypt(bytes(12), data, bound_to).hex(),
    }


def _label_delta() -> dict[str, Any]:
    a, b, c, d = (bytes([letter]) * 48 for letter in b"ABCD")
    old_answers, old_labels = [1, 5, 5, 9], [a, b, c, d]
    new_answers, new_labels = [1, 3, 5, 5], [b, c, b, c]
    written = [0, 1]  # the label of 1 changed, 3 is new, both 5 stay, 9 is gone
    code = _code(written, len(new_answers))
    delta = struct.pack(">I", len(written)) + code + b"".join(new_labels[place] for place in written)
    return {
        "old_answers": old_answers,
        "old_labels": b"".join(old_labels).hex(),
        "new_answers": new_answers,
        "new_labels": b"".join(new_labels).hex(),
        "delta": delta.hex(),
        "new_root": _root([b"".join(new_labels)]).hex(),
    }


def _filter() -> dict[str, Any]:
    data = cbor2.dumps({0: 1, 1: [1, 2], 2: [1, 2, 3, 4], 3: 12, 4: True}, canonical=True)
    return {
        "collections": [1, 2],
        "algorithms": [1, 2, 3, 4],
        "screen_bits": 12,
        "labels": True,
        "bytes": data.hex(),
        "sha256": sha256(data).hexdigest(),
    }


def _exclusions() -> dict[str, Any]:
    salt = bytes(range(32))
    items = b"".join(struct.pack(">BH", number, len(value)) + value for number, value in DIGESTS.items())
    return {"salt": salt.hex(), "hash": sha256(b"sigfed/exclusions/v1\0" + salt + items).hexdigest()}


def _manifest(*, labels: bytes | None) -> dict[str, Any]:
    fields: dict[int, Any] = {
        0: 1,
        1: SUBSET,
        2: EPOCH,
        3: 1,
        4: 620_000,
        5: 1_000_000,
        6: 32,
        7: 52,
        8: sha256(b"pk").digest(),
        9: sha256(b"screen").digest(),
        10: sha256(b"answers").digest(),
        12: [
            [0, "fr.example/lists/main", 1_200_345, sha256(b"fr").digest()],
            [1, "nl.example/lists/main", 990_001, sha256(b"nl").digest()],
        ],
        13: sha256(b"members").digest(),
        14: sha256(b"filter").digest(),
        15: sha256(b"criteria").digest(),
        16: sha256(b"witness policy").digest(),
        17: sha256(b"exclusions").digest(),
        18: 1_767_225_600_000,
    }
    if labels is not None:
        fields[11] = labels
    data = cbor2.dumps(fields, canonical=True)
    named = {
        str(key): value.hex() if isinstance(value, bytes) else value for key, value in sorted(fields.items())
    }
    named["12"] = [[*source[:3], source[3].hex()] for source in fields[12]]
    return {"fields": named, "bytes": data.hex()}
