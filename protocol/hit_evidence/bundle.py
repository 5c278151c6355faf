"""The form of a hit's evidence: one file with everything that is needed to judge it, as it was signed.

Nothing in it is re-encoded: trust files, notes and leaves are the bytes that their signers signed. Around it all the
node puts its own signature, so that every byte of the file is somebody's word. What the parts mean is for `verify`.
Spec: docs/spec/hit.md, "Form".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import sha256
from typing import Final

from keys.signer import Signer
from keys.trust.statement import MAX_STATEMENT_BYTES, seal_statement
from keys.trust.tuf.root import MAX_ROOTS
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError
from protocol.fields import Fields, array_of, number_of, octets_of
from protocol.limits import (
    EVENT_BYTES,
    MAX_HIT_EVIDENCE_BYTES,
    MAX_HIT_REPORT_BYTES,
    MAX_LOG_SIZE,
    MAX_MANIFEST_BYTES,
    MAX_NOTE_BYTES,
    MAX_OPENING_BYTES,
    MAX_ORIGIN_BYTES,
    MAX_PROOF_HASHES,
    MAX_ROOT_BYTES,
    MAX_TLOG_PROOF_BYTES,
    MAX_TRUST_BYTES,
)
from protocol.subset.label import MAX_LABEL_SOURCES

FORMATS: Final = (1, 2)
"""1 holds nothing of what its signers took back since; it is read for as long as somebody may show it."""
EVIDENCE_KIND: Final = 16
"""Told apart from the kinds of evidence against somebody by the first bytes of the file."""
SEAL_KIND: Final = "hit-evidence"

_HASH: Final = 32
_LOGGED_PARTS: Final = 4
_SOURCE_PARTS: Final = 6
_CURRENT_PARTS: Final = 4


_MAP: Final = 0xA0
_FIELDS: Final = {1: 12, 2: 13}
"""How many fields the map has, by format."""


class _Key(IntEnum):
    FORMAT = 0
    KIND = 1
    ROOTS = 2
    DOCUMENT = 3
    MEMBERS = 4
    ORIGIN = 5
    MANIFEST = 6
    RELEASE = 7
    REPORT = 8
    RECEIPT = 9
    SOURCES = 10
    SEAL = 11
    CURRENT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An event with its opening, and the proof that it is in the source as the release read it."""

    index: int
    event: bytes
    opening: bytes
    inclusion: tuple[bytes, ...]

    def to_cbor(self) -> CborValue:
        """`[index, event, opening, [hash, …]]`."""
        return [self.index, self.event, self.opening, list(self.inclusion)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentFiles:
    """What a node's repository last said was current: so that an old file of revocations shows."""

    timestamp: bytes
    snapshot: bytes
    targets: bytes
    revoked: bytes
    """`revoked.json`; empty where the targets metadata lists none."""

    def to_cbor(self) -> CborValue:
        """`[timestamp, snapshot, targets, revoked]`."""
        return [self.timestamp, self.snapshot, self.targets, self.revoked]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProof:
    """One entry behind the hit, by the word of the member whose list it is in."""

    roots: tuple[bytes, ...]
    """The member's root files, from `1.root.json` to its newest."""
    document: bytes
    """Signed envelope of its node document."""
    add: LoggedEvent
    amend: LoggedEvent | None
    """The last change of what the entry says, where there is one."""
    note: bytes
    """A checkpoint of the list that the member signed, at the size that the release read or later."""
    consistency: tuple[bytes, ...]
    """Proof that the list as the release read it is a prefix of the one in the note."""
    current: CurrentFiles | None = None
    """Of the member; None: format 1, or nothing is held of it."""

    def to_cbor(self, version: int) -> CborValue:
        """`[[root, …], document, add, amend or null, note, [hash, …]]`, from format 2 on with `current or null`."""
        amend = None if self.amend is None else self.amend.to_cbor()
        current = None if self.current is None else self.current.to_cbor()
        parts = [
            list(self.roots),
            self.document,
            self.add.to_cbor(),
            amend,
            self.note,
            list(self.consistency),
        ]
        return parts if version == 1 else [*parts, current]


@dataclass(frozen=True, slots=True, kw_only=True)
class HitEvidence:
    """All of it, without the node's signature around it."""

    roots: tuple[bytes, ...]
    """The node's root files, from `1.root.json` to its newest."""
    document: bytes
    members: bytes
    """Signed envelope of the register with which the release was made."""
    origin: str
    """Of the release log."""
    manifest: bytes
    release: bytes
    """C2SP tlog-proof of the manifest in the release log."""
    report: bytes
    """Body of the hit report."""
    receipt: bytes
    sources: tuple[SourceProof, ...]
    """In the order of the receipt's label."""
    current: CurrentFiles | None = None
    """Of the node; None: format 1."""

    @property
    def version(self) -> int:
        """The version of the format: 2 where the node's current files are in it."""
        return 1 if self.current is None else 2

    def signed(self, signer: Signer) -> bytes:
        """The file: all of it, sealed by the node's statement key."""
        fields = self._fields()
        return encode_cbor({**fields, _Key.SEAL: seal_statement(SEAL_KIND, self.seal_payload(), signer)})

    def seal_payload(self) -> bytes:
        """What the seal signs: SHA-256 of everything else."""
        return encode_cbor({0: self.version, 1: sha256(encode_cbor(self._fields())).digest()})

    def _fields(self) -> dict[int, CborValue]:
        fields: dict[int, CborValue] = {
            _Key.FORMAT: self.version,
            _Key.KIND: EVIDENCE_KIND,
            _Key.ROOTS: list(self.roots),
            _Key.DOCUMENT: self.document,
            _Key.MEMBERS: self.members,
            _Key.ORIGIN: self.origin,
            _Key.MANIFEST: self.manifest,
            _Key.RELEASE: self.release,
            _Key.REPORT: self.report,
            _Key.RECEIPT: self.receipt,
            _Key.SOURCES: [source.to_cbor(self.version) for source in self.sources],
        }
        return fields if self.current is None else {**fields, _Key.CURRENT: self.current.to_cbor()}


def is_hit_evidence(data: bytes) -> bool:
    """Whether a file begins like evidence of a hit; whether it is some is for `verify`."""
    starts = (bytes([_MAP + fields, 0, version, 1, EVIDENCE_KIND]) for version, fields in _FIELDS.items())
    return data[:5] in starts


def read_bundle(data: bytes) -> tuple[HitEvidence, bytes]:
    """The evidence in a file and the seal around it, neither believed yet; raises `MalformedError`."""
    fields = Fields(data, name="hit evidence", max_bytes=MAX_HIT_EVIDENCE_BYTES)
    version = fields.number(_Key.FORMAT, minimum=min(FORMATS), maximum=max(FORMATS))
    fields.number(_Key.KIND, minimum=EVIDENCE_KIND, maximum=EVIDENCE_KIND)
    evidence = HitEvidence(
        roots=_bounded(fields.items(_Key.ROOTS, _root)),
        document=fields.octets_within(_Key.DOCUMENT, MAX_TRUST_BYTES),
        members=fields.octets_within(_Key.MEMBERS, MAX_TRUST_BYTES),
        origin=fields.line(_Key.ORIGIN, MAX_ORIGIN_BYTES),
        manifest=fields.octets_within(_Key.MANIFEST, MAX_MANIFEST_BYTES),
        release=fields.octets_within(_Key.RELEASE, MAX_TLOG_PROOF_BYTES),
        report=fields.octets_within(_Key.REPORT, MAX_HIT_REPORT_BYTES),
        receipt=fields.octets_within(_Key.RECEIPT, MAX_STATEMENT_BYTES),
        sources=fields.items(_Key.SOURCES, _source if version == 1 else _source_2),
        current=None if version == 1 else _current(list(fields.items(_Key.CURRENT, _file)), "hit evidence"),
    )
    seal = fields.octets_within(_Key.SEAL, MAX_STATEMENT_BYTES)
    fields.finish()
    if len(evidence.sources) > MAX_LABEL_SOURCES:
        raise MalformedError("hit evidence: more than {most} sources", MAX_LABEL_SOURCES)
    return evidence, seal


def _source_2(value: CborValue, where: str) -> SourceProof:
    *parts, current = _parts(value, where, _SOURCE_PARTS + 1)
    return replace(_source(parts, where), current=None if current is None else _current(current, where))


def _current(value: CborValue, where: str) -> CurrentFiles:
    timestamp, snapshot, targets, revoked = _parts(value, where, _CURRENT_PARTS)
    return CurrentFiles(
        timestamp=_file(timestamp, where),
        snapshot=_file(snapshot, where),
        targets=_file(targets, where),
        revoked=_file(revoked, where),
    )


def _source(value: CborValue, where: str) -> SourceProof:
    roots, document, add, amend, note, consistency = _parts(value, where, _SOURCE_PARTS)
    return SourceProof(
        roots=_bounded(tuple(_root(root, where) for root in array_of(roots, where))),
        document=_within(document, where, MAX_TRUST_BYTES),
        add=_logged(add, where),
        amend=None if amend is None else _logged(amend, where),
        note=_within(note, where, MAX_NOTE_BYTES),
        consistency=_hashes(consistency, where),
    )


def _file(value: CborValue, where: str) -> bytes:
    return _within(value, where, MAX_TRUST_BYTES)


def _root(value: CborValue, where: str) -> bytes:
    return _within(value, where, MAX_ROOT_BYTES)


def _bounded(roots: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if len(roots) > MAX_ROOTS:
        raise MalformedError("hit evidence: more than {most} roots of one node", MAX_ROOTS)
    return roots


def _logged(value: CborValue, where: str) -> LoggedEvent:
    index, event, opening, inclusion = _parts(value, where, _LOGGED_PARTS)
    return LoggedEvent(
        index=number_of(index, where, maximum=MAX_LOG_SIZE),
        event=octets_of(event, where, EVENT_BYTES),
        opening=_within(opening, where, MAX_OPENING_BYTES),
        inclusion=_hashes(inclusion, where),
    )


def _parts(value: CborValue, where: str, count: int) -> Sequence[CborValue]:
    parts = array_of(value, where)
    if len(parts) != count:
        raise MalformedError("{where} is not an array of {count} parts", where, count)
    return parts


def _within(value: CborValue, where: str, most: int) -> bytes:
    if not isinstance(value, bytes) or len(value) > most:
        raise MalformedError("{where} has a part that is not at most {most} bytes", where, most)
    return value


def _hashes(value: CborValue, where: str) -> tuple[bytes, ...]:
    hashes = array_of(value, where)
    if len(hashes) > MAX_PROOF_HASHES:
        raise MalformedError("{where} has more than {most} hashes in a proof", where, MAX_PROOF_HASHES)
    return tuple(octets_of(item, where, _HASH) for item in hashes)
