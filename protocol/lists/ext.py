"""What an agency says about a digest (`ext`): a deterministic CBOR map with fixed keys.

Everyone granted the collection, and a partner with a valid hit, may read it; case intelligence never enters a log.
Keys that this version does not know are kept and ignored: something that changes what an event means takes a new
op or flag instead. Which op may carry which field is `protocol.lists.opening`'s. Spec: docs/spec/event.md, "Ext".
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeVar

from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.errors import MalformedError, NotCanonicalError
from protocol.limits import MAX_EXT_BYTES, MAX_LOG_SIZE, MAX_ORIGIN_BYTES, MAX_REAFFIRMS

CONTENT_ID: Final = 1
CRITERIA: Final = 2
BASIS: Final = 3
REVIEW_BY: Final = 4
LEGALITY: Final = 5
HASH_PROFILE: Final = 6
REASON: Final = 7
REAFFIRMS: Final = 8
RELIES_ON: Final = 9
CONTINUES: Final = 10
KEYS: Final = range(1, 11)
"""Keys that have a meaning; they never change it."""

CONTENT_ID_BYTES: Final = 16

_HASH_BYTES: Final = 32
_EPOCH: Final = date(1970, 1, 1)
_LAST_DAY: Final = (date.max - _EPOCH).days
_MAX_U32: Final = 2**32 - 1
_MAX_COUNTRIES: Final = 256
_MAX_PROFILE: Final = 32
_MAX_SOURCE: Final = 64
_ID: Final = slice(3, 3 + CONTENT_ID_BYTES)
"""Where a content id stands: behind the head of a map of up to 23 fields, its key and the head of its bytes."""
_ID_HEAD: Final = bytes((CONTENT_ID, 0x50))
_KEPT: Final = 256
"""Exts without their content id that stay parsed: the entries of an import have one and the same."""

_T = TypeVar("_T", int, bytes, str)


class Basis(IntEnum):
    """On whose knowledge an agency lists a digest; only the first two count for the quorum."""

    OWN = 1
    """The agency holds the material."""
    REVIEWED = 2
    """Its analysts examined the material."""
    RELIES_ON = 3
    """Taken over: from a peer's entry, an export, a supplier."""


class Reason(IntEnum):
    """Why an entry is withdrawn, or a digest disputed."""

    ERROR = 1
    """The digest should not be listed by anyone: a withdrawal with this reason also blocks it."""
    LEGAL = 2
    DUPLICATE = 3
    OTHER = 4


@dataclass(frozen=True, slots=True, order=True)
class EntryRef:
    """An event of a log, pinned by its leaf hash: it cannot be named before it exists."""

    origin: str
    index: int
    leaf_hash: bytes

    def __post_init__(self) -> None:
        _check_origin(self.origin)
        if not 0 <= self.index < MAX_LOG_SIZE or len(self.leaf_hash) != _HASH_BYTES:
            raise MalformedError("entry reference: index or leaf hash out of range")


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The log that a list continues, as far as its owner vouches for it."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        _check_origin(self.origin)
        if not 0 <= self.size <= MAX_LOG_SIZE or len(self.root) != _HASH_BYTES:
            raise MalformedError("continued log: size or root out of range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ext:
    """What an agency says about a digest; every field may be absent.

    Raises `MalformedError` when made of values that have no encoding.
    """

    content_id: bytes | None = None
    """16 random bytes shared by the digests of one file."""
    criteria: int | None = None
    """Version of the signed criteria document."""
    basis: int | None = None
    """A `Basis`, or a number this version does not know, which never counts."""
    review_by: date | None = None
    """Advisory."""
    legality: tuple[str, ...] = ()
    """ISO 3166 alpha-2 codes, ascending, of countries where the material is known to be illegal."""
    hash_profile: str | None = None
    """How a perceptual digest was computed, as `pdq/1/full`."""
    reason: int | None = None
    """A `Reason`, or a number this version does not know, which is only shown."""
    reaffirms: tuple[EntryRef, ...] = ()
    """Blocks that the agency examined and overrules, ascending."""
    relies_on: EntryRef | str | None = None
    """Whose knowledge was taken over: a peer's entry, or the name of an export or supplier."""
    continues: Predecessor | None = None
    extra: bytes = b""
    """CBOR map of the keys that this version does not know: kept and ignored."""

    def __post_init__(self) -> None:
        if self.content_id is not None and len(self.content_id) != CONTENT_ID_BYTES:
            raise MalformedError("ext: a content id has 16 bytes")
        for number in (self.criteria, self.basis, self.reason):
            if number is not None and not 1 <= number <= _MAX_U32:
                raise MalformedError("ext: criteria, basis or reason out of range")
        if self.review_by is not None and self.review_by < _EPOCH:
            raise MalformedError("ext: review date before 1970")
        if self.hash_profile is not None:
            _check_text(self.hash_profile, _MAX_PROFILE)
        if isinstance(self.relies_on, str):
            _check_text(self.relies_on, _MAX_SOURCE)
        _check_countries(self.legality)
        _check_reaffirms(self.reaffirms)
        _read_extra(self.extra)

    @property
    def counts(self) -> bool:
        """Whether an add with this ext counts for the quorum: criteria and own or reviewed basis."""
        return self.criteria is not None and self.basis in {Basis.OWN, Basis.REVIEWED}

    def to_bytes(self) -> bytes:
        """Deterministic CBOR of the present fields."""
        values: dict[int, CborValue] = {
            CONTENT_ID: self.content_id,
            CRITERIA: self.criteria,
            BASIS: self.basis,
            REVIEW_BY: None if self.review_by is None else (self.review_by - _EPOCH).days,
            LEGALITY: list(self.legality) or None,
            HASH_PROFILE: self.hash_profile,
            REASON: self.reason,
            REAFFIRMS: [_write_ref(ref) for ref in self.reaffirms] or None,
            RELIES_ON: _write_source(self.relies_on),
            CONTINUES: _write_predecessor(self.continues),
        }
        present = {key: value for key, value in values.items() if value is not None}
        return encode_cbor(present | _read_extra(self.extra))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Ext":
        """Parse deterministic CBOR.

        Raises:
            MalformedError: not a canonical map of unsigned keys, or a field of another type or range.
        """
        if data[:1] < b"\xb8" and data[1:3] == _ID_HEAD and len(data) >= _ID.stop:
            # Any 16 bytes are a content id: what is true of one ext is true of all that differ in it alone.
            return _with_id(
                _parse_like(data[: _ID.start] + bytes(CONTENT_ID_BYTES) + data[_ID.stop :]), data[_ID]
            )
        return _parse(data)


_FIELDS: Final = tuple(field.name for field in fields(Ext))


def _with_id(ext: Ext, content_id: bytes) -> Ext:
    """A copy with another content id, unchecked: a list has millions, of which each was checked in all else."""
    made, put = object.__new__(Ext), object.__setattr__
    for name in _FIELDS:
        put(made, name, getattr(ext, name))
    put(made, "content_id", content_id)
    return made


def _parse(data: bytes) -> Ext:
    extra = decode_cbor(data, max_bytes=MAX_EXT_BYTES)
    known = {key: extra.pop(key) for key in KEYS if key in extra}
    if None in known.values():
        raise NotCanonicalError("ext: a field that is absent is left out")
    return Ext(
        content_id=_read_optional(bytes, known.get(CONTENT_ID)),
        criteria=_read_optional(int, known.get(CRITERIA)),
        basis=_read_optional(int, known.get(BASIS)),
        review_by=_read_date(known.get(REVIEW_BY)),
        legality=tuple(_read(str, item) for item in _read_array(known.get(LEGALITY))),
        hash_profile=_read_optional(str, known.get(HASH_PROFILE)),
        reason=_read_optional(int, known.get(REASON)),
        reaffirms=tuple(_read_ref(item) for item in _read_array(known.get(REAFFIRMS))),
        relies_on=_read_source(known.get(RELIES_ON)),
        continues=_read_predecessor(known.get(CONTINUES)),
        extra=encode_cbor(extra) if extra else b"",
    )


_parse_like = lru_cache(maxsize=_KEPT)(_parse)


@lru_cache(maxsize=_KEPT)
def _check_origin(origin: str) -> None:
    # Millions of references name a few logs.
    if not 0 < len(origin) <= MAX_ORIGIN_BYTES or not _is_plain(origin) or " " in origin:
        raise MalformedError("origin: not a short printable ASCII text without spaces")


def _check_text(text: str, longest: int) -> None:
    if not 0 < len(text) <= longest or not _is_plain(text):
        raise MalformedError("ext: not a short printable ASCII text")


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _check_countries(codes: tuple[str, ...]) -> None:
    if len(codes) > _MAX_COUNTRIES or any(first >= second for first, second in pairwise(codes)):
        raise MalformedError("ext: countries must ascend")
    if not all(len(code) == 2 and code.isascii() and code.isalpha() and code.isupper() for code in codes):
        raise MalformedError("ext: a country has two capital letters")


def _check_reaffirms(refs: tuple[EntryRef, ...]) -> None:
    places = [(ref.origin, ref.index) for ref in refs]
    if len(refs) > MAX_REAFFIRMS or any(first >= second for first, second in pairwise(places)):
        raise MalformedError("ext: reaffirmed blocks must ascend and be at most {most}", MAX_REAFFIRMS)


def _read_extra(data: bytes) -> dict[int, CborValue]:
    if not data:
        return {}
    values = decode_cbor(data, max_bytes=MAX_EXT_BYTES)
    if not values or any(key in KEYS for key in values):
        raise MalformedError("ext: extra keys must be unknown ones")
    return values


def _read(kind: type[_T], value: CborValue) -> _T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MalformedError("ext: a field that should be {kind} is not", kind.__name__)
    return value


def _read_optional(kind: type[_T], value: CborValue) -> _T | None:
    return None if value is None else _read(kind, value)


def _read_array(value: CborValue) -> list[CborValue]:
    if value is None:
        return []
    if not isinstance(value, list) or not value:
        raise MalformedError("ext: a field that should be an array with items is not")
    return value


def _read_date(value: CborValue) -> date | None:
    if value is None:
        return None
    days = _read(int, value)
    if not 0 <= days <= _LAST_DAY:
        raise MalformedError("ext: review date out of range")
    return _EPOCH + timedelta(days=days)


def _read_triple(value: CborValue) -> tuple[str, int, bytes]:
    if not isinstance(value, list) or len(value) != 3:
        raise MalformedError("ext: a reference is an array of origin, number and hash")
    return _read(str, value[0]), _read(int, value[1]), _read(bytes, value[2])


def _read_ref(value: CborValue) -> EntryRef:
    return EntryRef(*_read_triple(value))


def _read_source(value: CborValue) -> EntryRef | str | None:
    return _read_ref(value) if isinstance(value, list) else _read_optional(str, value)


def _read_predecessor(value: CborValue) -> Predecessor | None:
    return None if value is None else Predecessor(*_read_triple(value))


def _write_ref(ref: EntryRef) -> CborValue:
    return [ref.origin, ref.index, ref.leaf_hash]


def _write_source(source: EntryRef | str | None) -> CborValue:
    return _write_ref(source) if isinstance(source, EntryRef) else source


def _write_predecessor(log: Predecessor | None) -> CborValue:
    return None if log is None else [log.origin, log.size, log.root]
