"""One record of a node's audit log: who did what to what, when, and how it ended.

A record is a leaf of an append-only log, `NODE/audit/main`, and holds names and numbers for people, never a digest, a
key or a token. Witnesses see hashes of leaves; a random nonce keeps them from guessing what a leaf says. Spec:
docs/spec/audit.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from protocol.encoding import CborValue, decode_cbor, encode_cbor
from protocol.errors import MalformedError

VERSION: Final = 1
AUDIT_NAME: Final = "main"
"""The audit log that a node begins with; one that continues a lost one has another name."""
NONCE_BYTES: Final = 16
MAX_RECORD_BYTES: Final = 16_384
MAX_TEXT: Final = 1_024
MAX_DETAILS: Final = 32
_MAX_TIME_MS: Final = 2**53 - 1

_ACTION: Final = re.compile(r"[a-z][a-z0-9-]{0,31}\.[a-z][a-z0-9-]{0,31}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_ACTOR: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_OUTCOME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")

_FIELDS: Final = frozenset(range(8))


def audit_origin(node: str) -> str:
    """Origin of the audit log that `node` begins with."""
    return f"{node}/audit/{AUDIT_NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One record; raises `MalformedError` when its parts are not what they must be."""

    time_ms: int
    actor: str
    """A person, or `operator`, `node` or `root`."""
    action: str
    """`noun.verb`, as on the command line."""
    subject: str
    """What it was done to; may be empty."""
    outcome: str
    """`ok`, `begun`, or the kind of the failure."""
    details: Mapping[str, str] = field(default_factory=dict)
    nonce: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.time_ms <= _MAX_TIME_MS:
            raise MalformedError("audit record: time out of range")
        for pattern, text, what in (
            (_ACTOR, self.actor, "actor"),
            (_ACTION, self.action, "action"),
            (_OUTCOME, self.outcome, "outcome"),
        ):
            if not pattern.fullmatch(text):
                raise MalformedError("audit record: {what} is not a name of its form", what)
        if len(self.nonce) != NONCE_BYTES:
            raise MalformedError("audit record: the nonce is not {size} bytes", NONCE_BYTES)
        if len(self.details) > MAX_DETAILS or not all(map(_NAME.fullmatch, self.details)):
            raise MalformedError("audit record: too many details, or one that is not named")
        for text in (self.subject, *self.details.values()):
            if len(text) > MAX_TEXT or not text.isprintable():
                raise MalformedError("audit record: a text is too long or not printable")
        if len(self.to_bytes()) > MAX_RECORD_BYTES:
            raise MalformedError("audit record: too long")

    def to_bytes(self) -> bytes:
        """The leaf: deterministic CBOR."""
        return encode_cbor(
            {
                0: VERSION,
                1: self.time_ms,
                2: self.actor,
                3: self.action,
                4: self.subject,
                5: self.outcome,
                6: [[name, self.details[name]] for name in sorted(self.details)],
                7: self.nonce,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "AuditRecord":
        """Parse what `to_bytes` gave; raises `MalformedError`."""
        fields = decode_cbor(data, max_bytes=MAX_RECORD_BYTES)
        if fields.keys() != _FIELDS or fields[0] is True or fields[0] != VERSION:
            raise MalformedError("audit record: not the fields of version 1")
        time_ms, nonce = fields[1], fields[7]
        if not isinstance(time_ms, int) or isinstance(time_ms, bool) or not isinstance(nonce, bytes):
            raise MalformedError("audit record: a field of another type")
        return cls(
            time_ms=time_ms,
            actor=_text(fields[2]),
            action=_text(fields[3]),
            subject=_text(fields[4]),
            outcome=_text(fields[5]),
            details=_details(fields[6]),
            nonce=nonce,
        )


def _text(value: CborValue) -> str:
    if not isinstance(value, str):
        raise MalformedError("audit record: a text is expected")
    return value


def _details(value: CborValue) -> dict[str, str]:
    if not isinstance(value, list):
        raise MalformedError("audit record: details are a list of pairs")
    pairs = [_pair(item) for item in value]
    names = [name for name, _ in pairs]
    # One order, each name once: a record has one encoding.
    if names != sorted(set(names)):
        raise MalformedError("audit record: details are not in order")
    return dict(pairs)


def _pair(value: CborValue) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise MalformedError("audit record: a detail is a name and a text")
    return _text(value[0]), _text(value[1])
