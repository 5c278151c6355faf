"""The group behind libsodium (1.0.18 or later): an item a call, everywhere, and what every other group must equal."""

import ctypes
from collections.abc import Callable

from typing_extensions import override

from protocol.oprf.group import ELEMENT_BYTES, SCALAR_BYTES, Buffer, Group
from protocol.oprf.xmd import UNIFORM_BYTES


class SodiumGroup(Group):
    """ristretto255 behind a loaded libsodium. Its weighted sums are constant-time products, added up."""

    def __init__(self, lib: ctypes.CDLL) -> None:
        core = "crypto_core_ristretto255_"
        self._add = _bind(lib, core + "add", 3)
        self._from_hash = _bind(lib, core + "from_hash", 2)
        self._invert_one = _bind(lib, core + "scalar_invert", 2)
        self._is_valid = _bind(lib, core + "is_valid_point", 1)
        self._scalarmult = _bind(lib, "crypto_scalarmult_ristretto255", 3)
        self._reduce_one = _bind(lib, core + "scalar_reduce", 2)
        self._scalar_add = _bind(lib, core + "scalar_add", 3)
        self._scalar_subtract = _bind(lib, core + "scalar_sub", 3)
        self._scalar_multiply = _bind(lib, core + "scalar_mul", 3)

    @property
    @override
    def name(self) -> str:
        return "libsodium"

    @override
    def _map(self, out: Buffer, uniform: bytes, count: int) -> int:
        source, target, from_hash = _address(uniform), ctypes.addressof(out), self._from_hash
        for i in range(count):
            from_hash(target + ELEMENT_BYTES * i, source + UNIFORM_BYTES * i)
        return 0

    @override
    def _multiply(self, out: Buffer, scalars: bytes, step: int, elements: bytes, count: int) -> int:
        factor, source = _address(scalars), _address(elements)
        target, multiply = ctypes.addressof(out), self._scalarmult
        failed = int(_top_bits(elements))
        for i in range(count):
            offset = ELEMENT_BYTES * i
            failed |= multiply(target + offset, factor + step * i, source + offset)
        return failed

    @override
    def _map_multiply(self, out: Buffer, scalars: bytes, step: int, uniform: bytes, count: int) -> int:
        elements = ctypes.create_string_buffer(count * ELEMENT_BYTES)
        return self._map(elements, uniform, count) | self._multiply(out, scalars, step, elements.raw, count)

    @override
    def _sum(self, out: Buffer, elements: bytes, count: int) -> int:
        source, add = _address(elements), self._add
        failed = int(_top_bits(elements))
        for i in range(count):  # the first to the identity, which `out` holds
            failed |= add(out, out, source + ELEMENT_BYTES * i)
        return failed

    @override
    def _weighted_sum(self, out: Buffer, scalars: bytes, elements: bytes, count: int) -> int:
        products = ctypes.create_string_buffer(count * ELEMENT_BYTES)
        failed = self._multiply(products, scalars, SCALAR_BYTES, elements, count)
        return failed | self._sum(out, products.raw, count)

    @override
    def _check(self, elements: bytes, count: int) -> int:
        source, is_valid = _address(elements), self._is_valid
        good = all(is_valid(source + ELEMENT_BYTES * i) for i in range(count))
        return _top_bits(elements) | (not good)

    @override
    def _reduce(self, out: Buffer, uniform: bytes, count: int) -> None:
        source, target, reduce = _address(uniform), ctypes.addressof(out), self._reduce_one
        for i in range(count):
            reduce(target + SCALAR_BYTES * i, source + UNIFORM_BYTES * i)

    @override
    def _invert(self, out: Buffer, scalars: bytes, count: int) -> int:
        prefixes = ctypes.create_string_buffer(scalars, len(scalars))
        carry = ctypes.create_string_buffer(SCALAR_BYTES)
        source, target, before = _address(scalars), ctypes.addressof(out), ctypes.addressof(prefixes)
        product: Callable[..., object] = self._scalar_multiply
        last = SCALAR_BYTES * (count - 1)
        for offset in range(SCALAR_BYTES, last + 1, SCALAR_BYTES):
            product(before + offset, before + offset - SCALAR_BYTES, before + offset)
        failed = self._invert_one(carry, before + last)
        for offset in range(last, 0, -SCALAR_BYTES):
            product(target + offset, carry, before + offset - SCALAR_BYTES)
            product(carry, carry, source + offset)
        ctypes.memmove(target, carry, SCALAR_BYTES)
        return failed


def _bind(lib: ctypes.CDLL, name: str, arguments: int) -> Callable[..., int]:
    function = lib[name]  # a fresh object each time: two groups never share argument types
    function.argtypes = [ctypes.c_void_p] * arguments
    function.restype = ctypes.c_int
    return function


def _address(data: bytes) -> int:
    """Where `data` begins; the caller's own reference keeps it there."""
    address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
    assert address is not None
    return address


def _top_bits(elements: bytes) -> bool:
    """Version 1.0.18 ignores the top bit, which would give an element a second encoding (RFC 9496: s < p)."""
    return max(elements[ELEMENT_BYTES - 1 :: ELEMENT_BYTES]) >= 0x80
