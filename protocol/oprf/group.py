"""The prime-order group ristretto255 and its scalars, as batches of bytes.

Decides how a batch crosses into libsodium: the inputs are `bytes`, the answer is written into one buffer,
and no object is made for an item. Every call releases the interpreter lock, so a caller may run batches in
threads. The rule it keeps: lengths are checked before any pointer is formed, and no invalid encoding and no
identity goes into or comes out of a multiplication. The library is handed in, loaded and self-tested, by
whoever does I/O; a faster backend replaces this class alone. Sources: RFC 9496 (the group), RFC 9497
section 4.1 (its use).
"""

import ctypes
from collections.abc import Callable
from typing import Final

from protocol.errors import OprfError
from protocol.limits import MAX_EVALUATION_BATCH, MIN_EVALUATION_BATCH

ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
UNIFORM_BYTES: Final = 64
IDENTITY: Final = bytes(ELEMENT_BYTES)
ORDER: Final = 2**252 + 27742317777372353535851937790883648493


class Group:
    """ristretto255 behind a loaded libsodium (1.0.18 or later)."""

    __slots__ = (
        "_add",
        "_base",
        "_from_hash",
        "_invert",
        "_is_valid",
        "_multiply",
        "_reduce",
        "_scalar_add",
        "_scalar_multiply",
        "_scalar_subtract",
    )

    def __init__(self, lib: ctypes.CDLL) -> None:
        core = "crypto_core_ristretto255_"
        self._add = _bind(lib, core + "add", 3)
        self._base = _bind(lib, "crypto_scalarmult_ristretto255_base", 2)
        self._from_hash = _bind(lib, core + "from_hash", 2)
        self._invert = _bind(lib, core + "scalar_invert", 2)
        self._is_valid = _bind(lib, core + "is_valid_point", 1)
        self._multiply = _bind(lib, "crypto_scalarmult_ristretto255", 3)
        self._reduce = _bind(lib, core + "scalar_reduce", 2)
        self._scalar_add = _bind(lib, core + "scalar_add", 3)
        self._scalar_multiply = _bind(lib, core + "scalar_mul", 3)
        self._scalar_subtract = _bind(lib, core + "scalar_sub", 3)

    # ------------------------------------------------------------------ elements

    def from_uniform(self, uniform: bytes) -> bytes:
        """Elements (32 B each) from uniform strings (64 B each); RFC 9496 section 4.3.4."""
        count = _count(uniform, UNIFORM_BYTES)
        out = ctypes.create_string_buffer(count * ELEMENT_BYTES)
        source, target, from_hash = _address(uniform), ctypes.addressof(out), self._from_hash
        for i in range(count):
            from_hash(target + ELEMENT_BYTES * i, source + UNIFORM_BYTES * i)
        return out.raw

    def multiply_all(self, scalar: bytes, elements: bytes) -> bytes:
        """One scalar times each element.

        Raises:
            OprfError: a length is wrong, an element is not canonical, or an element or a result is the
                identity.
        """
        _require_one(scalar)
        _require_top_bits_clear(elements)
        out = ctypes.create_string_buffer(len(elements))
        source, target, multiply = _address(elements), ctypes.addressof(out), self._multiply
        failed = 0
        for offset in range(0, len(elements), ELEMENT_BYTES):
            failed |= multiply(target + offset, scalar, source + offset)
        return _all_valid(out, failed)

    def multiply_each(self, scalars: bytes, elements: bytes) -> bytes:
        """The i-th scalar times the i-th element.

        Raises:
            OprfError: lengths differ, an element is not canonical, or an element or result is the identity.
        """
        if len(scalars) != len(elements):
            raise OprfError("as many scalars as elements are needed")
        _require_top_bits_clear(elements)
        out = ctypes.create_string_buffer(len(elements))
        factor, source = _address(scalars), _address(elements)
        target, multiply = ctypes.addressof(out), self._multiply
        failed = 0
        for offset in range(0, len(elements), ELEMENT_BYTES):
            failed |= multiply(target + offset, factor + offset, source + offset)
        return _all_valid(out, failed)

    def multiply_base(self, scalar: bytes) -> bytes:
        """One scalar times the generator; raises OprfError for the zero scalar."""
        _require_one(scalar)
        out = ctypes.create_string_buffer(ELEMENT_BYTES)
        return _all_valid(out, self._base(out, scalar))

    def add(self, left: bytes, right: bytes) -> bytes:
        """The sum of two elements; raises OprfError if one is not canonical."""
        _require_one(left)
        _require_one(right)
        return self.sum(left + right)

    def sum(self, elements: bytes) -> bytes:
        """The sum of at least one element; raises OprfError if one is not canonical."""
        _require_top_bits_clear(elements)
        out = ctypes.create_string_buffer(elements[:ELEMENT_BYTES], ELEMENT_BYTES)
        source, add = _address(elements), self._add
        failed = 0
        for offset in range(ELEMENT_BYTES, len(elements), ELEMENT_BYTES):
            failed |= add(out, out, source + offset)
        return _all_valid(out, failed)

    def check_canonical(self, elements: bytes) -> None:
        """Refuse an encoding that is not the canonical one of an element (RFC 9496 section 4.3.1)."""
        _require_top_bits_clear(elements)
        source, is_valid = _address(elements), self._is_valid
        if not all(is_valid(source + offset) for offset in range(0, len(elements), ELEMENT_BYTES)):
            raise OprfError("an element is not a canonical encoding")

    # ------------------------------------------------------------------ scalars, in constant time

    def reduce(self, uniform: bytes) -> bytes:
        """Scalars (32 B each) from little-endian numbers (64 B each), modulo the order."""
        count = _count(uniform, UNIFORM_BYTES)
        out = ctypes.create_string_buffer(count * SCALAR_BYTES)
        source, target, reduce = _address(uniform), ctypes.addressof(out), self._reduce
        for i in range(count):
            reduce(target + SCALAR_BYTES * i, source + UNIFORM_BYTES * i)
        return out.raw

    def scalar_add(self, left: bytes, right: bytes) -> bytes:
        """`left + right` modulo the order."""
        return _scalar(self._scalar_add, left, right)

    def scalar_subtract(self, left: bytes, right: bytes) -> bytes:
        """`left - right` modulo the order."""
        return _scalar(self._scalar_subtract, left, right)

    def scalar_multiply(self, left: bytes, right: bytes) -> bytes:
        """`left * right` modulo the order."""
        return _scalar(self._scalar_multiply, left, right)

    def invert(self, scalar: bytes) -> bytes:
        """The inverse of a scalar modulo the order; raises OprfError for zero."""
        _require_one(scalar)
        out = ctypes.create_string_buffer(SCALAR_BYTES)
        if self._invert(out, scalar) != 0:
            raise OprfError("zero has no inverse")
        return out.raw

    def invert_each(self, scalars: bytes) -> bytes:
        """The inverse of every scalar for the price of one and three products each (Montgomery's trick).

        Raises:
            OprfError: one of them is zero.
        """
        prefixes = self._prefix_products(scalars)
        out = ctypes.create_string_buffer(len(scalars))
        carry = ctypes.create_string_buffer(self.invert(prefixes[-SCALAR_BYTES:]), SCALAR_BYTES)
        source, before = _address(scalars), _address(prefixes)
        target, product = ctypes.addressof(out), self._scalar_multiply
        for offset in range(len(scalars) - SCALAR_BYTES, 0, -SCALAR_BYTES):
            product(target + offset, carry, before + offset - SCALAR_BYTES)
            product(carry, carry, source + offset)
        ctypes.memmove(target, carry, SCALAR_BYTES)
        return out.raw

    def _prefix_products(self, scalars: bytes) -> bytes:
        _count(scalars, SCALAR_BYTES)
        out = ctypes.create_string_buffer(scalars, len(scalars))
        target, product = ctypes.addressof(out), self._scalar_multiply
        for offset in range(SCALAR_BYTES, len(scalars), SCALAR_BYTES):
            product(target + offset, target + offset - SCALAR_BYTES, target + offset)
        return out.raw


def check_batch(elements: bytes, count: int) -> None:
    """Refuse a batch whose size is not the one announced, or that holds the identity or one element twice.

    Needs no library, so a server can refuse before it spends anything. Duplicates are refused because only a
    broken or hostile client sends them: honest blinds differ even when two inputs are equal.

    Raises:
        OprfError: any of these.
    """
    if not MIN_EVALUATION_BATCH <= count <= MAX_EVALUATION_BATCH:
        raise OprfError(f"a batch holds {MIN_EVALUATION_BATCH} to {MAX_EVALUATION_BATCH} elements")
    if len(elements) != count * ELEMENT_BYTES:
        raise OprfError("the batch does not hold the announced number of elements")
    distinct = {
        elements[offset : offset + ELEMENT_BYTES] for offset in range(0, len(elements), ELEMENT_BYTES)
    }
    if IDENTITY in distinct:
        raise OprfError("an element is the identity")
    if len(distinct) != count:
        raise OprfError("an element occurs twice")


def check_elements(group: Group, elements: bytes, count: int) -> None:
    """`check_batch`, and every element is a canonical encoding.

    A server that multiplies next can do with `check_batch`: a multiplication refuses what is not canonical.

    Raises:
        OprfError: the batch is not `count` distinct canonical elements other than the identity.
    """
    check_batch(elements, count)
    group.check_canonical(elements)


def check_scalar(scalar: bytes) -> None:
    """Refuse a public scalar that is not 32 bytes below the order (RFC 9497: DeserializeScalar)."""
    if len(scalar) != SCALAR_BYTES or int.from_bytes(scalar, "little") >= ORDER:
        raise OprfError("a scalar is not a canonical encoding")


# ---------------------------------------------------------------------- crossing into C


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


def _count(data: bytes, width: int) -> int:
    count, rest = divmod(len(data), width)
    if rest or not count:
        raise OprfError(f"a batch is one or more items of {width} bytes")
    return count


def _require_one(data: bytes) -> None:
    if len(data) != ELEMENT_BYTES:  # C reads 32 bytes whatever the length is
        raise OprfError(f"a scalar or element has {ELEMENT_BYTES} bytes")


def _require_top_bits_clear(elements: bytes) -> None:
    """Version 1.0.18 ignores the top bit, which would give an element a second encoding (RFC 9496: s < p)."""
    _count(elements, ELEMENT_BYTES)
    if max(elements[ELEMENT_BYTES - 1 :: ELEMENT_BYTES]) >= 0x80:
        raise OprfError("an element is not a canonical encoding")


def _all_valid(out: "ctypes.Array[ctypes.c_char]", failed: int) -> bytes:
    if failed:
        raise OprfError("an element is not canonical, or is the identity")
    return out.raw


def _scalar(function: Callable[..., int], left: bytes, right: bytes) -> bytes:
    _require_one(left)
    _require_one(right)
    out = ctypes.create_string_buffer(SCALAR_BYTES)
    function(out, left, right)
    return out.raw
