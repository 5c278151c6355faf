"""What a node tells its peers that it holds: heads, trust files, evidence. Nothing in it is believed.

A head is verified by its note, a trust file by its root, evidence by whoever gets it; this is only their list. It has
one encoding: everything in ascending order, once. Spec: docs/spec/gossip.md.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final, Self, TypeVar

from keys.trust.names import is_node_name
from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.limits import (
    MAX_GOSSIP_BYTES,
    MAX_GOSSIP_EVIDENCE,
    MAX_GOSSIP_FILES,
    MAX_GOSSIP_LOGS,
    MAX_NOTE_BYTES,
)
from protocol.tlog.note import check_name

_VERSION: Final = 1
_SHA256_BYTES: Final = 32
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_ROOM: Final = 128 * 1024
"""What everything but the heads needs at most."""

_T = TypeVar("_T")


class FileKind(IntEnum):
    """Which trust file."""

    NODE = 1
    MEMBERS = 2


@dataclass(frozen=True, slots=True, order=True)
class GossipHead:
    """The newest signed note of a log that somebody holds."""

    origin: str
    note: bytes


@dataclass(frozen=True, slots=True, order=True)
class GossipFile:
    """A signed trust file that somebody holds: whose, which, of what version, and the SHA-256 of the whole envelope."""

    node: str
    kind: FileKind
    root_sha256: bytes
    version: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Gossip:
    """What somebody says that it holds; `evidence` are SHA-256 of evidence, 32 bytes each."""

    heads: tuple[GossipHead, ...] = ()
    files: tuple[GossipFile, ...] = ()
    evidence: tuple[bytes, ...] = ()

    def to_bytes(self) -> bytes:
        """Deterministic CBOR: {0: version, 1: heads, 2: files, 3: evidence}."""
        files: list[CborValue] = [
            [one.node, int(one.kind), one.root_sha256, one.version, one.sha256] for one in self.files
        ]
        heads: list[CborValue] = [[one.origin, one.note] for one in self.heads]
        return encode_cbor({0: _VERSION, 1: heads, 2: files, 3: self.evidence})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The gossip that `to_bytes` wrote; raises `MalformedError`. Notes are not read yet."""
        match decode_cbor(data, max_bytes=MAX_GOSSIP_BYTES):
            case {0: 1, 1: list(heads), 2: list(files), 3: list(evidence), **rest} if not rest:
                read = cls(
                    heads=_read(heads, _head, MAX_GOSSIP_LOGS, lambda one: one.origin),
                    files=_read(files, _file, MAX_GOSSIP_FILES, lambda one: (one.node, one.kind)),
                    evidence=_read(evidence, _sha256, MAX_GOSSIP_EVIDENCE, lambda one: one),
                )
            case _:
                raise MalformedError("not gossip of a known version")
        if read.to_bytes() != data:  # CBOR's true equals 1 to Python, not on the wire
            raise NotCanonicalError("not the one encoding of this gossip")
        return read

    @classmethod
    def of(cls, heads: Iterable[GossipHead], files: Iterable[GossipFile], evidence: Iterable[bytes]) -> Self:
        """Put in order, and cut to what a reader takes; of the heads, everybody loses the last ones alike."""
        return cls(
            heads=_within(in_turn(sorted(heads), lambda head: head.origin.partition("/")[0])),
            files=tuple(sorted(files)[:MAX_GOSSIP_FILES]),
            evidence=tuple(sorted(set(evidence))[:MAX_GOSSIP_EVIDENCE]),
        )


def in_turn(items: Iterable[_T], owner: Callable[[_T], str]) -> list[_T]:
    """One of each owner after the other, in their order.

    Whatever is cut off at the end, nobody who has many crowds out those who have few.
    """
    before: Counter[str] = Counter()
    placed = []
    for item in items:
        placed.append((before[owner(item)], item))
        before[owner(item)] += 1
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]


def is_name(text: str) -> bool:
    """Whether `text` names something by its SHA-256: 64 lower-case hexadecimal digits."""
    return _HEX.fullmatch(text) is not None


def _within(heads: Sequence[GossipHead]) -> tuple[GossipHead, ...]:
    taken: list[GossipHead] = []
    room = MAX_GOSSIP_BYTES - _ROOM
    for head in heads[:MAX_GOSSIP_LOGS]:
        room -= len(head.note) + len(head.origin.encode()) + 8
        if room < 0:
            break
        taken.append(head)
    return tuple(sorted(taken))


def _read(
    items: Sequence[CborValue], read: Callable[[CborValue], _T], most: int, key: Callable[[_T], object]
) -> tuple[_T, ...]:
    if len(items) > most:
        raise TooLargeError("gossip: more of a kind than is ever told")
    found = tuple(map(read, items))
    keys = list(map(key, found))
    if any(one >= other for one, other in pairwise(keys)):  # type: ignore[operator]  # keys of one kind
        raise NotCanonicalError("gossip: not in ascending order, each once")
    return found


def _head(value: CborValue) -> GossipHead:
    match value:
        case [str(origin), bytes(note)] if 0 < len(note) <= MAX_NOTE_BYTES:
            check_name(origin)
            return GossipHead(origin, note)
        case _:
            raise MalformedError("gossip: not a head")


def _file(value: CborValue) -> GossipFile:
    match value:
        case [str(node), (1 | 2) as kind, bytes(root), int(version), bytes(digest)]:
            if is_node_name(node) and version > 0:
                return GossipFile(node, FileKind(kind), _sha256(root), version, _sha256(digest))
        case _:
            pass
    raise MalformedError("gossip: not a trust file")


def _sha256(value: CborValue) -> bytes:
    if not isinstance(value, bytes) or len(value) != _SHA256_BYTES:
        raise MalformedError("gossip: not a SHA-256")
    return value
