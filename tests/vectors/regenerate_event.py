"""Writes event.json from the text of docs/spec/event.md alone, without this project's own encoders."""

import struct
from hashlib import sha1, sha256
from typing import Any

import cbor2

ORIGIN = "fr.example/lists/main"
TIME_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SHA1 = sha1(b"synthetic", usedforsecurity=False).digest()
SHA256 = sha256(b"synthetic").digest()
BLOCK = ["nl.example/lists/main", 4, sha256(b"block").digest()]
PEER = ["nl.example/lists/main", 9, sha256(b"peer").digest()]
FULL = {
    1: bytes(range(16)),
    2: 3,
    3: 2,
    4: 20_819,  # 2027-01-01
    5: ["DE", "FR"],
    6: "pdq/1/full",
    8: [BLOCK],
}

# name, op, collection, header algorithm, flags, ref, digest algorithm, digest, ext
CASES: list[tuple[str, int, int, int, int, int, int, bytes, dict[int, Any]]] = [
    ("continue", 6, 0, 0, 0, 0, 0, b"", {10: ["fr.example/lists/old", 1000, sha256(b"root").digest()]}),
    ("add", 1, 1, 3, 0, 0, 3, SHA256, FULL),
    ("add with hidden algorithm", 1, 1, 0, 0, 0, 2, SHA1, {2: 3, 3: 1}),
    ("add that relies on a peer", 1, 2, 0, 0, 0, 2, SHA1, {2: 3, 3: 3, 9: PEER}),
    ("add that relies on an export", 1, 1024, 0, 0, 0, 2, SHA1, {3: 3, 9: "export 2026-01"}),
    ("add without statement", 1, 4, 3, 0, 0, 3, SHA256, {}),
    ("amend", 3, 1, 0, 0, 1, 0, b"", {2: 4, 3: 1, 4: 0}),
    ("withdraw as an error", 2, 1, 0, 0, 1, 0, b"", {7: 1}),
    ("withdraw and shred", 2, 1, 0, 1, 1, 0, b"", {7: 2}),
    ("dispute", 4, 1, 3, 0, 0, 3, SHA256, {7: 1}),
    ("resolve and shred", 5, 1, 0, 1, 9, 0, b"", {}),
    ("key of a later version", 1, 1, 0, 0, 0, 2, SHA1, {2: 3, 3: 1, 11: {0: b"kept"}}),
]


def vectors() -> dict[str, Any]:
    """The content of event.json."""
    origin_hash = sha256(ORIGIN.encode()).digest()
    events = [_event(number, origin_hash, *case) for number, case in enumerate(CASES)]
    source = "docs/spec/event.md; written by regenerate_event.py with struct, hashlib and cbor2"
    return {"source": source, "origin": ORIGIN, "origin_hash": origin_hash.hex(), "events": events}


def _event(
    number: int,
    origin_hash: bytes,
    name: str,
    op: int,
    collection: int,
    algorithm: int,
    flags: int,
    ref: int,
    digest_algorithm: int,
    digest: bytes,
    ext: dict[int, Any],
) -> dict[str, Any]:
    time_ms = TIME_MS + number
    nonce = sha256(b"nonce %d" % number).digest()[:16]
    header = struct.pack(">BBHBBHQQ", 1, op, collection, algorithm, flags, 0, time_ms, ref)
    coded = cbor2.dumps(ext, canonical=True)
    opening = nonce + bytes([digest_algorithm, len(digest)]) + digest + struct.pack(">H", len(coded)) + coded
    event = header + sha256(b"sigfed/commit/v1\0" + origin_hash + header + opening).digest()
    return {
        "name": name,
        "header": {
            "op": op,
            "collection": collection,
            "algorithm": algorithm,
            "flags": flags,
            "time_ms": time_ms,
            "ref": ref,
        },
        "header_bytes": header.hex(),
        "ext_keys": sorted(ext),
        "opening": opening.hex(),
        "event": event.hex(),
        "leaf_hash": sha256(b"\0" + event).hexdigest(),
    }
