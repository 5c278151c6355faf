"""What a worker process says about a file, as data: a process that opens strangers' pictures is not trusted with code.

An outcome is a JSON array: size, parts, faults, mark, or the reason why the file was not read in place of them all.
(Pickle would let a decoder that was taken over run what it likes in the parent.)
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.hashing.file_hashes import Fault, Hashed, Part
from protocol.digest import Algorithm, Digest

Packed = Any
"""An outcome as JSON knows it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `place` counts from 0 in the order in which the paths were handed in."""

    place: int
    path: Path
    hashed: Hashed | None
    unreadable: str = ""
    """Why there are no hashes, in words."""


def pack_hashed(hashed: Hashed) -> Packed:
    """A file that was read."""
    parts = [
        [part.name, [[one.algorithm.value, one.value.hex()] for one in part.digests]] for part in hashed.parts
    ]
    return [hashed.size, parts, [[fault.name, fault.reason] for fault in hashed.faults], hashed.mark]


def unpack_hashed(packed: Packed) -> Hashed:
    """What `pack_hashed` packed; raises anything where a worker made it up."""
    size, parts, faults, mark = packed
    return Hashed(
        int(size),
        tuple(Part(str(name), tuple(map(_digest, digests))) for name, digests in parts),
        tuple(Fault(str(name), str(reason)) for name, reason in faults),
        str(mark),
    )


def pack_unreadable(reason: str) -> Packed:
    """A file that was not."""
    return reason


def unpack(packed: Packed, *, place: int, path: Path) -> Outcome:
    """What was packed; raises anything where a worker made it up."""
    if isinstance(packed, str):
        return Outcome(place, path, None, packed)
    return Outcome(place, path, unpack_hashed(packed))


_ALGORITHMS: Final = {algorithm.value: algorithm for algorithm in Algorithm}


def _digest(packed: Packed) -> Digest:
    number, value = packed
    return Digest.from_hex(_ALGORITHMS[number], value)


def dump(outcomes: list[Packed]) -> bytes:
    """Outcomes as one message."""
    return json.dumps(outcomes).encode()


def load(message: bytes) -> list[Packed]:
    """The outcomes of one message."""
    found = json.loads(message)
    if not isinstance(found, list):
        raise TypeError("no outcomes")
    return found
