"""SHA-256 of what a log is made of, many at a time: by `hashlib` one after the other, or by the kernel in one call.

Decides what is hashed: leaves, inner nodes, commitments. Which of the two a program uses, whoever does I/O decides;
both give the same. Items come joined, and so do their hashes, 32 bytes each. Source: RFC 6962 section 2.1,
docs/spec/event.md.
"""

import ctypes
from array import array
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from typing_extensions import override

from protocol.encoding import Octets
from protocol.limits import EVENT_BYTES, HEADER_BYTES
from protocol.slices import slices

HASH_BYTES: Final = 32

LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
_PAIR: Final = 2 * HASH_BYTES
_TIME: Final = slice(8, 16)
_NO_MEMORY: Final = -2


class Hasher:
    """The hashes of a tree and of what is in it, by `hashlib`."""

    __slots__ = ()

    def each(self, prefix: bytes, items: Octets, width: int) -> bytes:
        """SHA-256(prefix || item) of items of `width` bytes."""
        begun, found = sha256(prefix), []
        for item in slices(items, width):
            state = begun.copy()
            state.update(item)
            found.append(state.digest())
        return b"".join(found)

    def leaves(self, events: bytes) -> bytes:
        """SHA-256(00 || event) of events of 56 bytes."""
        return self.each(LEAF, events, EVENT_BYTES)

    def nodes(self, children: bytes) -> bytes:
        """SHA-256(01 || left || right) of pairs of hashes."""
        return self.each(_NODE, children, _PAIR)

    def commitments(self, prefix: bytes, events: bytes, openings: Sequence[bytes]) -> bytes:
        """SHA-256(prefix || header || opening) of events, as many as openings.

        Events of one publication have one time, and few different headers: each is then hashed once, and its state
        copied.
        """
        heads = [event[:HEADER_BYTES] for event in slices(events, EVENT_BYTES)]
        pairs = zip(heads, openings, strict=True)
        if not heads or heads[0][_TIME] != heads[-1][_TIME]:
            return b"".join([sha256(prefix + head + opening).digest() for head, opening in pairs])
        states = {head: sha256(prefix + head) for head in set(heads)}
        found = []
        for head, opening in pairs:
            state = states[head].copy()
            state.update(opening)
            found.append(state.digest())
        return b"".join(found)


HASHLIB: Final = Hasher()


class KernelHasher(Hasher):
    """By the kernel, on a processor that has instructions for it.

    Raises:
        AttributeError: the library has no such function.
    """

    __slots__ = ("_hash_rows",)

    def __init__(self, lib: ctypes.CDLL) -> None:
        function = lib["sf_sha256"]
        pointer, size = ctypes.c_char_p, ctypes.c_size_t
        function.argtypes = (
            ctypes.c_void_p,
            pointer,
            size,
            ctypes.c_void_p,
            size,
            size,
            pointer,
            ctypes.c_void_p,
            size,
        )
        function.restype = ctypes.c_int
        self._hash_rows = function

    @override
    def each(self, prefix: bytes, items: Octets, width: int) -> bytes:
        return self._hashes(prefix, items, width, width)

    @override
    def commitments(self, prefix: bytes, events: bytes, openings: Sequence[bytes]) -> bytes:
        sizes = array("I", map(len, openings))
        rests = b"".join(openings)
        if len(sizes) * EVENT_BYTES != len(events) or sum(sizes) != len(rests):
            raise ValueError("as many openings as events are needed, of the type bytes")
        return self._hashes(prefix, events, EVENT_BYTES, HEADER_BYTES, rests, sizes.buffer_info()[0])

    def _hashes(
        self,
        prefix: bytes,
        rows: Octets,
        stride: int,
        width: int,
        rests: bytes | None = None,
        sizes: int | None = None,
    ) -> bytes:
        start, size = _place(rows)
        count, over = divmod(size, stride)
        if over:  # the kernel believes every length
            raise ValueError(f"items have {stride} bytes each")
        out = ctypes.create_string_buffer(count * HASH_BYTES)
        status = self._hash_rows(out, prefix, len(prefix), start, stride, width, rests, sizes, count)
        if status == _NO_MEMORY:
            raise MemoryError
        if status:
            raise ValueError("this processor has no instructions for it")
        return out.raw


def _place(rows: Octets) -> tuple[bytes | int, int]:
    """Where bytes lie, which the caller keeps there, and how many they are."""
    if type(rows) is bytes:
        return rows, len(rows)
    if type(rows) is not memoryview or not rows.c_contiguous:
        raise ValueError("items are of the type bytes, or a view of some that lie together")
    import numpy as np  # noqa: PLC0415 - alone it knows the address of what may not be written; a log is in bytes

    octets = np.frombuffer(rows, dtype=np.uint8)
    return octets.ctypes.data, octets.size
