"""The prime-order group ristretto255 and its scalars, as batches of bytes.

Decides how a batch crosses into C: the inputs are `bytes`, the answer is written into one buffer, and no object
is made for an item. Every call releases the interpreter lock, so a caller may run batches in threads. The rule it
keeps: lengths are checked before any pointer is formed, and no invalid encoding and no identity goes into or comes
out of a multiplication. Which library stands behind it, `sodium` or `kernel`, whoever does I/O decides; both
answer and refuse the same, bit for bit. Sources: RFC 9496 (the group), RFC 9497 section 4.1 (its use).
"""

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from hashlib import sha512
from struct import unpack
from typing import Final

from protocol.errors import OprfError
from protocol.limits import MAX_EVALUATION_BATCH, MIN_EVALUATION_BATCH
from protocol.oprf.xmd import UNIFORM_BYTES, expand, prefixed

ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
IDENTITY: Final = bytes(ELEMENT_BYTES)
GENERATOR: Final = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
NO_MEMORY: Final = -2
"""What a library answers that could not allocate."""

Buffer = ctypes.Array[ctypes.c_char]
_Multiply = Callable[[Buffer, bytes, int, bytes, int], int]
_OfTwo = Callable[[Buffer, bytes, bytes], object]


class Group(ABC):
    """ristretto255 behind a library; the checked methods of everybody, over the unchecked ones of a library.

    Multiplications, inversions, products of scalars and hashing to the group take constant time. `weighted_sum`,
    `sum` and `check_canonical` need not: they are for what is public.
    """

    # What a library does once lengths were checked: methods, or functions of its own. What answers a number answers 0
    # when it is done, NO_MEMORY, or another for refused.
    _map: Callable[[Buffer, bytes, int], int]
    _multiply: _Multiply
    """Of scalars and elements; the number between says how far the next scalar is: 0 or 32 bytes."""
    _map_multiply: _Multiply
    _sum: Callable[[Buffer, bytes, int], int]
    _weighted_sum: Callable[[Buffer, bytes, bytes, int], int]
    _check: Callable[[bytes, int], int]
    _reduce: Callable[[Buffer, bytes, int], object]
    _scalar_add: _OfTwo
    _scalar_subtract: _OfTwo
    _scalar_multiply: _OfTwo
    _invert: Callable[[Buffer, bytes, int], int]

    @property
    @abstractmethod
    def name(self) -> str:
        """`libsodium`, `kernel-portable` or `kernel-ifma`."""

    # ------------------------------------------------------------------ elements

    def from_uniform(self, uniform: bytes) -> bytes:
        """Elements (32 B each) from uniform strings (64 B each); RFC 9496 section 4.3.4."""
        count = _count(uniform, UNIFORM_BYTES)
        out = ctypes.create_string_buffer(count * ELEMENT_BYTES)
        _require_memory(self._map(out, uniform, count))
        return out.raw

    def multiply_all(self, scalar: bytes, elements: bytes) -> bytes:
        """One scalar times each element.

        Raises:
            OprfError: a length is wrong, an element is not canonical, or an element or a result is the
                identity.
        """
        _require_one(scalar)
        return self._product(self._multiply, scalar, 0, elements, ELEMENT_BYTES)

    def multiply_each(self, scalars: bytes, elements: bytes) -> bytes:
        """The i-th scalar times the i-th element.

        Raises:
            OprfError: lengths differ, an element is not canonical, or an element or result is the identity.
        """
        _require_as_many(scalars, elements, ELEMENT_BYTES)
        return self._product(self._multiply, scalars, SCALAR_BYTES, elements, ELEMENT_BYTES)

    def hash_multiply_all(self, scalar: bytes, inputs: Sequence[bytes], dst: bytes) -> bytes:
        """One scalar times the element of each input under a tag; raises OprfError for the zero scalar."""
        _require_one(scalar)
        return self._product(self._map_multiply, scalar, 0, self.expand_each(inputs, dst), UNIFORM_BYTES)

    def hash_multiply_each(self, scalars: bytes, inputs: Sequence[bytes], dst: bytes) -> bytes:
        """The i-th scalar times the element of the i-th input under a tag.

        Raises:
            OprfError: there are not as many scalars as inputs, or one is zero.
        """
        uniform = self.expand_each(inputs, dst)
        _require_as_many(scalars, uniform, UNIFORM_BYTES)
        return self._product(self._map_multiply, scalars, SCALAR_BYTES, uniform, UNIFORM_BYTES)

    def multiply_base(self, scalar: bytes) -> bytes:
        """One scalar times the generator; raises OprfError for the zero scalar."""
        return self.multiply_all(scalar, GENERATOR)

    def add(self, left: bytes, right: bytes) -> bytes:
        """The sum of two public elements; raises OprfError if one is not canonical."""
        _require_one(left)
        _require_one(right)
        return self.sum(left + right)

    def sum(self, elements: bytes) -> bytes:
        """The sum of at least one public element; raises OprfError if one is not canonical."""
        out = ctypes.create_string_buffer(ELEMENT_BYTES)
        return _admissible(out, self._sum(out, elements, _count(elements, ELEMENT_BYTES)))

    def weighted_sum(self, scalars: bytes, elements: bytes) -> bytes:
        """The sum of the i-th scalar times the i-th element, all of them public; it may be the identity.

        Raises:
            OprfError: lengths differ, an element is not canonical or the identity, or a scalar is zero.
        """
        _require_as_many(scalars, elements, ELEMENT_BYTES)
        out = ctypes.create_string_buffer(ELEMENT_BYTES)
        count = _count(elements, ELEMENT_BYTES)
        return _admissible(out, self._weighted_sum(out, scalars, elements, count))

    def check_canonical(self, elements: bytes) -> None:
        """Refuse an encoding that is not the canonical one of an element (RFC 9496 section 4.3.1)."""
        if _require_memory(self._check(elements, _count(elements, ELEMENT_BYTES))):
            raise OprfError("an element is not a canonical encoding")

    # ------------------------------------------------------------------ scalars, in constant time

    def reduce(self, uniform: bytes) -> bytes:
        """Scalars (32 B each) from little-endian numbers (64 B each), modulo the order."""
        count = _count(uniform, UNIFORM_BYTES)
        out = ctypes.create_string_buffer(count * SCALAR_BYTES)
        self._reduce(out, uniform, count)
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

    def invert_each(self, scalars: bytes) -> bytes:
        """The inverse of every scalar for the price of one and three products each (Montgomery's trick).

        Raises:
            OprfError: one of them is zero.
        """
        count = _count(scalars, SCALAR_BYTES)
        out = ctypes.create_string_buffer(count * SCALAR_BYTES)
        if self._invert(out, scalars, count):
            raise OprfError("zero has no inverse")
        return out.raw

    # ------------------------------------------------------------------ hashing of a batch

    def expand_each(self, inputs: Sequence[bytes], dst: bytes) -> bytes:
        """64 uniform bytes of each input under a tag of at most 255 bytes; see `xmd.expand`."""
        return b"".join([expand(one, dst) for one in inputs])

    def pair_weights(self, seed: bytes, first: int, left: bytes, right: bytes, dst: bytes) -> bytes:
        """The scalar (32 B) of each pair of elements (RFC 9497, 2.2.1), of which the first has index `first`.

        `seed` has 64 bytes; as many elements are on the left as on the right.
        """
        prefix, uniform = prefixed(seed), []
        for index, at in enumerate(range(0, len(left), ELEMENT_BYTES), first):
            pair = prefixed(left[at : at + ELEMENT_BYTES]) + prefixed(right[at : at + ELEMENT_BYTES])
            uniform.append(expand(prefix + index.to_bytes(2, "big") + pair + b"Composite", dst))
        return self.reduce(b"".join(uniform))

    def finish_each(self, inputs: Sequence[bytes], elements: bytes) -> list[bytes]:
        """The PRF outputs (64 B each), from inputs and their unblinded elements (32 B each).

        Raises:
            OprfError: an input is longer than 65 535 bytes.
        """
        return [
            sha512(prefixed(one) + prefixed(elements[at : at + ELEMENT_BYTES]) + b"Finalize").digest()
            for one, at in zip(inputs, range(0, len(elements), ELEMENT_BYTES), strict=True)
        ]

    def _product(self, multiply: _Multiply, scalars: bytes, step: int, factors: bytes, width: int) -> bytes:
        count = _count(factors, width)
        out = ctypes.create_string_buffer(count * ELEMENT_BYTES)
        return _admissible(out, multiply(out, scalars, step, factors, count))


def check_batch(elements: bytes, count: int) -> None:
    """Refuse a batch whose size is not the one announced, or that holds the identity or one element twice.

    Needs no library, so a server can refuse before it spends anything. Duplicates are refused because only a
    broken or hostile client sends them: honest blinds differ even when two inputs are equal.

    Raises:
        OprfError: any of these.
    """
    if not MIN_EVALUATION_BATCH <= count <= MAX_EVALUATION_BATCH:
        raise OprfError(
            "a batch holds {least} to {most} elements", MIN_EVALUATION_BATCH, MAX_EVALUATION_BATCH
        )
    if len(elements) != count * ELEMENT_BYTES:
        raise OprfError("the batch does not hold the announced number of elements")
    distinct = set(unpack(f"{ELEMENT_BYTES}s" * count, elements))
    if IDENTITY in distinct:
        raise OprfError("an element is the identity")
    if len(distinct) != count:
        raise OprfError("an element occurs twice")


def check_scalar(scalar: bytes) -> None:
    """Refuse a public scalar that is not 32 bytes below the order (RFC 9497: DeserializeScalar)."""
    if len(scalar) != SCALAR_BYTES or int.from_bytes(scalar, "little") >= ORDER:
        raise OprfError("a scalar is not a canonical encoding")


# ---------------------------------------------------------------------- crossing into C


def _count(data: bytes, width: int) -> int:
    if type(data) is not bytes:  # what may change or move is not handed to C
        raise TypeError("a batch is of the type bytes")
    count, rest = divmod(len(data), width)
    if rest or not count:
        raise OprfError("a batch is one or more items of {width} bytes", width)
    return count


def _require_one(data: bytes) -> None:
    if _count(data, ELEMENT_BYTES) != 1:  # C reads 32 bytes whatever the length is
        raise OprfError("a scalar or element has {size} bytes", ELEMENT_BYTES)


def _require_as_many(scalars: bytes, items: bytes, width: int) -> None:
    if _count(scalars, SCALAR_BYTES) != _count(items, width):
        raise OprfError("as many scalars as elements are needed")


def _require_memory(status: int) -> int:
    if status == NO_MEMORY:
        raise MemoryError
    return status


def _admissible(out: Buffer, status: int) -> bytes:
    if _require_memory(status):
        raise OprfError("an element is not canonical, or is the identity")
    return out.raw


def _scalar(operation: _OfTwo, left: bytes, right: bytes) -> bytes:
    _require_one(left)
    _require_one(right)
    out = ctypes.create_string_buffer(SCALAR_BYTES)
    operation(out, left, right)
    return out.raw
