"""Writes ed25519_edge_cases.json with the curve's arithmetic alone: no library has a say in what is expected."""

from collections.abc import Iterator
from typing import Any, Final

from support.edwards import BASE, TORSION, L, P, decode, equation
from support.irregular import IRREGULAR, REGULAR, Irregularity

SOURCE: Final = (
    "Made by regenerate_ed25519.py from RFC 8032; classes as flagged in C2SP CCTV ed25519, cases 0 to 11 of 'Taming "
    "the many EdDSAs'. cofactorless, cofactored: whether [S]B = R + [k]A, and [8][S]B = [8]R + [8][k]A, k from the "
    "bytes as sent. admitted: the key may be used. verifies: what a verifier without cofactor says that knows no "
    "admission. Hex."
)


def vectors() -> dict[str, Any]:
    """Everything in ed25519_edge_cases.json."""
    return {
        "source": SOURCE,
        "keys": list(_keys()),
        "signatures": [_signature(how) for how in (REGULAR, *IRREGULAR)],
    }


def _keys() -> Iterator[dict[str, Any]]:
    yield _key("the base point", "regular", BASE.encoding)
    yield _key("an honest key", "regular", REGULAR.public)
    for number, point in enumerate(TORSION):
        for encoding, raw in enumerate(point.encodings()):
            yield _key(f"point {number}.{encoding}", "non_canonical_A" if encoding else "low_order_A", raw)
    for number in range(1, 8):
        yield _key(f"base point + {number}", "low_order_component_A", (BASE + TORSION[number]).encoding)
    for y in range(2, 19):
        yield from _beyond_the_prime(y)
    for y in (2, P - 2):
        yield _key(f"y = {'2' if y == 2 else 'p - 2'}", "not_on_curve", y.to_bytes(32, "little"))


def _beyond_the_prime(y: int) -> Iterator[dict[str, Any]]:
    for sign in (0, 1):
        raw = (y + P | sign << 255).to_bytes(32, "little")
        kind = "not_on_curve" if decode(raw) is None else "non_canonical_A"
        yield _key(f"y = p + {y}{' with sign bit' * sign}", kind, raw)


def _key(name: str, kind: str, raw: bytes) -> dict[str, Any]:
    return {"name": name, "class": kind, "raw": raw.hex(), "admitted": _is_admissible(raw)}


def _is_admissible(raw: bytes) -> bool:
    point = decode(raw)
    return point is not None and raw == point.encoding and point.is_of_prime_order


def _signature(how: Irregularity) -> dict[str, Any]:
    message, signature = how.signed_message()
    holds = equation(how.public, message, signature)
    return {
        "name": how.name,
        "class": how.kind,
        "public": how.public.hex(),
        "message": message.hex(),
        "signature": signature.hex(),
        "cofactorless": holds.cofactorless,
        "cofactored": holds.cofactored,
        "admitted": _is_admissible(how.public),
        "verifies": holds.cofactorless
        and all(map(_is_strict_point, (how.public, signature[:32])))
        and int.from_bytes(signature[32:], "little") < L,
    }


def _is_strict_point(raw: bytes) -> bool:
    point = decode(raw)
    return point is not None and raw == point.encoding and not point.is_of_low_order
