"""What an event's commitment hides: a nonce, the digest, and what the agency says about it (`ext`).

An opening is given out by grant and may be deleted (shredded); the log stays verifiable without it. Bytes that do
not re-encode to themselves are malformed, so one opening has one commitment. Which leaves must be opened is
`protocol.lists.bundle`'s and the pull's matter. Spec: docs/spec/event.md, "Opening".
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Final

from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError
from protocol.limits import MAX_EXT_BYTES, MAX_OPENING_BYTES
from protocol.lists.event import CARRYING, Header, Op
from protocol.lists.ext import Basis, Ext

NONCE_BYTES: Final = 16
DOMAIN: Final = b"sigfed/commit/v1\0"
"""Separates commitments from every other hash in the system."""

_ALGORITHMS: Final[Mapping[int, Algorithm]] = {int(algorithm): algorithm for algorithm in Algorithm}
_NO_EXT: Final = Ext()
_STATEMENT: Final = frozenset(
    {"criteria", "basis", "review_by", "legality", "hash_profile", "reaffirms", "relies_on"}
)
_ALLOWED: Final[Mapping[Op, frozenset[str]]] = {
    Op.ADD: _STATEMENT | {"content_id"},
    Op.WITHDRAW: frozenset({"reason"}),
    Op.AMEND: _STATEMENT,
    Op.DISPUTE: frozenset({"reason"}),
    Op.RESOLVE: frozenset({"reason"}),
    Op.CONTINUE: frozenset({"continues"}),
}
_ABSENT: Final = (None, ())
_FIELDS: Final = frozenset(field.name for field in fields(Ext)) - {"extra"}
_SURPLUS: Final = {op: sorted(_FIELDS - allowed) for op, allowed in _ALLOWED.items()}
_OPS: Final[Mapping[int, Op]] = {int(op): op for op in Op}
"""By number: asking the enumeration costs as much as half of the check."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What one event's commitment hides."""

    nonce: bytes
    """16 random bytes: without them a commitment to a digest could be guessed."""
    digest: Digest | None
    ext: Ext = _NO_EXT

    def to_bytes(self) -> bytes:
        """The wire form: nonce, algorithm, length, digest, u16 length, ext."""
        algorithm, value = (0, b"") if self.digest is None else (self.digest.algorithm, self.digest.value)
        ext = self.ext.to_bytes()
        assert len(self.nonce) == NONCE_BYTES, "a nonce has 16 bytes"
        assert len(ext) <= MAX_EXT_BYTES, "an ext that no reader would accept"
        return b"".join((self.nonce, bytes((algorithm, len(value))), value, len(ext).to_bytes(2), ext))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Opening":
        """Parse a whole opening.

        Raises:
            MalformedError: lengths that do not fit, an unknown algorithm, or an ext that is not canonical.
        """
        if not NONCE_BYTES + 5 <= len(data) <= MAX_OPENING_BYTES:
            raise MalformedError("opening: too short or too long")
        end = 18 + data[17]
        if len(data) != end + 2 + int.from_bytes(data[end : end + 2]):
            raise MalformedError("opening: lengths do not add up")
        return cls(data[:16], _read_digest(data[16], data[18:end]), Ext.from_bytes(data[end + 2 :]))


def origin_hash(origin: str) -> bytes:
    """SHA-256 of the log's origin: a commitment holds in one log only."""
    return sha256(origin.encode("utf-8")).digest()


def commitment(origin_hash: bytes, header: bytes, opening: bytes) -> bytes:
    """SHA-256 over domain, origin hash, the 24 header bytes and the opening: 32 bytes."""
    return sha256(DOMAIN + origin_hash + header + opening).digest()


def readable(header: Header, data: bytes) -> bool:
    """Whether this version knows the event and the algorithm of its opening `data`; others are only kept."""
    return header.known and (len(data) <= NONCE_BYTES or data[NONCE_BYTES] in _ALGORITHMS)


def check_opening(header: Header, opening: Opening) -> None:
    """Hold an opening against the header of its event, whose op is known.

    Raises:
        MalformedError: a digest or field that the op may not have, a missing one, or another algorithm than
            the header's.
    """
    op = _OPS[header.op]
    if (opening.digest is not None) != (op in CARRYING):
        raise MalformedError("{name}: a digest that is missing or must not be repeated", op.name.lower())
    algorithm = Algorithm.HIDDEN if opening.digest is None else opening.digest.algorithm
    if header.algorithm not in {Algorithm.HIDDEN, algorithm}:
        raise MalformedError("{name}: the opening has another algorithm than the header", op.name.lower())
    surplus = [name for name in _SURPLUS[op] if getattr(opening.ext, name) not in _ABSENT]
    if surplus:
        raise MalformedError("{name}: the opening may not carry {surplus}", op.name.lower(), min(surplus))
    if op is Op.CONTINUE and opening.ext.continues is None:
        raise MalformedError("continue: the opening does not name the log")
    if opening.ext.relies_on is not None and opening.ext.basis != Basis.RELIES_ON:
        raise MalformedError("ext: a source is named, but the basis is not relies-on")


def _read_digest(algorithm: int, value: bytes) -> Digest | None:
    if not value and not algorithm:
        return None
    if algorithm not in _ALGORITHMS:
        raise MalformedError("opening: unknown algorithm")
    return Digest(_ALGORITHMS[algorithm], value)
