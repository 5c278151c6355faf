"""Ed25519 keys whose type names their purpose.

A function that takes a `LogPublicKey` cannot be handed a `TokenPublicKey`, and a text with the prefix of one role
is refused as a key of another. Every public key passes admission before it exists: 32 bytes, canonical, in the prime
order group. Verification is libsodium's (PyNaCl): other libraries accept, under the identity key, one forged
signature for all messages. Rotation and validity are the trust documents' matter. Spec: docs/spec/keys.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import ClassVar, Final, Generic, NoReturn, Self

import nacl.exceptions
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.signing import SigningKey, VerifyKey
from typing_extensions import TypeVar, override

from keys.encoding import b64u, unb64u
from keys.errors import BadSignatureError, MalformedKeyError
from keys.roles import Role

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_REMEMBERED: Final = 4096
"""Public keys whose admission, a multiplication on the curve, is not repeated: a federation has some hundreds."""

PublicT_co = TypeVar("PublicT_co", bound="PublicKey", covariant=True, default="PublicKey")


@dataclass(frozen=True, slots=True, repr=False)
class PublicKey:
    """An admitted Ed25519 public key (RFC 8032) of the role its subclass names.

    Keys of two roles are never equal, even with the same bytes. Raises `MalformedKeyError` for bytes that are not
    32, not canonical, not on the curve or of low order.
    """

    role: ClassVar[Role]
    raw: bytes

    def __post_init__(self) -> None:
        if type(self) is PublicKey:
            raise TypeError("a key without a role")
        # A low-order key makes signatures that fit every message; a second encoding makes two keys of one.
        if len(self.raw) != KEY_BYTES or not _is_valid_point(self.raw):
            raise MalformedKeyError("not an admissible Ed25519 public key for {role}", self.role)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.kid}>"

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The key with these 32 bytes; raises `MalformedKeyError`."""
        return cls(bytes(raw))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The key in `sigfed-<role>-pub:<base64url>`; raises `MalformedKeyError`, also for another role's key."""
        return cls(_read_text(text, _prefix(cls.role, "pub")))

    def to_text(self) -> str:
        """`sigfed-<role>-pub:` and the 32 bytes in unpadded base64url."""
        return _prefix(self.role, "pub") + b64u(self.raw)

    @property
    def kid(self) -> str:
        """The key's short name: 16 hex digits, the first 8 bytes of SHA-256 of the key."""
        return sha256(self.raw).hexdigest()[:16]

    def verify(self, message: bytes, signature: bytes) -> None:
        """Returns if `signature` (64 bytes) is this key's of `message`, else raises `BadSignatureError`."""
        try:
            VerifyKey(self.raw).verify(message, signature)
        except (nacl.exceptions.BadSignatureError, nacl.exceptions.ValueError):
            raise BadSignatureError("the signature is not by {role} key {kid}", self.role, self.kid) from None


class RootPublicKey(PublicKey):
    """Verifies root metadata and, until targets metadata exists, trust documents."""

    __slots__ = ()
    role = Role.ROOT


class TargetsPublicKey(PublicKey):
    """Verifies targets metadata."""

    __slots__ = ()
    role = Role.TARGETS


class SnapshotPublicKey(PublicKey):
    """Verifies snapshot metadata."""

    __slots__ = ()
    role = Role.SNAPSHOT


class TimestampPublicKey(PublicKey):
    """Verifies timestamp metadata."""

    __slots__ = ()
    role = Role.TIMESTAMP


class LogPublicKey(PublicKey):
    """Verifies checkpoints."""

    __slots__ = ()
    role = Role.LOG


class WitnessPublicKey(PublicKey):
    """Verifies cosignatures."""

    __slots__ = ()
    role = Role.WITNESS


class AuthPublicKey(PublicKey):
    """Verifies assertions with which a caller asks for a token."""

    __slots__ = ()
    role = Role.AUTH


class TokenPublicKey(PublicKey):
    """Verifies access tokens."""

    __slots__ = ()
    role = Role.TOKEN


class StatementPublicKey(PublicKey):
    """Verifies receipts and acknowledgements."""

    __slots__ = ()
    role = Role.STATEMENT


class PrivateKey(Generic[PublicT_co]):
    """An Ed25519 private key of one role: shown nowhere, compared with nothing, written only by `to_text`."""

    __slots__ = ("_public", "_signing")
    __hash__ = None  # type: ignore[assignment]  # a secret is not a dictionary key

    role: ClassVar[Role]
    public_type: ClassVar[type[PublicKey]] = PublicKey

    @override
    def __init_subclass__(cls, *, public_type: type[PublicKey]) -> None:
        cls.public_type = public_type
        cls.role = public_type.role

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise MalformedKeyError("a private key for {role} is {size} bytes", self.role, KEY_BYTES)
        self._signing = SigningKey(bytes(seed))
        self._public: PublicT_co = self.public_type(bytes(self._signing.verify_key))  # type: ignore[assignment]  # the subclass pairs them

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of this 32-byte seed (RFC 8032 section 5.1.5); raises `MalformedKeyError`."""
        return cls(seed)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The key in `sigfed-<role>-key:<base64url>`; raises `MalformedKeyError`, also for another role's key."""
        return cls(_read_text(text, _prefix(cls.role, "key")))

    def to_text(self) -> str:
        """`sigfed-<role>-key:` and the seed in unpadded base64url. Secret."""
        return _prefix(self.role, "key") + b64u(self.seed)

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes."""
        return bytes(self._signing)

    @property
    def public(self) -> PublicT_co:
        """The public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message` (RFC 8032 section 5.1.6)."""
        return self._signing.sign(message).signature

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._public.kid}>"

    @override
    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("private keys are not compared; compare their public halves")

    @override
    def __reduce__(self) -> NoReturn:
        raise TypeError("private keys are not pickled or copied")


class RootPrivateKey(PrivateKey[RootPublicKey], public_type=RootPublicKey):
    """Signs root metadata."""

    __slots__ = ()


class TargetsPrivateKey(PrivateKey[TargetsPublicKey], public_type=TargetsPublicKey):
    """Signs targets metadata."""

    __slots__ = ()


class SnapshotPrivateKey(PrivateKey[SnapshotPublicKey], public_type=SnapshotPublicKey):
    """Signs snapshot metadata."""

    __slots__ = ()


class TimestampPrivateKey(PrivateKey[TimestampPublicKey], public_type=TimestampPublicKey):
    """Signs timestamp metadata."""

    __slots__ = ()


class LogPrivateKey(PrivateKey[LogPublicKey], public_type=LogPublicKey):
    """Signs checkpoints."""

    __slots__ = ()


class WitnessPrivateKey(PrivateKey[WitnessPublicKey], public_type=WitnessPublicKey):
    """Signs cosignatures."""

    __slots__ = ()


class AuthPrivateKey(PrivateKey[AuthPublicKey], public_type=AuthPublicKey):
    """Signs assertions."""

    __slots__ = ()


class TokenPrivateKey(PrivateKey[TokenPublicKey], public_type=TokenPublicKey):
    """Signs access tokens."""

    __slots__ = ()


class StatementPrivateKey(PrivateKey[StatementPublicKey], public_type=StatementPublicKey):
    """Signs receipts and acknowledgements."""

    __slots__ = ()


PRIVATE_KEY_TYPES: Final[Mapping[Role, type[PrivateKey]]] = MappingProxyType(
    {
        kind.role: kind
        for kind in (
            RootPrivateKey,
            TargetsPrivateKey,
            SnapshotPrivateKey,
            TimestampPrivateKey,
            LogPrivateKey,
            WitnessPrivateKey,
            AuthPrivateKey,
            TokenPrivateKey,
            StatementPrivateKey,
        )
    }
)
"""The private key type of each role that signs with Ed25519; its `public_type` is the public one."""


@lru_cache(_REMEMBERED)
def _is_valid_point(raw: bytes) -> bool:
    return bool(crypto_core_ed25519_is_valid_point(raw))


def _prefix(role: Role, half: str) -> str:
    return f"sigfed-{role}-{half}:"


def _read_text(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise MalformedKeyError("a key text that does not start with {prefix}", prefix)
    return unb64u(text.removeprefix(prefix), error=MalformedKeyError)
