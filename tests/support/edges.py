"""Numbers at which group arithmetic goes wrong if it does, and elements with them."""

from typing import Final

from protocol.oprf.group import GENERATOR, ORDER, Group

PRIME: Final = 2**255 - 19


def le(number: int, size: int = 32) -> bytes:
    """Little-endian."""
    return number.to_bytes(size, "little")


SCALARS: Final = tuple(
    map(
        le,
        (
            *(1, 2, 3, 7, 8, 9, 15, 16, 17),
            *(ORDER - 1, ORDER - 2, (ORDER - 1) // 2, (ORDER + 1) // 2, ORDER // 2 - 1, ORDER + 1),
            *(
                2 * ORDER + 5,
                2**64 - 1,
                2**128,
                2**252 - 1,
                2**252,
                2**255 - 1,
                2**255 + 12345,
                2**256 - 1,
                PRIME,
            ),
            *(int("8" * 64, 16), int("7" * 64, 16), int("8" * 63, 16), int("f" * 62, 16), int("80" * 31, 16)),
        ),
    )
)
"""None is zero, also with the top bit ignored, as libsodium ignores it."""

ZEROS: Final = (le(0), le(ORDER), le(2 * ORDER), le(2**255))
"""Scalars that stand for zero."""

UNIFORM: Final = (
    bytes(64),
    b"\xff" * 64,
    bytes(32) + b"\xff" * 32,
    le(1, 64),
    *(le(number) * 2 for number in (1, PRIME, PRIME - 1, PRIME + 1, 2**255)),
    le(19681161376707505956807079304988542015446066515923890162744021073123829784752) * 2,  # the root of -1
)
"""Strings at which the map to the group meets zero, one, roots of -1, and numbers that are not reduced."""

WIDE: Final = (
    bytes(64),
    b"\xff" * 64,
    *(le(number, 64) for number in (ORDER, ORDER - 1, 2 * ORDER, ORDER**2, ORDER**2 - 1, ORDER << 259)),
    bytes(32) + le(ORDER),
    bytes(32) + b"\xff" * 32,
)
"""Numbers of 64 bytes to be reduced."""

ENCODINGS: Final = (
    *(le(PRIME + offset) for offset in range(-60, 19)),
    *(le(number) for number in range(70)),
    *(le(2**255 + number) for number in range(20)),
    le(2**256 - 1),
)
"""Encodings around zero, the prime and the top bit, some of them of elements."""


def elements(group: Group) -> list[bytes]:
    """The generator, small and large multiples of it."""
    factors = (2, 3, 4, 5, 8, 16, ORDER - 1, ORDER - 2, (ORDER - 1) // 2)
    return [GENERATOR, *(group.multiply_base(le(factor)) for factor in factors)]
