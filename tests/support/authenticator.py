"""An authenticator written from the standard (Web Authentication, level 3, §6), with keys that really sign."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://localhost:8444"
HOST = "localhost"

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One passkey, as its browser at `origin` speaks for it."""

    origin: str = ORIGIN
    host: str = HOST
    flags: int = PRESENT | VERIFIED
    count: int = 0
    """0: an authenticator that does not count."""
    cross_origin: bool = False
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    credential: bytes = field(default_factory=lambda: os.urandom(32))
    user: bytes = b""

    def make(self, options: str, *, form: str = "none", **changed: Any) -> str:
        """What `navigator.credentials.create` answers to the console's question."""
        asked = json.loads(options)
        assert asked["authenticatorSelection"]["residentKey"] == "required"
        assert asked["authenticatorSelection"]["userVerification"] == "required"
        assert asked["attestation"] == "none"
        self.user = decode(asked["user"]["id"])
        attested = bytes(16) + len(self.credential).to_bytes(2) + self.credential + self._cose()
        statement: dict[str, Any] = {}
        attestation = cbor2.dumps(
            {"fmt": form, "attStmt": statement, "authData": self._data(self.flags | ATTESTED) + attested}
        )
        return self._answer(
            {
                "clientDataJSON": encode(self._client("webauthn.create", asked["challenge"])),
                "attestationObject": encode(attestation),
            },
            changed,
        )

    def show(self, options: str, **changed: Any) -> str:
        """What `navigator.credentials.get` answers."""
        asked = json.loads(options)
        assert asked["userVerification"] == "required"
        allowed = [decode(each["id"]) for each in asked.get("allowCredentials", [])]
        assert not allowed or self.credential in allowed, "a browser shows what was asked for"
        if self.count:
            self.count += 1
        client = self._client("webauthn.get", asked["challenge"])
        data = self._data(self.flags)
        signature = self.key.sign(data + sha256(client).digest(), ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": encode(client),
                "authenticatorData": encode(data),
                "signature": encode(signature),
                "userHandle": encode(self.user),
            },
            changed,
        )

    def _answer(self, response: dict[str, str], changed: dict[str, Any]) -> str:
        named = encode(self.credential)
        whole: dict[str, Any] = {
            "id": named,
            "rawId": named,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": response | {name: value for name, value in changed.items() if name in response},
        }
        return json.dumps(whole | {name: value for name, value in changed.items() if name not in response})

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(said).encode()

    def _data(self, flags: int) -> bytes:
        return sha256(self.host.encode()).digest() + bytes((flags,)) + self.count.to_bytes(4)

    def _cose(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """What `encode` was given."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
