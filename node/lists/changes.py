"""Changes on their way into a log: an event without its time, and its opening.

A change waits as part of a sealed batch. When it is published, the time of the round makes its header complete, and
the same batch with the same time gives the same events, however often a publication is started again.
Form of a batch: for each change, op u8, flags u8, collection u16, ref u64, u16 length, opening.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple, Protocol

from node.clock import Entropy
from node.errors import StoreError
from node.formats.rows import ImportRow
from protocol.digest import SIZES, Algorithm, Digest
from protocol.errors import ProtocolError
from protocol.lists.event import Header, Op
from protocol.lists.ext import CONTENT_ID_BYTES, Ext
from protocol.lists.opening import NONCE_BYTES, Opening, commitment

_HEAD: Final = Struct(">BBHQH")
CONTENT_ID: Final = slice(3, 19)
"""Where a content id stands in ext: behind the head of the map, its key 1 and the head of its 16 bytes."""
ID_HEAD: Final = b"\x01\x50"
LONG_MAP: Final = b"\xb8"
KEY_BEFORE: Final = b"\0"
"""Behind the longer head of a map of more than 23 fields, and behind a key 0, the id stands elsewhere; nobody but a
liar needs either."""
_ALGORITHMS: Final[Mapping[int, Algorithm]] = {int(algorithm): algorithm for algorithm in SIZES}
"""By number: asking the enumeration costs as much as all else of an opening."""


class Change(NamedTuple):
    """One event to be; `position` is decided by the order of publication. A named tuple: an import makes millions."""

    op: int
    flags: int
    collection: int
    ref: int
    opening: bytes


@dataclass(frozen=True, slots=True)
class ExtTemplate:
    """The ext of an import's adds, which differ in the content id alone."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, ext: Ext) -> "ExtTemplate":
        """A template of `ext`, which has any content id."""
        data = ext.to_bytes()
        assert data[1:3] == ID_HEAD, "an ext without a content id is no template"
        return cls(len(data).to_bytes(2) + data[: CONTENT_ID.start], data[CONTENT_ID.stop :])

    def with_id(self, content_id: bytes) -> bytes:
        """Length and ext with this content id, as they end an opening."""
        return self.before + content_id + self.after


def pack(change: Change) -> bytes:
    """One change as a record; a batch is records joined."""
    op, flags, collection, ref, opening = change
    return _HEAD.pack(op, flags, collection, ref, len(opening)) + opening


def new_record(
    entropy: Entropy,
    op: Op,
    collection: int,
    *,
    flags: int = 0,
    ref: int = 0,
    digest: Digest | None = None,
    ext: Ext,
) -> bytes:
    """A change that says `ext`, packed, its opening with a fresh nonce."""
    opening = Opening(entropy(NONCE_BYTES), digest, ext).to_bytes()
    return pack(Change(op, flags, collection, ref, opening))


class Packer(Protocol):
    """Makes the adds of one file."""

    def pack(
        self, row: ImportRow, digests: Iterable[Digest], content_id: bytes, nonces: Iterator[bytes]
    ) -> list[bytes]:
        """Records of one file's digests, each with the next nonce."""
        ...


class AddPacker:
    """Packs adds that differ in nonce, digest, content id and collection alone: the hot loop of imports."""

    def __init__(self, template: ExtTemplate) -> None:
        self._template = template
        self._length = len(template.with_id(bytes(CONTENT_ID_BYTES)))
        self._heads: dict[int, dict[int, tuple[bytes, bytes]]] = {}

    def pack(
        self, row: ImportRow, digests: Iterable[Digest], content_id: bytes, nonces: Iterator[bytes]
    ) -> list[bytes]:
        """Records of one file's digests, each with the next nonce."""
        heads = self._heads.get(row.collection) or self._add_heads(row.collection)
        ext = self._template.with_id(content_id)
        records = []
        for digest in digests:
            head, kind = heads[digest.algorithm]
            records.append(head + next(nonces) + kind + digest.value + ext)
        return records

    def _add_heads(self, collection: int) -> dict[int, tuple[bytes, bytes]]:
        heads: dict[int, tuple[bytes, bytes]] = {}
        for algorithm, size in SIZES.items():
            length = NONCE_BYTES + 2 + size + self._length
            heads[algorithm] = (_HEAD.pack(Op.ADD, 0, collection, 0, length), bytes((algorithm, size)))
        self._heads[collection] = heads
        return heads


def unpack(data: bytes) -> Iterator[Change]:
    """The changes of a batch; raises `StoreError` for bytes that are none."""
    at, size = 0, _HEAD.size
    while at < len(data):
        if at + size > len(data):
            raise StoreError("a batch of changes is damaged", hint="restore it from a backup")
        op, flags, collection, ref, length = _HEAD.unpack_from(data, at)
        at += size + length
        yield Change(op, flags, collection, ref, data[at - length : at])


def event_of(change: Change, *, origin_hash: bytes, time_ms: int) -> bytes:
    """The 56 bytes of the event that a change becomes at `time_ms`."""
    header = _header(
        change.op, change.flags, change.collection, change.opening[NONCE_BYTES], change.ref, time_ms
    )
    return header + commitment(origin_hash, header, change.opening)


def content_id_of(opening: bytes) -> bytes:
    """The content id in an opening's bytes; empty when there is none that is read here."""
    if len(opening) < NONCE_BYTES + 2:
        return b""
    start = NONCE_BYTES + 4 + opening[NONCE_BYTES + 1]
    key = opening[start + 1 : start + 3]
    if opening[start : start + 1] >= LONG_MAP or key[:1] == KEY_BEFORE:
        return _read_content_id(opening)
    found = opening[start + CONTENT_ID.start : start + CONTENT_ID.stop]
    return found if key == ID_HEAD and len(found) == CONTENT_ID_BYTES else b""


def shape_of(opening: bytes) -> bytes:
    """What an opening says but for its nonce, its digest and, where it is easily found, the content id.

    The openings of digests of one algorithm that have the same shape differ in nothing else.
    """
    start = NONCE_BYTES + 4 + opening[NONCE_BYTES + 1]
    kind, said = opening[NONCE_BYTES : NONCE_BYTES + 2], opening[start - 2 :]
    whole = len(opening) >= start + CONTENT_ID.stop
    if not whole or said[3:5] != ID_HEAD or said[2:3] >= LONG_MAP:
        return kind + said
    return kind + said[: 2 + CONTENT_ID.start] + said[2 + CONTENT_ID.stop :]


def _read_content_id(opening: bytes) -> bytes:
    with suppress(ProtocolError):  # nobody verified what peers gave back
        return Opening.from_bytes(opening).ext.content_id or b""
    return b""


def digest_of(opening: bytes) -> Digest | None:
    """The digest in an opening's bytes; None when there is none, or none that is read here.

    Of an event that this version does not know, a peer may open any bytes at all.
    """
    if len(opening) < NONCE_BYTES + 2:
        return None
    algorithm, start = _ALGORITHMS.get(opening[NONCE_BYTES]), NONCE_BYTES + 2
    value = opening[start : start + opening[NONCE_BYTES + 1]]
    return None if algorithm is None or len(value) != SIZES[algorithm] else Digest(algorithm, value)


@lru_cache(64)
def _header(op: int, flags: int, collection: int, algorithm: int, ref: int, time_ms: int) -> bytes:
    return Header(
        op=op, flags=flags, collection=collection, algorithm=algorithm, ref=ref, time_ms=time_ms
    ).to_bytes()
