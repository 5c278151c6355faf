"""One frozen value per request and reply that is more than a path: look-ups, enrolment, tokens.

Log reads (checkpoint, tiles, entries, openings) carry nothing but their path, so they have no message here.
Binary messages are big-endian and fixed; JSON messages are strict: unknown fields are ignored, duplicates and
wrong types refused. See docs/spec/http.md.
"""

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from struct import Struct

from keys.encoding import b64u
from protocol import limits
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError

EVALUATION_VERSION = 1
ELEMENT_BYTES = 32
PROOF_BYTES = 64
REQUEST_ID_BYTES = 16

_REQUEST_HEAD = Struct(">B3x16sII16s")  # version, subset_id, epoch, count, request id
_REPLY_HEAD = Struct(">B3xII16s")  # version, epoch, count, request id


class ReleasePart(StrEnum):
    """The files of a release."""

    SCREEN = "screen"
    ANSWERS = "answers"
    LABELS = "labels"
    FILTER = "filter"
    """What it was made by, always whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """A padded batch of blinded elements for one subset and epoch."""

    subset_id: bytes
    epoch: int
    request_id: bytes
    elements: bytes
    """`count * 32` bytes, one canonical ristretto255 encoding after the other."""

    @property
    def count(self) -> int:
        """Number of elements."""
        return len(self.elements) // ELEMENT_BYTES

    def to_bytes(self) -> bytes:
        """The request body."""
        head = _REQUEST_HEAD.pack(EVALUATION_VERSION, self.subset_id, self.epoch, self.count, self.request_id)
        return head + self.elements

    @classmethod
    def from_bytes(cls, data: bytes) -> "EvaluationRequest":
        """Parse a body; the elements themselves are checked where they are evaluated.

        Raises:
            MalformedError: wrong version, reserved bytes, or a count that does not match the length.
            TooLargeError: more elements than a batch may have.
        """
        if len(data) < _REQUEST_HEAD.size:
            raise MalformedError("evaluation request: shorter than its head")
        version, subset_id, epoch, count, request_id = _REQUEST_HEAD.unpack_from(data)
        _check_head(data, version, count, _REQUEST_HEAD.size + count * ELEMENT_BYTES)
        elements = data[_REQUEST_HEAD.size :]
        return cls(subset_id=subset_id, epoch=epoch, request_id=request_id, elements=elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReply:
    """The evaluated elements of one batch, in its order, with one DLEQ proof for all."""

    epoch: int
    request_id: bytes
    elements: bytes
    proof: bytes

    @property
    def count(self) -> int:
        """Number of elements."""
        return len(self.elements) // ELEMENT_BYTES

    def to_bytes(self) -> bytes:
        """The reply body."""
        head = _REPLY_HEAD.pack(EVALUATION_VERSION, self.epoch, self.count, self.request_id)
        return head + self.elements + self.proof

    @classmethod
    def from_bytes(cls, data: bytes) -> "EvaluationReply":
        """Parse a body; the proof is checked by `protocol.oprf.client`.

        Raises:
            MalformedError: wrong version, reserved bytes, or a count that does not match the length.
            TooLargeError: more elements than a batch may have.
        """
        if len(data) < _REPLY_HEAD.size:
            raise MalformedError("evaluation reply: shorter than its head")
        version, epoch, count, request_id = _REPLY_HEAD.unpack_from(data)
        end = _REPLY_HEAD.size + count * ELEMENT_BYTES
        _check_head(data, version, count, end + PROOF_BYTES)
        return cls(
            epoch=epoch, request_id=request_id, elements=data[_REPLY_HEAD.size : end], proof=data[end:]
        )


def _check_head(data: bytes, version: int, count: int, expected_bytes: int) -> None:
    if version != EVALUATION_VERSION:
        raise MalformedError("evaluation: unknown version")
    if data[1:4] != b"\0\0\0":
        raise NotCanonicalError("evaluation: reserved bytes are not zero")
    if count > limits.MAX_EVALUATION_BATCH:
        raise TooLargeError("evaluation: at most {most} elements a batch", limits.MAX_EVALUATION_BATCH)
    if count < limits.MIN_EVALUATION_BATCH or len(data) != expected_bytes:
        raise MalformedError("evaluation: count does not match the length")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """A partner's keys, bound to the invitation by HMAC and each signing the same string."""

    invite_id: bytes
    """SHA-256("sigfed/invite/v1" 00 ‖ secret)[:16]: names the invitation without telling its secret."""
    auth_key: bytes
    """Ed25519, 32 bytes."""
    mac: bytes
    """HMAC-SHA-256(secret, enrolment string), 32 bytes."""
    auth_signature: bytes
    """Signature of the enrolment string by `auth_key`, 64 bytes."""

    def to_bytes(self) -> bytes:
        """JSON body."""
        return _dump(
            {
                "invite_id": b64u(self.invite_id),
                "auth_key": b64u(self.auth_key),
                "mac": b64u(self.mac),
                "auth_signature": b64u(self.auth_signature),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "EnrolmentRequest":
        """Parse a JSON body.

        Raises:
            MalformedError: not JSON, a missing field, or a field of another length.
        """
        fields = _load(data)
        return cls(
            invite_id=_bytes_field(fields, "invite_id", 16),
            auth_key=_bytes_field(fields, "auth_key", 32),
            mac=_bytes_field(fields, "mac", 32),
            auth_signature=_bytes_field(fields, "auth_signature", 64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentReply:
    """What the node granted: the partner's name and the subset it may follow."""

    partner: str
    subset: str
    origin: str
    """Origin of the subset's release log."""
    evaluations_per_day: int
    grace_days: int
    """Days past a release's `not_after` that its verdicts may still be used."""

    def to_bytes(self) -> bytes:
        """JSON body."""
        return _dump(
            {
                "partner": self.partner,
                "subset": self.subset,
                "origin": self.origin,
                "evaluations_per_day": self.evaluations_per_day,
                "grace_days": self.grace_days,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "EnrolmentReply":
        """Parse a JSON body.

        Raises:
            MalformedError: not JSON, a missing field, or a field of another type.
        """
        fields = _load(data)
        return cls(
            partner=_text_field(fields, "partner"),
            subset=_text_field(fields, "subset"),
            origin=_text_field(fields, "origin"),
            evaluations_per_day=_count_field(fields, "evaluations_per_day"),
            grace_days=_count_field(fields, "grace_days"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRequest:
    """A partner's next key; both keys sign the same string."""

    auth_key: bytes
    """The next one, Ed25519, 32 bytes."""
    auth_signature: bytes
    """Signature of the renewal string by `auth_key`, 64 bytes."""
    old_signature: bytes
    """Signature of the renewal string by the key that it follows, 64 bytes."""

    def to_bytes(self) -> bytes:
        """JSON body."""
        return _dump(
            {
                "auth_key": b64u(self.auth_key),
                "auth_signature": b64u(self.auth_signature),
                "old_signature": b64u(self.old_signature),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "RenewalRequest":
        """Parse a JSON body.

        Raises:
            MalformedError: not JSON, a missing field, or a field of another length.
        """
        fields = _load(data)
        return cls(
            auth_key=_bytes_field(fields, "auth_key", 32),
            auth_signature=_bytes_field(fields, "auth_signature", 64),
            old_signature=_bytes_field(fields, "old_signature", 64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalReply:
    """The next key counts."""

    old_until_ms: int
    """Until when the key before it counts too: milliseconds since 1970."""

    def to_bytes(self) -> bytes:
        """JSON body."""
        return _dump({"old_until_ms": self.old_until_ms})

    @classmethod
    def from_bytes(cls, data: bytes) -> "RenewalReply":
        """Parse a JSON body.

        Raises:
            MalformedError: not JSON, a missing field, or a field of another type.
        """
        return cls(old_until_ms=_count_field(_load(data), "old_until_ms"))


def _dump(fields: Mapping[str, str | int]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("utf-8")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedError("message: a field appears twice")
    return fields


def _load(data: bytes) -> dict[str, object]:
    if len(data) > limits.MAX_REQUEST_BODY:
        raise TooLargeError("message: too long")
    try:
        fields = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as exc:
        raise MalformedError("message: not JSON") from exc
    if not isinstance(fields, dict):
        raise MalformedError("message: not a JSON object")
    return fields


def _bytes_field(fields: Mapping[str, object], name: str, size: int) -> bytes:
    text = _text_field(fields, name)
    try:
        value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as exc:
        raise MalformedError("message: {name} is not base64url", name) from exc
    if b64u(value) != text:
        raise NotCanonicalError("message: {name} is not canonical base64url", name)
    if len(value) != size:
        raise MalformedError("message: {name} must be {size} bytes", name, size)
    return value


def _text_field(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limits.MAX_ORIGIN_BYTES:
        raise MalformedError("message: {name} is missing or not a text of sensible length", name)
    return value


def _count_field(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise MalformedError("message: {name} is missing or not a count", name)
    return value
