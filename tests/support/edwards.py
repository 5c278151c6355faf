"""The curve edwards25519 in plain integers: points, all their encodings, and signatures that no honest signer makes.

Slow and for tests only. It knows what a library hides: which point a strange encoding may be taken for, and whether a
signature satisfies the equation of RFC 8032 section 5.1.7 with the cofactor 8 or without it. On just these points the
libraries of the world disagree ("Taming the many EdDSAs", ZIP 215).
"""

from dataclasses import dataclass
from hashlib import sha512
from typing import Final, Self

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point; eight times as many points are on the curve."""

_D: Final = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_ONE: Final = pow(2, (P - 1) // 4, P)
_SIGN: Final = 1 << 255


@dataclass(frozen=True, slots=True)
class Point:
    """A point in affine coordinates; every pair on the curve, of whatever order."""

    x: int
    y: int

    def __add__(self, other: Self) -> "Point":
        return _affine(_add(_extended(self), _extended(other)))

    def __neg__(self) -> "Point":
        return Point(-self.x % P, self.y)

    def __rmul__(self, scalar: int) -> "Point":
        product, power = _extended(ZERO), _extended(self)
        while scalar:
            if scalar & 1:
                product = _add(product, power)
            power = _add(power, power)
            scalar >>= 1
        return _affine(product)

    @property
    def is_of_low_order(self) -> bool:
        return 8 * self == ZERO

    @property
    def is_of_prime_order(self) -> bool:
        return self != ZERO and L * self == ZERO

    def encodings(self) -> list[bytes]:
        """Every 32 bytes that a lenient reader takes for this point; the canonical encoding first."""
        ys = [self.y] if self.y + P >= _SIGN else [self.y, self.y + P]
        signs = [0, 1] if self.x == 0 else [self.x & 1]
        return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in signs]

    @property
    def encoding(self) -> bytes:
        return self.encodings()[0]


def decode(raw: bytes) -> Point | None:
    """The point that the most lenient reader sees: y is reduced, and a sign on x = 0 does not matter (ZIP 215)."""
    number = int.from_bytes(raw, "little")
    y = number % _SIGN % P
    numerator, denominator = (y * y - 1) % P, (_D * y * y + 1) % P
    square = numerator * pow(denominator, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * _ROOT_OF_MINUS_ONE % P
    if x * x % P != square:
        return None
    return Point(-x % P if x & 1 != number >> 255 else x, y)


def challenge(r: bytes, public: bytes, message: bytes) -> int:
    """The scalar k, reduced as implementations do."""
    return int.from_bytes(sha512(r + public + message).digest(), "little") % L


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the equation of a signature says, once with the cofactor and once without; how S is written is no matter."""

    cofactorless: bool
    cofactored: bool


def equation(public: bytes, message: bytes, signature: bytes) -> Verdict:
    """Whether [S]B = R + [k]A, and whether the two differ by a point of low order only."""
    r, a = decode(signature[:32]), decode(public)
    if r is None or a is None:
        return Verdict(cofactorless=False, cofactored=False)
    s = int.from_bytes(signature[32:], "little")
    difference = s * BASE + -(r + challenge(signature[:32], public, message) * a)
    return Verdict(cofactorless=difference == ZERO, cofactored=difference.is_of_low_order)


_Extended = tuple[int, int, int, int]


def _extended(point: Point) -> _Extended:
    return point.x, point.y, 1, point.x * point.y % P


def _affine(point: _Extended) -> Point:
    inverse = pow(point[2], -1, P)
    return Point(point[0] * inverse % P, point[1] * inverse % P)


def _add(first: _Extended, second: _Extended) -> _Extended:
    """RFC 8032 section 5.1.4; complete, so that it doubles too."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * _D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _base_point() -> Point:
    base = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    assert base is not None, "RFC 8032 section 5.1"
    return base


def _point_of_order_8() -> Point:
    points = (decode(y.to_bytes(32, "little")) for y in range(2, 100))
    return next(L * point for point in points if point is not None and 4 * (L * point) != ZERO)


def _torsion() -> tuple[Point, ...]:
    generator = _point_of_order_8()
    return tuple(times * generator for times in range(8))


ZERO: Final = Point(0, 1)
BASE: Final = _base_point()
TORSION: Final = _torsion()
"""The eight points of low order: 0 is the identity, 4 has order 2, 2 and 6 have order 4, the odd ones order 8."""
