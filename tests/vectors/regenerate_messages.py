"""Writes messages.json from the pages under docs/spec alone, without this project's own encoders.

What nodes and partners sign or tell each other about lists: reports, statements, gossip, evidence, audit records,
invitations.
"""

import hmac
import json
from base64 import b32encode, b64encode
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TIME_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
NODE, PEER, PARTNER = "fr.example", "nl.example", "hoster"
LIST = "fr.example/lists/main"
DIGEST = sha256(b"synthetic").digest()
REPORT_ID = bytes(range(16))
SUBSET_ID = bytes(range(16, 32))
PRF_OUTPUT = bytes(range(64))
ROOT_SHA256 = sha256(b"1.root.json").digest()
LABEL = bytes.fromhex("0001 02 00  00 000000000005  01 000000000009").ljust(
    32, b"\0"
)  # docs/spec/subset.md, Labels


def key(name: str) -> Ed25519PrivateKey:
    """A key whose seed is the hash of its name."""
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def public(name: str) -> bytes:
    """The 32 bytes of that key's public half."""
    return key(name).public_key().public_bytes_raw()


def cbor(value: dict[int, Any]) -> bytes:
    """docs/spec/encoding.md, rule 1."""
    return cbor2.dumps(value, canonical=True)


def statement(kind: str, payload: bytes) -> bytes:
    """docs/spec/statement.md, rules 1 and 2; DSSE 1.0.2, protocol.md."""
    kind = f"application/vnd.sigfed.{kind}.v1+cbor"
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    envelope = {
        "payload": b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [
            {
                "keyid": sha256(public("statement")).hexdigest()[:16],
                "sig": b64encode(key("statement").sign(signed)).decode(),
            }
        ],
    }
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()


def note(origin: str, size: int, root: bytes) -> bytes:
    """docs/spec/log.md; C2SP tlog-checkpoint and signed-note."""
    text = f"{origin}\n{size}\n{b64encode(root).decode()}\n".encode()
    key_hash = sha256(origin.encode() + b"\n\x01" + public("log")).digest()[:4]
    signature = b64encode(key_hash + key("log").sign(text)).decode()
    return text + f"\n— {origin} {signature}\n".encode()


def leaf(number: int) -> bytes:
    """The leaf hash of a made-up event."""
    return sha256(b"\0" + bytes([number]) * 56).digest()


def parent(left: bytes, right: bytes) -> bytes:
    """RFC 9162, section 2.1.1."""
    return sha256(b"\1" + left + right).digest()


def reports() -> dict[str, bytes]:
    """docs/spec/statement.md, Report, Receipt and Case."""
    body = {0: 1, 1: PARTNER, 2: SUBSET_ID, 3: 2, 4: 7, 5: 3, 6: DIGEST, 7: REPORT_ID}
    late = body | {8: 1}
    hit_key = hmac.digest(PRF_OUTPUT, b"SIGFED-V1 hit\x01", "sha512")[:32]
    receipt = {
        0: 1,
        1: NODE,
        2: PARTNER,
        3: REPORT_ID,
        4: sha256(cbor(body)).digest(),
        5: SUBSET_ID,
        6: 2,
        7: 7,
        8: LABEL,
        9: TIME_MS,
    }
    answer = statement(
        "case-answer", cbor({0: 1, 1: PARTNER, 2: REPORT_ID, 3: 1, 4: "withdrawn", 5: TIME_MS + 5})
    )
    return {
        "report": hmac.digest(hit_key, cbor(body), "sha256") + cbor(body),
        "report found in an earlier epoch": hmac.digest(hit_key, cbor(late), "sha256") + cbor(late),
        "receipt": statement("receipt", cbor(receipt)),
        "dispute of a partner": cbor({0: 1, 1: REPORT_ID, 2: "our own logo", 3: "abuse@hoster.example"}),
        "open case": cbor({0: 1, 1: TIME_MS, 2: TIME_MS + 9, 3: b""}),
        "answered case": cbor({0: 1, 1: TIME_MS, 2: TIME_MS + 9, 3: answer}),
        "answer": answer,
    }


def statements() -> dict[str, bytes]:
    """docs/spec/acknowledgement.md and transfer.md."""
    held = {1: 1, 2: PEER, 3: LIST, 4: TIME_MS, 5: 388, 6: leaf(1)}
    transfer = {
        0: 1,
        1: NODE,
        2: PEER,
        3: TIME_MS,
        4: [1, 2],
        5: [["fr.example/lists/extra", 0], [LIST, 388]],
    }
    return {
        "acknowledgement": statement("acknowledgement", cbor(held | {7: 300})),
        "acknowledgement without releases": statement("acknowledgement", cbor(held)),
        "transfer": statement("transfer", cbor(transfer)),
        "transfer of some algorithms": statement("transfer", cbor(transfer | {6: [1, 3]})),
    }


def told() -> dict[str, bytes]:
    """docs/spec/gossip.md and evidence.md."""
    two, other_two = parent(leaf(0), leaf(1)), parent(leaf(0), leaf(2))
    three = parent(two, leaf(3))
    held, offered = note(LIST, 2, two), note(LIST, 2, other_two)
    larger = note(LIST, 3, three)
    fork = cbor({0: 1, 1: 1, 2: held, 3: offered})
    files = [[NODE, 1, ROOT_SHA256, 7, leaf(4)], [NODE, 2, ROOT_SHA256, 3, leaf(5)]]
    return {
        "fork": fork,
        "rollback": cbor({0: 1, 1: 2, 2: larger, 3: held}),
        "divergence": cbor({0: 1, 1: 3, 2: offered, 3: larger, 4: two, 5: [leaf(3)]}),
        "trust fork": cbor({0: 1, 1: 4, 2: b"{}", 3: b"[]", 4: NODE, 5: "members"}),
        "gossip": cbor({0: 1, 1: [[LIST, larger]], 2: files, 3: [sha256(fork).digest()]}),
    }


def kept() -> dict[str, bytes]:
    """docs/spec/audit.md and enrolment.md."""
    record = {
        0: 1,
        1: TIME_MS,
        2: "a.martin",
        3: "peer.grant",
        4: PEER,
        5: "ok",
        6: [["algorithms", "all"], ["grant", "baseline"]],
        7: REPORT_ID,
    }
    secret, spki, auth_key = bytes(range(16)), sha256(b"spki").digest(), public("auth")
    string = b"sigfed/enrol/v1\0" + ROOT_SHA256 + spki + sha256(cbor({1: auth_key})).digest()
    code = b32encode(ROOT_SHA256[:16] + secret).decode().rstrip("=")
    return {
        "audit record": cbor(record),
        "invitation": f"https://fr.example:8443/#{code}".encode(),
        "invitation id": sha256(b"sigfed/invite/v1\0" + secret).digest()[:16],
        "enrolment string": string,
        "enrolment MAC": hmac.digest(secret, string, "sha256"),
    }


def vectors() -> dict[str, Any]:
    """The content of messages.json."""
    return {
        "source": "docs/spec; written by regenerate_messages.py with json, hashlib, hmac, cbor2 and cryptography",
        "keys": {name: public(name).hex() for name in ("statement", "log", "auth")},
        "messages": {
            name: data.hex() for name, data in {**reports(), **statements(), **told(), **kept()}.items()
        },
    }
