"""Private keys at rest: a JSON file that a passphrase opens.

Argon2id makes each guess at the passphrase cost memory; AES-256-GCM encrypts the secret and authenticates every other
field, so a file cannot be relabelled as another node's or role's key. The header reads without the passphrase, under
bounds: a stranger's file must not make us allocate a terabyte. Modes, owners and renames of files are
`node.signing`'s matter. Spec: docs/spec/keys.md, "Key file". Sources: RFC 9106, NIST SP 800-38D.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys.encoding import Fields, Json, b64, dump, load
from keys.errors import MalformedKeyFileError, WrongPassphraseError
from keys.key import PRIVATE_KEY_TYPES, PrivateKey
from keys.roles import Role

VERSION: Final = 1
MAX_FILE_BYTES: Final = 65_536
MAX_SECRET_BYTES: Final = 32_768
MAX_MEMORY_KIB: Final = 4 * 1024 * 1024
MAX_TIME_COST: Final = 16
MAX_LANES: Final = 16
MAX_WORK_KIB: Final = 8 * 1024 * 1024
"""Most memory times passes: some ten seconds of one machine."""

_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_DOMAIN: Final = b"sigfed/keyfile/v1\0"
_WHERE: Final = "key file"
_FIELDS: Final = ("v", "role", "node", "public", "kdf", "aead", "nonce", "ciphertext")


@dataclass(frozen=True, slots=True)
class KdfProfile:
    """What one guess at a passphrase costs (Argon2id, RFC 9106): passes, memory in KiB, lanes.

    Raises `MalformedKeyFileError` for costs that are outside our bounds.
    """

    time_cost: int
    memory_kib: int
    lanes: int

    def __post_init__(self) -> None:
        if not 1 <= self.time_cost <= MAX_TIME_COST or not 1 <= self.lanes <= MAX_LANES:
            raise MalformedKeyFileError("{where}: passes or lanes out of range", _WHERE)
        if not 8 * self.lanes <= self.memory_kib <= MAX_MEMORY_KIB:
            raise MalformedKeyFileError("{where}: memory out of range", _WHERE)
        if self.time_cost * self.memory_kib > MAX_WORK_KIB:
            raise MalformedKeyFileError("{where}: more work than we do for a key", _WHERE)


ONLINE: Final = KdfProfile(3, 64 * 1024, 4)
"""For keys the running node opens at start: about 0.1 s."""
OFFLINE: Final = KdfProfile(1, 2 * 1024 * 1024, 4)
"""For keys in a safe: 2 GiB, about 2 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFileHeader:
    """What a key file says without its passphrase; unproven until `unseal` succeeds."""

    role: Role
    node: str
    public: str
    """Text of the public key; empty where there is none."""
    profile: KdfProfile
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """What a passphrase gives under one salt and one cost: it seals and opens every key file that has both.

    Whoever guesses one passphrase has all files it opens, so files that share a salt make no guess cheaper; they spare
    their owner a derivation for each.
    """

    salt: bytes
    profile: KdfProfile
    key: bytes = field(repr=False)

    @classmethod
    def fresh(
        cls, passphrase: bytes, *, profile: KdfProfile, entropy: Callable[[int], bytes]
    ) -> "WrappingKey":
        """With a new salt, for new files; an empty passphrase is a programming mistake."""
        assert passphrase, "an empty passphrase protects nothing"
        salt = entropy(_SALT_BYTES)
        assert len(salt) == _SALT_BYTES
        return cls.derive(passphrase, salt=salt, profile=profile)

    @classmethod
    def derive(cls, passphrase: bytes, *, salt: bytes, profile: KdfProfile) -> "WrappingKey":
        """For files that exist. Slow on purpose; raises `MemoryError` where the profile's memory cannot be had."""
        kdf = Argon2id(
            salt=salt,
            length=32,
            iterations=profile.time_cost,
            lanes=profile.lanes,
            memory_cost=profile.memory_kib,
        )
        return cls(salt, profile, kdf.derive(passphrase))

    def opens(self, header: "KeyFileHeader") -> bool:
        """Whether it was derived as that file asks."""
        return (self.salt, self.profile) == (header.salt, header.profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedKey:
    """A secret, and the authenticated labels of the file it came from."""

    secret: bytes = field(repr=False)
    role: Role
    node: str
    public: str

    def private_key(self) -> PrivateKey:
        """The Ed25519 key of the file's role; raises `MalformedKeyFileError` if it is none, or not the labelled one."""
        kind = PRIVATE_KEY_TYPES.get(self.role)
        if kind is None or len(self.secret) != 32:
            raise MalformedKeyFileError("{where}: its {role} key is not an Ed25519 key", _WHERE, self.role)
        key = kind.from_seed(self.secret)
        if key.public.to_text() != self.public:
            raise MalformedKeyFileError("{where}: the public key is not that of the secret", _WHERE)
        return key


@dataclass(frozen=True, slots=True)
class _Sealed:
    header: KeyFileHeader
    nonce: bytes
    ciphertext: bytes

    def labels(self) -> dict[str, Json]:
        """Every field but the ciphertext: what the tag authenticates."""
        profile = self.header.profile
        return {
            "v": VERSION,
            "role": self.header.role,
            "node": self.header.node,
            "public": self.header.public or None,
            "kdf": {
                "name": "argon2id",
                "t": profile.time_cost,
                "m_kib": profile.memory_kib,
                "p": profile.lanes,
                "salt": b64(self.header.salt),
            },
            "aead": "A256GCM",
            "nonce": b64(self.nonce),
        }


def seal(
    secret: bytes,
    *,
    wrapping: WrappingKey,
    role: Role,
    node: str,
    public: str,
    entropy: Callable[[int], bytes],
) -> bytes:
    """A key file for `secret`, 1 to 32768 bytes; `node` and `public` are printable ASCII labels.

    `entropy` gives the nonce. Products wrap with a key of the costs `ONLINE` or `OFFLINE`.
    """
    assert 1 <= len(secret) <= MAX_SECRET_BYTES
    header = KeyFileHeader(role=role, node=node, public=public, profile=wrapping.profile, salt=wrapping.salt)
    nonce = entropy(_NONCE_BYTES)
    assert len(nonce) == _NONCE_BYTES
    sealed = _Sealed(header, nonce, b"")
    ciphertext = AESGCM(wrapping.key).encrypt(nonce, secret, _authenticated(sealed))
    data = dump({**sealed.labels(), "ciphertext": b64(ciphertext)}) + b"\n"
    describe(data)
    return data


def describe(data: bytes) -> KeyFileHeader:
    """What a key file says it is, read without its passphrase; raises `MalformedKeyFileError`."""
    return _parse(data).header


def unseal(data: bytes, passphrase: bytes) -> OpenedKey:
    """The secret in a key file; raises as `unwrap` does, and `MemoryError` where its memory cannot be had."""
    header = describe(data)
    wrapping = WrappingKey.derive(passphrase, salt=header.salt, profile=header.profile)
    return unwrap(data, wrapping)


def unwrap(data: bytes, wrapping: WrappingKey) -> OpenedKey:
    """The secret in a key file that `wrapping` was derived for.

    Raises `MalformedKeyFileError` for a file of another form or beyond our bounds, `WrongPassphraseError` for another
    passphrase or an altered field.
    """
    sealed = _parse(data)
    try:
        secret = AESGCM(wrapping.key).decrypt(sealed.nonce, sealed.ciphertext, _authenticated(sealed))
    except InvalidTag:
        raise WrongPassphraseError("the passphrase is wrong, or the key file was altered") from None
    header = sealed.header
    return OpenedKey(secret=secret, role=header.role, node=header.node, public=header.public)


def _authenticated(sealed: _Sealed) -> bytes:
    return _DOMAIN + dump(sealed.labels())


def _parse(data: bytes) -> _Sealed:
    fields = load(data, max_bytes=MAX_FILE_BYTES, where=_WHERE, error=MalformedKeyFileError)
    fields.only(*_FIELDS)
    fields.integer("v", least=VERSION, most=VERSION)
    if fields.text("aead") != "A256GCM":
        raise fields.refuse("aead", "is unknown")
    kdf = fields.nested("kdf")
    ciphertext = fields.base64("ciphertext", longest=MAX_FILE_BYTES)
    if len(ciphertext) <= _TAG_BYTES:
        raise fields.refuse("ciphertext", "is too short")
    return _Sealed(
        header=_header(fields, kdf), nonce=_sized(fields, "nonce", _NONCE_BYTES), ciphertext=ciphertext
    )


def _header(fields: Fields, kdf: Fields) -> KeyFileHeader:
    kdf.only("name", "t", "m_kib", "p", "salt")
    if kdf.text("name") != "argon2id":
        raise kdf.refuse("name", "is unknown")
    role = fields.text("role")
    if role not in set(Role):
        raise fields.refuse("role", "is unknown")
    return KeyFileHeader(
        role=Role(role),
        node=fields.text("node"),
        public="" if fields.absent("public") else fields.text("public"),
        profile=KdfProfile(kdf.integer("t"), kdf.integer("m_kib"), kdf.integer("p")),
        salt=_sized(kdf, "salt", _SALT_BYTES),
    )


def _sized(fields: Fields, name: str, size: int) -> bytes:
    value = fields.base64(name)
    if len(value) != size:
        raise fields.refuse(name, f"is not {size} bytes long")
    return value
