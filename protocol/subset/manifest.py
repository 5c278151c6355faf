"""The manifest of a release: everything a partner checks its files against, as one leaf of the release log.

All partners of a subset get the same manifest, so a different release for one of them would be a fork of the
release log. Its version is its leaf index plus one and is not repeated inside. Roots are over values, so how the
files travelled does not matter. What is read back is within its bounds; that the log is trusted, and that files
match, is decided by `history` and `release`. Spec: docs/spec/subset.md, section "Manifest".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from protocol import limits
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError, NotCanonicalError, SubsetError, TooLargeError
from protocol.fields import Fields, increasing
from protocol.subset.filter import MAX_SCREEN_BITS, SubsetFilter
from protocol.subset.identity import SUBSET_ID_BYTES
from protocol.subset.sources import SourceCheckpoint
from protocol.subset.widths import MAX_WIDTH, answer_width, ceil_log2
from protocol.tlog.merkle import EMPTY_ROOT

FORMAT: Final = 1
MAX_EPOCH: Final = 2**32 - 1
MAX_TIME_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999: every time within can be shown as a date."""
MAX_SCREEN_WIDTH: Final = ceil_log2(limits.MAX_SET_VALUES) + MAX_SCREEN_BITS

_HASH = 32


class _Key(IntEnum):
    FORMAT = 0
    SUBSET_ID = 1
    EPOCH = 2
    KIND = 3
    SCREEN_COUNT = 4
    ANSWERS_COUNT = 5
    SCREEN_WIDTH = 6
    ANSWERS_WIDTH = 7
    PK = 8
    SCREEN_ROOT = 9
    ANSWERS_ROOT = 10
    LABELS_ROOT = 11
    SOURCES = 12
    MEMBERS = 13
    FILTER = 14
    CRITERIA = 15
    WITNESS_POLICY = 16
    EXCLUSIONS = 17
    NOT_AFTER_MS = 18


class ReleaseKind(IntEnum):
    """How a release came about."""

    ORDINARY = 1
    REMOVAL_ONLY = 2
    """Same epoch and widths, nothing new: may be applied on the log's signature alone, within a cap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHashes:
    """SHA-256 of each document that decided what is in the release."""

    members: bytes
    filter: bytes
    criteria: bytes
    witness_policy: bytes
    exclusions: bytes
    """Salted, see `exclusions`."""

    def __post_init__(self) -> None:
        hashes = (self.members, self.filter, self.criteria, self.witness_policy, self.exclusions)
        _check(all(len(value) == _HASH for value in hashes), "a hash that is not 32 bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One release of one subset."""

    subset_id: bytes
    epoch: int
    kind: ReleaseKind
    screen_count: int
    """Values in the screen."""
    answers_count: int
    screen_width: int
    """Bits of a screen value; 0: no screen, every file is evaluated."""
    answers_width: int
    pk: bytes
    """The epoch's OPRF public key, 32 bytes; the node document must name the same."""
    screen_root: bytes
    answers_root: bytes
    labels_root: bytes | None
    """None: labels come with receipts."""
    sources: tuple[SourceCheckpoint, ...]
    rules: RuleHashes
    not_after_ms: int
    """Milliseconds since 1970 in UTC after which a partner's grace begins."""

    def __post_init__(self) -> None:
        roots = (self.pk, self.screen_root, self.answers_root)
        _check(len(self.subset_id) == SUBSET_ID_BYTES, "subset id that is not 16 bytes")
        _check(all(len(value) == _HASH for value in roots), "a root or key that is not 32 bytes")
        _check(
            self.labels_root is None or len(self.labels_root) == _HASH, "a labels root that is not 32 bytes"
        )
        _check(0 <= self.epoch <= MAX_EPOCH, "epoch out of range")
        _check(0 <= self.not_after_ms <= MAX_TIME_MS, "time out of range")
        _check_screen(self)
        _check_answers(self)
        _check_sources(self.sources)

    def to_bytes(self) -> bytes:
        """Deterministic CBOR, at most `MAX_MANIFEST_BYTES`; raises `TooLargeError` beyond."""
        data = encode_cbor(_to_map(self))
        if len(data) > limits.MAX_MANIFEST_BYTES:
            raise TooLargeError(
                "manifest: more than {most} bytes do not fit a leaf", limits.MAX_MANIFEST_BYTES
            )
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Parse deterministic CBOR.

        Raises `MalformedError` for a field that is missing, unknown, of another type or out of range,
        `NotCanonicalError` for another encoding of a manifest, `TooLargeError` for more bytes than a leaf.
        """
        fields = Fields(data, name="manifest", max_bytes=limits.MAX_MANIFEST_BYTES)
        fields.number(_Key.FORMAT, minimum=FORMAT, maximum=FORMAT)
        manifest = _from_fields(fields)
        fields.finish()
        return manifest

    def source(self, number: int) -> SourceCheckpoint:
        """The source of a label's number; raises `MalformedError` when the manifest names none."""
        for source in self.sources:
            if source.number == number:
                return source
        raise MalformedError("manifest: no source of that number")


def read_filter(manifest: Manifest, data: bytes) -> SubsetFilter:
    """The filter whose hash a manifest has; raises `SubsetError`."""
    if sha256(data).digest() != manifest.rules.filter:
        raise SubsetError("filter: not the one whose hash the manifest has")
    return SubsetFilter.from_bytes(data)


def _to_map(manifest: Manifest) -> Mapping[int, CborValue]:
    rules = manifest.rules
    fields: dict[int, CborValue] = {
        _Key.FORMAT: FORMAT,
        _Key.SUBSET_ID: manifest.subset_id,
        _Key.EPOCH: manifest.epoch,
        _Key.KIND: int(manifest.kind),
        _Key.SCREEN_COUNT: manifest.screen_count,
        _Key.ANSWERS_COUNT: manifest.answers_count,
        _Key.SCREEN_WIDTH: manifest.screen_width,
        _Key.ANSWERS_WIDTH: manifest.answers_width,
        _Key.PK: manifest.pk,
        _Key.SCREEN_ROOT: manifest.screen_root,
        _Key.ANSWERS_ROOT: manifest.answers_root,
        _Key.SOURCES: [source.to_cbor() for source in manifest.sources],
        _Key.MEMBERS: rules.members,
        _Key.FILTER: rules.filter,
        _Key.CRITERIA: rules.criteria,
        _Key.WITNESS_POLICY: rules.witness_policy,
        _Key.EXCLUSIONS: rules.exclusions,
        _Key.NOT_AFTER_MS: manifest.not_after_ms,
    }
    if manifest.labels_root is not None:
        fields[_Key.LABELS_ROOT] = manifest.labels_root
    return {int(key): value for key, value in fields.items()}


def _from_fields(fields: Fields) -> Manifest:
    return Manifest(
        subset_id=fields.octets(_Key.SUBSET_ID, SUBSET_ID_BYTES),
        epoch=fields.number(_Key.EPOCH, maximum=MAX_EPOCH),
        kind=ReleaseKind(fields.number(_Key.KIND, minimum=1, maximum=len(ReleaseKind))),
        screen_count=fields.number(_Key.SCREEN_COUNT, maximum=limits.MAX_SET_VALUES),
        answers_count=fields.number(_Key.ANSWERS_COUNT, maximum=limits.MAX_SET_VALUES),
        screen_width=fields.number(_Key.SCREEN_WIDTH, maximum=MAX_SCREEN_WIDTH),
        answers_width=fields.number(_Key.ANSWERS_WIDTH, maximum=MAX_WIDTH),
        pk=fields.octets(_Key.PK, _HASH),
        screen_root=fields.octets(_Key.SCREEN_ROOT, _HASH),
        answers_root=fields.octets(_Key.ANSWERS_ROOT, _HASH),
        labels_root=fields.optional_octets(_Key.LABELS_ROOT, _HASH),
        sources=fields.items(_Key.SOURCES, SourceCheckpoint.from_cbor),
        rules=_rules_from(fields),
        not_after_ms=fields.number(_Key.NOT_AFTER_MS, maximum=MAX_TIME_MS),
    )


def _rules_from(fields: Fields) -> RuleHashes:
    return RuleHashes(
        members=fields.octets(_Key.MEMBERS, _HASH),
        filter=fields.octets(_Key.FILTER, _HASH),
        criteria=fields.octets(_Key.CRITERIA, _HASH),
        witness_policy=fields.octets(_Key.WITNESS_POLICY, _HASH),
        exclusions=fields.octets(_Key.EXCLUSIONS, _HASH),
    )


def _check_screen(manifest: Manifest) -> None:
    count, width = manifest.screen_count, manifest.screen_width
    _check(0 <= count <= limits.MAX_SET_VALUES, "too many screen values")
    _check(0 <= width <= MAX_SCREEN_WIDTH, "screen width out of range")
    if width == 0:
        _check(count == 0 and manifest.screen_root == EMPTY_ROOT, "values in a screen that there is not")
    _check(count <= 1 << width, "more screen values than their width has")


def _check_answers(manifest: Manifest) -> None:
    _check(0 <= manifest.answers_count <= limits.MAX_SET_VALUES, "too many answers")
    # A narrower width would make chance hits likelier than partners were promised.
    _check(
        answer_width(manifest.answers_count) <= manifest.answers_width <= MAX_WIDTH,
        "answer width out of range",
    )


def _check_sources(sources: Sequence[SourceCheckpoint]) -> None:
    if not increasing([source.number for source in sources]):
        raise NotCanonicalError("manifest: source numbers do not increase")
    _check(len({source.origin for source in sources}) == len(sources), "one log under two numbers")


def _check(holds: bool, reason: str) -> None:  # noqa: FBT001 - a condition to test, not an option
    if not holds:
        raise MalformedError("manifest: {reason}", reason)
