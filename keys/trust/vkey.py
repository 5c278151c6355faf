"""The verifier keys of logs and witnesses, as C2SP writes them: `NAME+HASH+BASE64`.

Here such a text is only admitted: one of our two signature types, the hash its own, the key good for its role. Signing
and verifying notes with it is `protocol.tlog.note`'s matter. Spec: docs/spec/trust.md, "Log and witness keys".
Source: C2SP signed-note, "Verifier keys"; C2SP tlog-cosignature.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from keys.encoding import Fields, Json, b64, unb64
from keys.errors import MalformedTrustError
from keys.key import LogPublicKey, PublicKey, WitnessPublicKey
from keys.trust.window import Window

_VKEY: Final = re.compile(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_TYPES: Final[dict[int, type[LogPublicKey | WitnessPublicKey]]] = {0x01: LogPublicKey, 0x04: WitnessPublicKey}


@dataclass(frozen=True, slots=True)
class DatedVkey:
    """A verifier key and when it counts.

    Type 0x01 (Ed25519) is a log's key, type 0x04 (cosignature/v1) a witness's. Raises `MalformedTrustError` for another
    type or form, `MalformedKeyError` for a key that is not admissible.
    """

    vkey: str
    valid: Window

    def __post_init__(self) -> None:
        read_vkey(self.vkey)

    @classmethod
    def of(cls, key: LogPublicKey | WitnessPublicKey, *, name: str, valid: Window) -> Self:
        """The verifier key of `key` under `name`, the log's origin or the witness's name."""
        kind = 0x01 if isinstance(key, LogPublicKey) else 0x04
        body = bytes([kind]) + key.raw
        return cls(f"{name}+{_hash(name, body)}+{b64(body)}", valid)

    @property
    def name(self) -> str:
        """The log's origin or the witness's name."""
        return self.vkey.partition("+")[0]

    @property
    def key(self) -> PublicKey:
        """The key inside."""
        return read_vkey(self.vkey)

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"vkey": self.vkey, "valid": self.valid.to_fields()}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        return cls(fields.text("vkey"), Window.read(fields))


def read_vkey(vkey: str) -> PublicKey:
    """The key in a verifier key; raises `MalformedTrustError` or `MalformedKeyError`."""
    match = _VKEY.fullmatch(vkey)
    if match is None:
        raise MalformedTrustError("vkey: not a name, a hash and a key")
    name, hashed, encoded = match.groups()
    body = unb64(encoded, error=MalformedTrustError)
    if body[0] not in _TYPES:
        raise MalformedTrustError("vkey: a signature type we cannot verify")
    if hashed != _hash(name, body):
        raise MalformedTrustError("vkey: the hash is not that of the name and key")
    return _TYPES[body[0]].from_bytes(body[1:])


def _hash(name: str, body: bytes) -> str:
    return sha256(name.encode("utf-8") + b"\n" + body).hexdigest()[:8]
