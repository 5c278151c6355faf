"""Keys and signatures of Ed25519 that only a forger makes, one for each way in which verifiers are known to differ.

The classes are those of the C2SP CCTV set (https://github.com/C2SP/CCTV, ed25519) and the cases 0 to 11 of "Taming the
many EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020), made here from the curve's arithmetic for whatever message a test
wants. An `Irregularity` is also a way to sign, so our own writers can be handed one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha512
from itertools import count
from typing import Any, Final, TypeAlias

from keys.key import PublicKey
from support.edwards import BASE, TORSION, ZERO, L, Point, challenge

SEED: Final = bytes(range(32))
"""The honest key that signatures with an irregular R or S are made with."""

_TRIES: Final = 400

_How: TypeAlias = dict[str, Any]


def _scalar(seed: bytes) -> int:
    return int.from_bytes(sha512(seed).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Irregularity:
    """How a key or a signature departs from RFC 8032. The key is `secret`·B + a point of low order, R likewise."""

    name: str
    kind: str
    """The class, by the name that CCTV has for it where it has one."""
    secret: int = _scalar(SEED)
    key_torsion: int = 0
    """Which point of `TORSION` is in the key."""
    key_encoding: int = 0
    """Which of the encodings of the key's point is sent; 0 is the canonical one."""
    nonce: int | None = None
    """The scalar of R; none draws one a signature."""
    r_torsion: int = 0
    r_encoding: int = 0
    s_plus: int = 0
    """What is added to S: multiples of the group order leave the equation as it is."""
    hashes_canonical: bool = False
    """k is made of the canonical encodings of R and A, and not of those that are sent."""
    cofactorless: bool | None = None
    """Draw until the equation holds (or not) without the cofactor; with it, it always does."""

    @property
    def signs_everything(self) -> bool:
        """Whether every message has a signature of this kind; else a message must be looked for."""
        return self.nonce is None or self.cofactorless is None

    @property
    def public(self) -> bytes:
        """The 32 bytes of the key."""
        return self._key.encodings()[self.key_encoding]

    @property
    def _key(self) -> Point:
        return self.secret * BASE + TORSION[self.key_torsion]

    def sign(self, message: bytes) -> bytes:
        """64 bytes; raises `LookupError` when no signature of this message has the wanted property."""
        public = self.public
        for nonce in self._nonces(message):
            point = nonce * BASE + TORSION[self.r_torsion]
            r = point.encodings()[self.r_encoding]
            k = challenge(
                *(point.encoding, self._key.encoding) if self.hashes_canonical else (r, public), message
            )
            difference = TORSION[-(self.r_torsion + k * self.key_torsion) % 8]
            if self.cofactorless in {None, difference == ZERO}:
                return r + ((nonce + k * self.secret) % L + self.s_plus).to_bytes(32, "little")
        raise LookupError(f"{self.name}: no such signature of this message")

    def _nonces(self, message: bytes) -> Iterator[int]:
        if self.nonce is not None:
            yield self.nonce
            return
        for number in range(_TRIES):
            yield int.from_bytes(sha512(b"nonce %d" % number + message).digest(), "little") % L

    def signed_message(self) -> tuple[bytes, bytes]:
        """A message, and a signature of it that has the wanted property."""
        for number in count():
            message = b"message %d" % number
            try:
                return message, self.sign(message)
            except LookupError:
                continue
        raise AssertionError("count() does not end")


def smuggle(kind: type[PublicKey], raw: bytes) -> PublicKey:
    """A key object around bytes that admission may have refused: what a forger's program would hold."""
    key = object.__new__(kind)
    object.__setattr__(key, "raw", raw)
    return key


@dataclass(frozen=True, slots=True)
class IrregularSigner:
    """An irregularity as `keys.signer.Signer` of one role, for our own writers."""

    kind: type[PublicKey]
    how: Irregularity

    @property
    def public(self) -> PublicKey:
        return smuggle(self.kind, self.how.public)

    def sign(self, message: bytes) -> bytes:
        return self.how.sign(message)


_NON_CANONICAL: Final = ((0, 1), (0, 2), (0, 3), (4, 1), (2, 1), (6, 1))
"""Point of `TORSION` and number of its encoding."""


def _keys_of_low_order() -> Iterator[Irregularity]:
    yield Irregularity(
        name="identity: R = B, S = 1 fits every message", kind="identity_key", secret=0, nonce=1
    )
    for point in range(1, 8):
        yield Irregularity(
            name=f"key {point}", kind="low_order_A", secret=0, key_torsion=point, cofactorless=True
        )
    for point, encoding in _NON_CANONICAL:
        strange: _How = {"secret": 0, "key_torsion": point, "key_encoding": encoding}
        yield Irregularity(
            name=f"key {point}.{encoding}", kind="non_canonical_A", cofactorless=True, **strange
        )
        yield Irregularity(
            name=f"key {point}.{encoding}",
            kind="reencoded_k",
            cofactorless=True,
            hashes_canonical=True,
            **strange,
        )


def _keys_of_mixed_order() -> Iterator[Irregularity]:
    for point in range(1, 8):
        yield Irregularity(
            name=f"key + {point}", kind="low_order_component_A", key_torsion=point, cofactorless=True
        )
        yield Irregularity(
            name=f"key + {point}", kind="low_order_residue", key_torsion=point, cofactorless=False
        )


def _irregular_r() -> Iterator[Irregularity]:
    for point in range(8):
        yield Irregularity(name=f"R {point}", kind="low_order_R", nonce=0, r_torsion=point)
    for point in range(1, 8):
        yield Irregularity(name=f"R + {point}", kind="low_order_component_R", r_torsion=point)
    for point, encoding in _NON_CANONICAL:
        strange: _How = {"nonce": 0, "r_torsion": point, "r_encoding": encoding}
        yield Irregularity(name=f"R {point}.{encoding}", kind="non_canonical_R", **strange)
        yield Irregularity(name=f"R {point}.{encoding}", kind="reencoded_k", hashes_canonical=True, **strange)


def _irregular_s() -> Iterator[Irregularity]:
    for times in (1, 2, 7, 14):
        yield Irregularity(name=f"S + {times} L", kind="non_canonical_S", s_plus=times * L)
    yield Irregularity(name="S = L", kind="non_canonical_S", secret=0, key_torsion=4, nonce=0, s_plus=L)


def _taming() -> Iterator[Irregularity]:
    """Cases 0 to 11 of the paper's table 6."""
    low: _How = {"secret": 0, "key_torsion": 1}
    mixed: _How = {"key_torsion": 1}
    low_r: _How = {"nonce": 0, "r_torsion": 3}
    odd_r: _How = {"nonce": 0, "r_torsion": 0, "r_encoding": 2}
    odd_a: _How = {"secret": 0, "key_torsion": 4, "key_encoding": 1}
    yes: _How = {"cofactorless": True}
    cases: tuple[tuple[str, _How], ...] = (
        ("low_order_A", {**low, **low_r, **yes}),
        ("low_order_A", {**low, "r_torsion": 3, **yes}),
        ("low_order_R", {**mixed, **low_r, **yes}),
        ("low_order_component_A", {**mixed, "r_torsion": 3, **yes}),
        ("low_order_residue", {**mixed, "r_torsion": 3, "cofactorless": False}),
        ("low_order_residue", {**mixed, "cofactorless": False}),
        ("non_canonical_S", {"s_plus": L}),
        ("non_canonical_S", {"s_plus": 14 * L}),
        ("non_canonical_R", {**mixed, **odd_r, "hashes_canonical": True, **yes}),
        ("non_canonical_R", {**mixed, **odd_r, **yes}),
        ("non_canonical_A", {**odd_a, "r_torsion": 4, "hashes_canonical": True, **yes}),
        ("non_canonical_A", {**odd_a, "r_torsion": 4, **yes}),
    )
    for number, (kind, how) in enumerate(cases):
        yield Irregularity(name=f"taming {number}", kind=kind, **how)


REGULAR: Final = Irregularity(name="regular", kind="regular")
IRREGULAR: Final = (
    *_keys_of_low_order(),
    *_keys_of_mixed_order(),
    *_irregular_r(),
    *_irregular_s(),
    *_taming(),
)
"""Every irregularity; each must be refused wherever a signature counts."""
