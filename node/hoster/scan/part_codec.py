"""How the hashes of a file's parts are kept: packed into one value, because a scan keeps millions of them."""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from node.errors import StoreError
from node.hashing.file_hashes import Part
from protocol.digest import Algorithm, Digest
from protocol.errors import ProtocolError

_PART: Final = Struct(">HH")
"""Bytes of the name, number of digests."""
_DIGEST: Final = Struct(">BH")
"""Algorithm, bytes of the value."""
_UNICODE: Final = "surrogatepass"


def pack(parts: Sequence[Part]) -> bytes:
    """The parts as bytes."""
    pieces: list[bytes] = []
    for part in parts:
        name = part.name.encode("utf-8", _UNICODE)
        pieces += (_PART.pack(len(name), len(part.digests)), name)
        for digest in part.digests:
            pieces += (_DIGEST.pack(digest.algorithm, len(digest.value)), digest.value)
    return b"".join(pieces)


def unpack(data: bytes) -> tuple[Part, ...]:
    """The parts that were packed; raises `StoreError` for bytes that are something else."""
    parts: list[Part] = []
    at = 0
    try:
        while at < len(data):
            part, at = _unpack_part(data, at)
            parts.append(part)
    except (ValueError, ProtocolError, IndexError) as exc:
        raise StoreError("hashes in the state of the scan are damaged") from exc
    return tuple(parts)


def _unpack_part(data: bytes, at: int) -> tuple[Part, int]:
    octets, count = _PART.unpack(_exactly(data, at, _PART.size))
    at += _PART.size
    name = _exactly(data, at, octets).decode("utf-8", _UNICODE)
    at += octets
    digests: list[Digest] = []
    for _ in range(count):
        algorithm, octets = _DIGEST.unpack(_exactly(data, at, _DIGEST.size))
        at += _DIGEST.size
        digests.append(Digest(Algorithm(algorithm), _exactly(data, at, octets)))
        at += octets
    return Part(name, tuple(digests)), at


def _exactly(data: bytes, at: int, octets: int) -> bytes:
    found = data[at : at + octets]
    if len(found) != octets:
        raise ValueError("cut off")
    return found
