"""One bundle of a list against the rules, with the openings that came along: the loop every entry passes.

For each event: its rules (`protocol.sequence`), its leaf hash, and, where its opening is given, the commitment, the
opening's form and what its op may say. Most openings differ in nonce, digest and content id alone, so the form of
everything else is judged once and remembered; that keeps the loop near the cost of its two hashes. The verdict is
a function of the bytes: the memory never changes it. Spec: docs/spec/event.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from protocol.digest import Algorithm
from protocol.errors import MalformedError, OpeningError
from protocol.event import NO_COLLECTION, Header, Op
from protocol.opening import DOMAIN, NONCE_BYTES, Opening, check_opening, readable
from protocol.sequence import Admission, LogShape

_REMEMBERED_FORMS: Final = 4096
_MAX_REMEMBERED: Final = 512
"""Bytes of an opening whose form is remembered: a stranger may fill that memory, and it stays small."""
_ID_HEAD: Final = b"\x01\x50"
"""CBOR of key 1, the content id, and the head of its 16 bytes; they follow the head of the map."""
_ALGORITHMS: Final = frozenset(Algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedBundle:
    """What a bundle proved, and what it leaves open."""

    leaf_hashes: list[bytes]
    missing: list[int]
    """Indices of granted leaves without an opening: refused at the end of the pull unless shredded by then."""
    unknown: list[int]
    """Indices that this version does not apply, for the operator."""


def verify_bundle(
    shape: LogShape,
    *,
    origin_hash: bytes,
    first_index: int,
    events: Sequence[bytes],
    openings: Sequence[bytes | None],
    now_ms: int,
    granted: frozenset[int],
) -> VerifiedBundle:
    """Verify the next events of a list (56 bytes each) and those of their openings that are given.

    The shape advances over all events, or over none when something is refused. An opening that this version
    cannot read (see `readable`) is held against its commitment only.

    Raises:
        EventRuleError: an event that breaks a rule of lists.
        OpeningError: an opening that was not asked for, does not match its commitment, or is not well formed.
    """
    assert len(events) == len(openings), "one opening or None for each event"
    admission = shape.examine(first_index, events, now_ms)
    missing = _missing(admission, openings, granted | {NO_COLLECTION})
    leaves, unreadable = _verify_openings(admission, DOMAIN + origin_hash, events, openings)
    shape.accept(admission)
    unknown = sorted(admission.unknown + unreadable)
    return VerifiedBundle(leaf_hashes=leaves, missing=missing, unknown=unknown)


def _missing(admission: Admission, openings: Sequence[bytes | None], granted: frozenset[int]) -> list[int]:
    missing = []
    for at, (collection, opening) in enumerate(zip(admission.collections.tolist(), openings, strict=True)):
        if (collection in granted) is (opening is not None):
            continue
        index = admission.first_index + at
        if opening is not None:
            raise OpeningError(index, "was not asked for")
        if admission.ops[at]:  # who knows whether a newer version lets an unknown event be shredded
            missing.append(index)
    return missing


def _verify_openings(
    admission: Admission, prefix: bytes, events: Sequence[bytes], openings: Sequence[bytes | None]
) -> tuple[list[bytes], list[int]]:
    """The hot loop: leaf hashes of all events, and indices of openings that cannot be read here."""
    leaves = []
    unreadable = []
    rows = zip(events, openings, admission.ops, admission.algorithms, strict=True)
    for index, (event, opening, op, algorithm) in enumerate(rows, admission.first_index):
        leaves.append(sha256(b"\0" + event).digest())
        if opening is None:
            continue
        if sha256(prefix + event[:24] + opening).digest() != event[24:]:
            raise OpeningError(index, "does not match its commitment")
        if 18 <= len(opening) <= _MAX_REMEMBERED:
            end = 18 + opening[17]
            length, allowed = _form_around_id(opening[16:18] + opening[end : end + 5] + opening[end + 21 :])
            if len(opening) == length and allowed >> (op * 8 + algorithm) & 1:
                continue
            length, allowed = _form_without_id(opening[16:18] + opening[end:])
            if len(opening) == length and allowed >> (op * 8 + algorithm) & 1:
                continue
        if op and not _is_readable(index, event, opening):
            unreadable.append(index)
    return leaves, unreadable


def _is_readable(index: int, event: bytes, opening: bytes) -> bool:
    """Whether this version can read an opening that has no remembered form; raises if it is not well formed."""
    header = Header.from_bytes(event[:24])
    if not readable(header, opening):
        return False
    try:
        check_opening(header, Opening.from_bytes(opening))
    except MalformedError as exc:
        raise OpeningError(index, str(exc)) from None
    return True


@lru_cache(_REMEMBERED_FORMS)
def _form_around_id(form: bytes) -> tuple[int, int]:
    """Length of an opening that is `form` around nonce, digest and content id, and the events it may belong to.

    `form` is algorithm, digest length, ext length, the first three bytes of ext, and what follows the content id.
    Nothing is allowed when ext does not start with a content id, or was too short for the slices taken.
    """
    if form[5:7] != _ID_HEAD or not 0xA1 <= form[4] <= 0xB7:
        return 0, 0
    return _judge_form(form[:2] + bytes(form[1]) + form[2:7] + bytes(16) + form[7:])


@lru_cache(_REMEMBERED_FORMS)
def _form_without_id(form: bytes) -> tuple[int, int]:
    """The same for an opening that is `form` around nonce and digest alone."""
    return _judge_form(form[:2] + bytes(form[1]) + form[2:])


def _judge_form(tail: bytes) -> tuple[int, int]:
    """Length of an opening that ends in `tail`, and a bit for each `op * 8 + header algorithm` that may have it."""
    data = bytes(NONCE_BYTES) + tail
    if tail[0] not in _ALGORITHMS:
        return 0, 0
    try:
        opening = Opening.from_bytes(data)
    except MalformedError:
        return 0, 0
    return len(data), sum(1 << (op * 8 + tail[0]) | 1 << op * 8 for op in Op if _may_have(op, opening))


def _may_have(op: Op, opening: Opening) -> bool:
    try:
        check_opening(Header(op=op, collection=NO_COLLECTION, time_ms=0), opening)
    except MalformedError:
        return False
    return True
