"""The group behind sigfed's own kernel: a batch a call, hashing included. Its source is in `node/group/kernel`.

The kernel believes every length but a tag's: what crosses into it was checked here, or by the methods of `Group`.
"""

import ctypes
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

from typing_extensions import override

from protocol.errors import OprfError
from protocol.oprf.group import ELEMENT_BYTES, NO_MEMORY, Group
from protocol.oprf.xmd import MAX_INPUT_BYTES, MAX_TAG_BYTES, UNIFORM_BYTES

INTERFACE: Final = 1
"""Of the functions below; a library of another number is not called."""
OUTPUT_BYTES: Final = 64
PATHS: Final = ("kernel-portable", "kernel-ifma")
"""Names of the ways in which it computes, in the order of their numbers."""

_BYTES, _OUT, _SIZES = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p
_NUMBER, _COUNT = ctypes.c_int, ctypes.c_size_t


class KernelGroup(Group):
    """ristretto255 behind the loaded kernel, on one of its paths: -1 leaves it, and it was loaded on its best.

    A library has one path for all of its groups.

    Raises:
        OprfError: the kernel was compiled from other sources, or takes a path that is none.
    """

    def __init__(self, lib: ctypes.CDLL, path: int = -1) -> None:
        if _bind(lib, "sf_interface")() != INTERFACE:
            raise OprfError("the kernel was compiled from other sources")
        taken = _bind(lib, "sf_use", _NUMBER)(path)
        if taken not in range(len(PATHS)):
            raise OprfError("the kernel takes path {taken}, which is none", taken)
        self._name = PATHS[taken]
        self._expand_all = _bind(lib, "sf_expand", _OUT, _BYTES, _SIZES, _COUNT, _BYTES, _COUNT)
        self._finish_all = _bind(lib, "sf_finish", _OUT, _BYTES, _SIZES, _COUNT, _BYTES)
        self._invert = _bind(lib, "sf_invert", _OUT, _BYTES, _COUNT)
        self._map = _bind(lib, "sf_from_uniform", _OUT, _BYTES, _COUNT)
        self._map_multiply = _bind(lib, "sf_map_multiply", _OUT, _BYTES, _NUMBER, _BYTES, _COUNT)
        self._multiply = _bind(lib, "sf_multiply", _OUT, _BYTES, _NUMBER, _BYTES, _COUNT)
        self._reduce = _bind(lib, "sf_reduce", _OUT, _BYTES, _COUNT)
        self._scalar_multiply = _bind(lib, "sf_mul", _OUT, _BYTES, _BYTES)
        self._scalar_subtract = _bind(lib, "sf_sub", _OUT, _BYTES, _BYTES)
        self._scalar_add = _bind(lib, "sf_add", _OUT, _BYTES, _BYTES)
        self._sum = _bind(lib, "sf_sum", _OUT, _BYTES, _COUNT)
        self._weighted_sum = _bind(lib, "sf_weighted_sum", _OUT, _BYTES, _BYTES, _COUNT)
        self._check = _bind(lib, "sf_check", _BYTES, _COUNT)
        self._weigh = _bind(lib, "sf_weights", _OUT, _BYTES, _COUNT, _BYTES, _BYTES, _COUNT, _BYTES, _COUNT)

    @property
    @override
    def name(self) -> str:
        return self._name

    # ------------------------------------------------------------------ hashing of a batch

    @override
    def expand_each(self, inputs: Sequence[bytes], dst: bytes) -> bytes:
        data, sizes = _joined(inputs)
        _require_tag(dst)
        out = ctypes.create_string_buffer(UNIFORM_BYTES * len(sizes))
        _require_done(self._expand_all(out, data, sizes.buffer_info()[0], len(sizes), dst, len(dst)))
        return out.raw

    @override
    def pair_weights(self, seed: bytes, first: int, left: bytes, right: bytes, dst: bytes) -> bytes:
        if len(seed) != UNIFORM_BYTES:
            raise ValueError(f"a seed has {UNIFORM_BYTES} bytes")
        if len(left) != len(right) or len(left) % ELEMENT_BYTES:
            raise ValueError("as many whole elements are needed on both sides")
        _require_tag(dst)
        out = ctypes.create_string_buffer(len(left))
        count = len(left) // ELEMENT_BYTES
        _require_done(self._weigh(out, seed, first, left, right, count, dst, len(dst)))
        return out.raw

    @override
    def finish_each(self, inputs: Sequence[bytes], elements: bytes) -> list[bytes]:
        data, sizes = _joined(inputs)
        if len(sizes) * ELEMENT_BYTES != len(elements):
            raise ValueError("as many inputs as elements are needed")
        if max(sizes, default=0) > MAX_INPUT_BYTES:
            raise OprfError("an input has at most {most} bytes", MAX_INPUT_BYTES)
        out = ctypes.create_string_buffer(OUTPUT_BYTES * len(sizes))
        _require_done(self._finish_all(out, data, sizes.buffer_info()[0], len(sizes), elements))
        raw = out.raw
        return [raw[at:end] for at, end in pairwise(range(0, len(raw) + 1, OUTPUT_BYTES))]


def _bind(lib: ctypes.CDLL, name: str, *arguments: type[Any]) -> Callable[..., int]:
    function = lib[name]  # a fresh object each time: two groups never share argument types
    function.argtypes = arguments
    function.restype = ctypes.c_int
    return function


def _joined(inputs: Sequence[bytes]) -> tuple[bytes, "array[int]"]:
    """The inputs one behind the other, and their sizes, by which C walks through them.

    An object may join as other bytes than its length says (a view of wider items), or come out of a sequence once only:
    C would read, or write, beyond a buffer.
    """
    each = list(inputs)
    data, sizes = b"".join(each), array("I", map(len, each))
    if sum(sizes) != len(data):
        raise ValueError("an input is of the type bytes")
    return data, sizes


def _require_tag(dst: bytes) -> None:
    if len(dst) > MAX_TAG_BYTES:  # C has room for no more
        raise ValueError(f"a tag has at most {MAX_TAG_BYTES} bytes")


def _require_done(status: int) -> None:
    if status == NO_MEMORY:
        raise MemoryError
    if status:
        raise ValueError("the kernel refuses what it was given")
