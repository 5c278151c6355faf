"""One bundle of a list against the rules, with the openings that came along: the loop every entry passes.

For each event: its rules (`protocol.lists.sequence`), its leaf hash, and, where its opening is given, the commitment,
the opening's form and what its op may say. Most openings differ in nonce, digest and content id alone, so the form of
everything else is judged once and remembered; that keeps the loop near the cost of its two hashes. The verdict is a
function of the bytes: the memory never changes it. Spec: docs/spec/event.md.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np

from protocol.digest import Algorithm
from protocol.errors import MalformedError, OpeningError
from protocol.limits import EVENT_BYTES, HEADER_BYTES
from protocol.lists.event import NO_COLLECTION, Header, Op
from protocol.lists.grant import Grant
from protocol.lists.opening import DOMAIN, NONCE_BYTES, Opening, check_opening, readable
from protocol.lists.sequence import Admission, LogShape
from protocol.slices import slices
from protocol.tlog.hasher import HASHLIB, Hasher

_REMEMBERED_FORMS: Final = 4096
_MAX_REMEMBERED: Final = 512
"""Bytes of an opening whose form is remembered: a stranger may fill that memory, and it stays small."""
_ID_HEAD: Final = b"\x01\x50"
"""CBOR of key 1, the content id, and the head of its 16 bytes; they follow the head of the map."""
_ID_BYTES: Final = 16
_ALGORITHM: Final = 4
_SHORTEST: Final = NONCE_BYTES + 2
"""An opening of fewer bytes has no digest length."""
_ALGORITHMS: Final = frozenset(Algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedBundle:
    """What a bundle proved, and what it leaves open."""

    leaf_hashes: bytes
    """32 B each."""
    missing: list[int]
    """Indices of granted leaves without an opening: refused at the end of the pull unless shredded by then."""
    unknown: list[int]
    """Indices that this version does not apply, for the operator."""


def verify_bundle(
    shape: LogShape,
    *,
    origin_hash: bytes,
    first_index: int,
    events: bytes,
    openings: Sequence[bytes | None],
    now_ms: int | None,
    granted: frozenset[int],
    algorithms: frozenset[Algorithm] | None = None,
    hasher: Hasher = HASHLIB,
) -> VerifiedBundle:
    """Verify the next events of a list (56 bytes each, joined) and those of their openings that are given.

    `now_ms` None: events may be dated in the future. `granted` are collections; of a grant of some `algorithms` (None:
    all) an entry that hides its own may stay closed. The shape advances over all events, or over none when something is
    refused. An opening that this version cannot read (see `readable`) is held against its commitment only.

    Raises:
        EventRuleError: an event that breaks a rule of lists.
        OpeningError: an opening that was not asked for, does not match its commitment, or is not well formed.
    """
    admission = shape.examine(first_index, events, now_ms)
    assert len(admission.ops) == len(openings), "one opening or None for each event"
    missing = _missing(admission, openings, Grant(collections=granted, algorithms=algorithms))
    opened = _opened(admission, events, openings)
    _check_commitments(opened, DOMAIN + origin_hash, hasher)
    unreadable = _unreadable(opened)
    shape.accept(admission)
    unknown = sorted(admission.unknown + unreadable)
    return VerifiedBundle(leaf_hashes=hasher.leaves(events), missing=missing, unknown=unknown)


def verify_openings(
    shape: LogShape,
    *,
    origin_hash: bytes,
    first_index: int,
    events: Sequence[bytes],
    openings: Sequence[bytes | None],
    wanted: Container[int],
    grant: Grant,
) -> None:
    """Verify openings of admitted events that come after them: those at the offsets `wanted` must be there.

    Raises:
        OpeningError: one that is withheld, was not granted, does not match its commitment, or is not well formed.
    """
    given: list[tuple[int, bytes, bytes]] = []
    for at, (event, opening) in enumerate(zip(events, openings, strict=True)):
        index = first_index + at
        if opening is None:
            if at in wanted:
                raise OpeningError(index, "is withheld although it is granted")
            continue
        collection = shape.collection(index)
        covered = collection in grant.collections or collection == NO_COLLECTION
        if not covered or not _covers_algorithm(grant, opening):
            raise OpeningError(index, "was not asked for")
        given.append((index, event, opening))
    opened = _Opened(
        indices=[index for index, _, _ in given],
        events=b"".join([event for _, event, _ in given]),
        openings=[opening for _, _, opening in given],
        ops=[shape.op(index) or 0 for index, _, _ in given],
        algorithms=[event[_ALGORITHM] for _, event, _ in given],
    )
    _check_commitments(opened, DOMAIN + origin_hash, HASHLIB)
    _unreadable(opened)


def _missing(admission: Admission, openings: Sequence[bytes | None], grant: Grant) -> list[int]:
    collections, covered = admission.collections.tolist(), grant.collections | {NO_COLLECTION}
    if grant.algorithms is None and all(openings) and covered.issuperset(collections):
        return []
    missing = []
    for at, (collection, opening) in enumerate(zip(collections, openings, strict=True)):
        index, op = admission.first_index + at, admission.ops[at]
        if opening is None:
            # Who knows whether a newer version lets an unknown event be shredded?
            if collection in covered and op and grant.opens(collection, op, admission.algorithms[at]):
                missing.append(index)
        elif collection not in covered or not _covers_algorithm(grant, opening):
            raise OpeningError(index, "was not asked for")
    return missing


def _covers_algorithm(grant: Grant, opening: bytes) -> bool:
    return grant.covers_algorithm(opening[NONCE_BYTES]) if len(opening) > NONCE_BYTES else True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """The events of a bundle whose openings are given, as columns: a row of objects for each would cost more."""

    indices: Sequence[int]
    events: bytes
    """Joined."""
    openings: Sequence[bytes]
    ops: Sequence[int]
    """0: unknown."""
    algorithms: Sequence[int]
    """One for each event, as its header says."""


def _opened(admission: Admission, events: bytes, openings: Sequence[bytes | None]) -> _Opened:
    given = [opening for opening in openings if opening is not None]
    first, ops, algorithms = admission.first_index, admission.ops, admission.algorithms
    if len(given) == len(openings):
        indices = range(first, first + len(given))
        return _Opened(indices=indices, events=events, openings=given, ops=ops, algorithms=algorithms)
    places = [at for at, opening in enumerate(openings) if opening is not None]
    rows = list(slices(events, EVENT_BYTES))
    return _Opened(
        indices=[first + at for at in places],
        events=b"".join([rows[at] for at in places]),
        openings=given,
        ops=[ops[at] for at in places],
        algorithms=[algorithms[at] for at in places],
    )


def _check_commitments(opened: _Opened, prefix: bytes, hasher: Hasher) -> None:
    found = hasher.commitments(prefix, opened.events, opened.openings)
    rows = np.frombuffer(opened.events, np.uint8).reshape(-1, EVENT_BYTES)
    stated = np.ascontiguousarray(rows[:, HEADER_BYTES:])
    if found != stated.tobytes():
        wrong = (np.frombuffer(found, np.uint8).reshape(stated.shape) != stated).any(axis=1)
        raise OpeningError(opened.indices[int(wrong.argmax())], "does not match its commitment")


def _unreadable(opened: _Opened) -> list[int]:
    """Indices of openings that cannot be read here; raises for one that is not well formed.

    Of openings that differ in nonce, digest and content id alone, one is judged for all.
    """
    if min(map(len, opened.openings), default=_SHORTEST) < _SHORTEST:
        return _judge_each(opened, range(len(opened.openings)))
    rows = zip(opened.openings, opened.ops, opened.algorithms, strict=True)
    forms = [
        (
            opening[16:18],
            opening[(end := 18 + opening[17]) : end + 5],
            opening[end + 21 :],
            len(opening),
            op,
            alg,
        )
        for opening, op, alg in rows
    ]
    different = set(forms)
    usual = {form for form in different if form[3] <= _MAX_REMEMBERED and _is_usual(form)}
    if len(usual) == len(different):
        return []
    return _judge_each(opened, [at for at, form in enumerate(forms) if form not in usual])


def _judge_each(opened: _Opened, places: Iterable[int]) -> list[int]:
    unreadable, events = [], list(slices(opened.events, EVENT_BYTES))
    for at in places:
        op, opening = opened.ops[at], opened.openings[at]
        if not op or _is_usual_without_id(op, opened.algorithms[at], opening):
            continue
        if not _is_readable(opened.indices[at], events[at], opening):
            unreadable.append(opened.indices[at])
    return unreadable


def _is_readable(index: int, event: bytes, opening: bytes) -> bool:
    """Whether this version can read an opening that has no remembered form; raises if it is not well formed."""
    header = Header.from_bytes(event[:HEADER_BYTES])
    if not readable(header, opening):
        return False
    try:
        check_opening(header, Opening.from_bytes(opening))
    except MalformedError as exc:
        raise OpeningError(index, exc.message) from None
    return True


_Form: TypeAlias = tuple[bytes, bytes, bytes, int, int, int]
"""Algorithm and digest length; length of ext and its first three bytes; what follows a content id at the front of ext;
length of the opening; op and algorithm of the header."""


@lru_cache(_REMEMBERED_FORMS)
def _is_usual(form: _Form) -> bool:
    """Whether everything of this form is well formed and what its event may have.

    Only what the form shows whole is: an ext that starts with a content id, or one of at most three bytes.
    """
    kind, start, rest, length, op, algorithm = form
    around_id = start[3:] == _ID_HEAD and 0xA0 <= start[2] <= 0xB7
    middle = bytes(_ID_BYTES) if around_id else b""
    judged, allowed = _judge_form(kind + bytes(kind[1]) + start + middle + rest)
    return judged == length and _allows(allowed, op, algorithm)


def _is_usual_without_id(op: int, algorithm: int, opening: bytes) -> bool:
    """The same for an opening that differs from others in nonce and digest alone."""
    if not _SHORTEST <= len(opening) <= _MAX_REMEMBERED:
        return False
    length, allowed = _form_without_id(opening[16:18] + opening[18 + opening[17] :])
    return len(opening) == length and _allows(allowed, op, algorithm)


def _allows(allowed: int, op: int, algorithm: int) -> bool:
    return bool(allowed >> (op * 8 + algorithm) & 1)


@lru_cache(_REMEMBERED_FORMS)
def _form_without_id(form: bytes) -> tuple[int, int]:
    """Length of an opening that is `form` around nonce and digest, and the events it may belong to."""
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
