"""A key that lies elsewhere: a file in place of a key file, which says where, and what its public half is.

    {"v":1,"uri":"pkcs11:token=…","public":"sigfed-log-pub:…"}

It holds no secret. Whoever can write it can only have other signatures made, which no trust file lets count; every
signature is verified under `public`. Spec: docs/spec/keys.md, "Signing".
"""

from dataclasses import dataclass
from typing import Final

from keys.encoding import dump, load
from keys.errors import MalformedKeyFileError
from keys.key import PRIVATE_KEY_TYPES, PublicKey
from keys.roles import Role

_VERSION: Final = 1
_MAX_BYTES: Final = 4096
_MAX_URI: Final = 1024
_MARK: Final = b'"uri"'


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a key is."""

    uri: str
    public: str
    """Text of its public half, which names its role."""

    def to_bytes(self) -> bytes:
        """The reference as its file holds it: JSON, and a line feed."""
        return dump({"v": _VERSION, "uri": self.uri, "public": self.public}) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> "Reference":
        """Read the file; raises `MalformedKeyFileError`."""
        fields = load(data, max_bytes=_MAX_BYTES, where="key reference", error=MalformedKeyFileError)
        fields.only("v", "uri", "public")
        fields.integer("v", least=_VERSION, most=_VERSION)
        return cls(fields.text("uri", longest=_MAX_URI), fields.text("public"))

    def key(self, role: Role) -> PublicKey:
        """Its public half; raises `MalformedKeyError` for another role's."""
        return PRIVATE_KEY_TYPES[role].public_type.from_text(self.public)


def is_reference(data: bytes) -> bool:
    """Whether a file in the folder of key files says where a key is, instead of holding it."""
    return len(data) <= _MAX_BYTES and _MARK in data
