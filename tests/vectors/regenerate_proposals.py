"""Writes proposals.json from docs/spec/proposal.md alone, without this project's own encoders.

What a partner proposes, and what a node says of it.
"""

import json
from base64 import b64encode
from hashlib import md5, sha1, sha256, shake_256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TIME_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
PARTNER, NODE = "hoster", "fr.example"
PROPOSAL_ID = bytes(range(16))
SUBSET_ID = bytes(range(16, 32))
MD5, SHA1, SHA256, PDQ, PHOTODNA = 1, 2, 3, 4, 5
STATEMENT = Ed25519PrivateKey.from_private_bytes(sha256(b"statement").digest())


def cbor(value: dict[int, Any]) -> bytes:
    """docs/spec/encoding.md, rule 1."""
    return cbor2.dumps(value, canonical=True)


def statement(kind: str, payload: bytes) -> bytes:
    """docs/spec/statement.md, rules 1 and 2; DSSE 1.0.2, protocol.md."""
    kind = f"application/vnd.sigfed.{kind}.v1+cbor"
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signature = {
        "keyid": sha256(STATEMENT.public_key().public_bytes_raw()).hexdigest()[:16],
        "sig": b64encode(STATEMENT.sign(signed)).decode(),
    }
    envelope = {"payload": b64encode(payload).decode(), "payloadType": kind, "signatures": [signature]}
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()


def files() -> list[dict[int, bytes]]:
    """A picture with all hashes that there are, and a file of which one is known."""
    picture = b"a made-up picture"
    return [
        {
            MD5: md5(picture, usedforsecurity=False).digest(),
            SHA1: sha1(picture, usedforsecurity=False).digest(),
            SHA256: sha256(picture).digest(),
            PDQ: shake_256(picture).digest(32),
            PHOTODNA: shake_256(picture).digest(144),
        },
        {SHA256: sha256(b"a made-up film").digest()},
    ]


def messages() -> dict[str, bytes]:
    """docs/spec/proposal.md, Proposal, Receipt and State."""
    proposal = cbor(
        {
            0: 1,
            1: PARTNER,
            2: SUBSET_ID,
            3: PROPOSAL_ID,
            4: 1,
            5: "found by our moderators",
            6: "abuse@hoster.example",
            7: files(),
        }
    )
    silent = cbor(
        {0: 1, 1: PARTNER, 2: SUBSET_ID, 3: PROPOSAL_ID, 4: 0, 5: "told by a user", 6: "", 7: files()[1:]}
    )
    receipt = cbor(
        {0: 1, 1: NODE, 2: PARTNER, 3: PROPOSAL_ID, 4: sha256(proposal).digest(), 5: 2, 6: TIME_MS}
    )
    return {
        "proposal": proposal,
        "proposal that claims nothing": silent,
        "receipt": statement("proposal-receipt", receipt),
        "state": cbor({0: 1, 1: TIME_MS, 2: [[2, ""], [3, "an adult, by her papers"]]}),
        "state before anybody decided": cbor({0: 1, 1: TIME_MS, 2: [[1, ""], [4, ""]]}),
    }


def vectors() -> dict[str, Any]:
    """The content of proposals.json."""
    return {
        "source": "docs/spec/proposal.md; written by regenerate_proposals.py with json, hashlib, cbor2, cryptography",
        "keys": {"statement": STATEMENT.public_key().public_bytes_raw().hex()},
        "messages": {name: data.hex() for name, data in messages().items()},
    }
