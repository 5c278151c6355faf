"""What a hit reveals: the collection and k entries that brought the digest on the list, sealed under its output.

Only somebody who got the digest's PRF output from the node can open its label. The key is used with one nonce;
AES-GCM-SIV is chosen because a changed label of the same digest in the same epoch then tells no more than that it
changed. Labels have one size, so their length tells nothing. Spec: docs/spec/subset.md, section "Labels".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha512
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from protocol.errors import MalformedError, NotCanonicalError, SubsetError
from protocol.fields import increasing
from protocol.lists.event import PRIVATE_FROM

OUTPUT_BYTES: Final = 64
TAG_BYTES: Final = 8
MAX_LABEL_SOURCES: Final = 4
PLAINTEXT_BYTES: Final = 32
LABEL_BYTES: Final = PLAINTEXT_BYTES + 16
CANARY_COLLECTION: Final = 0
"""Collection of test digests: no list has it, and such a label names no source."""

_NONCE: Final = bytes(12)
_KEY_INFO: Final = b"SIGFED-V1 label"
_BLOCK: Final = 128
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_HEAD_BYTES: Final = 4
_SOURCE_BYTES: Final = 7
_INDEX_BITS: Final = 48
_MAX_NUMBER: Final = 255
_MAX_INDEX: Final = 2**_INDEX_BITS - 1


def tag(output: bytes) -> bytes:
    """The first 8 bytes of a 64-byte PRF output."""
    assert len(output) == OUTPUT_BYTES
    return output[:TAG_BYTES]


@dataclass(frozen=True, slots=True, order=True)
class LabelSource:
    """One entry: the number of its log among the manifest's sources, and its index in that log."""

    number: int
    index: int

    def __post_init__(self) -> None:
        if self.number > _MAX_NUMBER or self.index > _MAX_INDEX:
            raise MalformedError("label: source number or index out of range")


@dataclass(frozen=True, slots=True)
class Label:
    """A collection and the entries that made the digest effective in it, by increasing source number."""

    collection: int
    sources: tuple[LabelSource, ...]

    def __post_init__(self) -> None:
        numbers = [source.number for source in self.sources]
        if len(numbers) > MAX_LABEL_SOURCES:
            raise MalformedError("label: more than {most} sources", MAX_LABEL_SOURCES)
        if not increasing(numbers):
            raise NotCanonicalError("label: source numbers do not increase")
        if (self.collection == CANARY_COLLECTION) == bool(numbers):
            raise MalformedError("label: only a canary has no collection and no sources")
        if self.collection >= PRIVATE_FROM:
            raise MalformedError("label: a private collection is never released")

    def to_bytes(self) -> bytes:
        """32 bytes: `collection u16 ‖ k u8 ‖ 0 ‖ k * (number u8 ‖ index u48) ‖ zeros`."""
        head = self.collection.to_bytes(2, "big") + bytes([len(self.sources), 0])
        body = b"".join(
            (source.number << _INDEX_BITS | source.index).to_bytes(_SOURCE_BYTES, "big")
            for source in self.sources
        )
        return (head + body).ljust(PLAINTEXT_BYTES, b"\0")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Label":
        """Parse 32 bytes.

        Raises `MalformedError` for another length or a field out of range, `NotCanonicalError` when reserved
        bytes are not zero or sources are not in order.
        """
        if len(data) != PLAINTEXT_BYTES or data[2] > MAX_LABEL_SOURCES:
            raise MalformedError("label: wrong length or too many sources")
        end = _HEAD_BYTES + data[2] * _SOURCE_BYTES
        if data[3] or any(data[end:]):
            raise NotCanonicalError("label: reserved bytes are not zero")
        sources = tuple(
            LabelSource(data[start], int.from_bytes(data[start + 1 : start + _SOURCE_BYTES], "big"))
            for start in range(_HEAD_BYTES, end, _SOURCE_BYTES)
        )
        return cls(int.from_bytes(data[:2], "big"), sources)


CANARY_LABEL: Final = Label(CANARY_COLLECTION, ())
"""The label of every test digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backer:
    """A counting add behind an effective digest, as the label's choice sees it."""

    number: int
    index: int
    country: str | None
    authority: bool = False
    """Whether its member is an authority for the collection: then it makes the digest effective alone."""


def choose_label(backers: Mapping[int, Sequence[Backer]], k: int) -> Label:
    """The label of a digest that is effective in the collections of `backers`, with the adds that count there.

    The lowest collection. Of each country its lowest source number, of these the k lowest, each with its lowest
    index; with fewer than k countries the lowest source of an authority. The choice depends on the set of
    backers only, so every build of a release has the same labels.
    """
    collection = min(backers)
    ordered = sorted(backers[collection], key=lambda backer: (backer.number, backer.index))
    by_country: dict[str, Backer] = {}
    for backer in ordered:
        if backer.country is not None:
            by_country.setdefault(backer.country, backer)
    chosen = list(by_country.values())[:k]
    if len(chosen) < k:
        chosen = [backer for backer in ordered if backer.authority][:1]
    assert chosen, "neither k countries nor an authority: the digest is not effective"
    return Label(collection, tuple(LabelSource(backer.number, backer.index) for backer in chosen))


def relabel(label: Label, indices: Sequence[Sequence[int]]) -> list[bytes]:
    """The 32 bytes of labels that differ from this one in the indices of its sources: a row for each label."""
    wire = label.to_bytes()
    columns = [
        [(source.number << _INDEX_BITS | index).to_bytes(_SOURCE_BYTES, "big") for index in column]
        for source, column in zip(label.sources, zip(*indices, strict=True), strict=True)
    ]
    start, end = wire[:_HEAD_BYTES], wire[_HEAD_BYTES + _SOURCE_BYTES * len(columns) :]
    return [start + b"".join(sources) + end for sources in zip(*columns, strict=True)]


def seal_label(output: bytes, *, subset_id: bytes, epoch: int, label: bytes) -> bytes:
    """48 bytes: the 32 of a label under the digest's 64-byte PRF output (AES-256-GCM-SIV, RFC 8452)."""
    return _cipher(output).encrypt(_NONCE, label, _bound_to(output, subset_id, epoch))


def open_label(sealed: bytes, *, output: bytes, subset_id: bytes, epoch: int) -> Label:
    """The label that `sealed` holds for the digest whose PRF output is `output`.

    Raises `SubsetError` when it is not sealed under that output, subset and epoch, `MalformedError` when it is
    and does not parse: then the node itself wrote it.
    """
    if len(sealed) != LABEL_BYTES:
        raise SubsetError("label: wrong length")
    try:
        data = _cipher(output).decrypt(_NONCE, sealed, _bound_to(output, subset_id, epoch))
    except InvalidTag:
        raise SubsetError("label: belongs to another digest, subset or epoch, or was altered") from None
    return Label.from_bytes(data)


def _cipher(output: bytes) -> AESGCMSIV:
    # HKDF-Expand (RFC 5869) of 32 bytes with SHA-512 is the head of its first block; HMAC as RFC 2104 spells it out
    # takes half as long as `hmac.digest`.
    key = output.ljust(_BLOCK, b"\0")
    inner = sha512(key.translate(_INNER) + _KEY_INFO + b"\x01").digest()
    return AESGCMSIV(sha512(key.translate(_OUTER) + inner).digest()[:32])


def _bound_to(output: bytes, subset_id: bytes, epoch: int) -> bytes:
    return subset_id + epoch.to_bytes(4, "big") + tag(output)
