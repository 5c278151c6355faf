"""The kernel of another machine, behind the interface of a library: each call goes through a pipe to an emulator.

`KernelGroup` takes it as it takes `ctypes.CDLL`, so whatever tests ask of a kernel they ask of this one.
"""

import ctypes
import subprocess
from collections.abc import Sequence
from ctypes import c_void_p
from pathlib import Path
from struct import Struct
from typing import Any, Final

FUNCTIONS: Final = (
    "sf_interface",
    "sf_use",
    "sf_expand",
    "sf_finish",
    "sf_invert",
    "sf_from_uniform",
    "sf_map_multiply",
    "sf_multiply",
    "sf_reduce",
    "sf_mul",
    "sf_sub",
    "sf_add",
    "sf_sum",
    "sf_weighted_sum",
    "sf_check",
    "sf_weights",
)
"""In the order of `native/answer.c`."""
_PAIR: Final = Struct("<QQ")
_STATUS: Final = Struct("<q")
_SIZE_BYTES: Final = 4
_NUMBER, _BYTES, _ROOM = range(3)


class ForeignKernel:
    """A running `answer` of another machine; it ends with its input."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __getitem__(self, name: str) -> "_Function":
        return _Function(self, FUNCTIONS.index(name))

    def close(self) -> None:
        """Let it end, and wait for it."""
        self._process.communicate(timeout=60)

    def ask(self, request: bytes, rooms: Sequence[ctypes.Array[ctypes.c_char]]) -> int:
        """Make one call; what comes out is written into the rooms."""
        wishes, answers = self._process.stdin, self._process.stdout
        assert wishes is not None
        assert answers is not None
        wishes.write(request)
        wishes.flush()
        status: int = _STATUS.unpack(answers.read(_STATUS.size))[0]
        for room in rooms:
            room.raw = answers.read(len(room))
        return status


class _Function:
    """One function, with types of arguments as `ctypes` has them."""

    argtypes: tuple[type[Any], ...] = ()
    restype: type[Any] | None = None

    def __init__(self, kernel: ForeignKernel, number: int) -> None:
        self._kernel, self._number = kernel, number

    def __call__(self, *arguments: Any) -> int:
        request, rooms = _PAIR.pack(self._number, len(arguments)), []
        for at, (argument, kind) in enumerate(zip(arguments, self.argtypes, strict=True)):
            if isinstance(argument, ctypes.Array):
                request += _PAIR.pack(_ROOM, len(argument))
                rooms.append(argument)
                continue
            data = argument
            if kind is c_void_p:  # where an array of sizes begins; how many there are comes next
                data = ctypes.string_at(argument, _SIZE_BYTES * arguments[at + 1])
            request += (
                _PAIR.pack(_BYTES, len(data)) + data
                if isinstance(data, bytes)
                else _PAIR.pack(_NUMBER, data & 0xFFFFFFFFFFFFFFFF)
            )
        return self._kernel.ask(request, rooms)
