"""Reading an audit log, and checking it whole: from the root, over the signed head, down to each record.

A log is checked against what cannot be made without its key: the signed head, and the size at which the signer stands.
Where the stored hashes still add up to that head they say which record differs, and how. An export is a text file that
holds all that is needed, and is checked without the node. Spec: docs/spec/audit.md.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keys.message import Message
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.tuf.root import open_roots
from node.audit.log import audit_log
from node.errors import MissingObjectError, NotFoundError, VerificationError
from node.lists.heads import next_head
from node.objects.logfiles import LogFiles
from node.store.lists.records import LogRecord
from node.store.store import Store
from protocol.audit import AuditRecord
from protocol.encoding import b64, unb64
from protocol.errors import MalformedError, ProtocolError
from protocol.limits import BUNDLE_WIDTH
from protocol.slices import slices
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint
from protocol.tlog.hasher import HASH_BYTES
from protocol.tlog.log_keys import log_keys
from protocol.tlog.merkle import CompactRange, leaf_hash
from protocol.tlog.tiles import Tile, bundle_widths

EXPORT_VERSION: Final = 1
_START_HINT: Final = "begin one with: sigfed audit start"
_DAMAGE_HINT: Final = "keep everything as it is, and compare with an export or a backup"


@dataclass(frozen=True, slots=True)
class Audited:
    """A record and its place."""

    index: int
    record: AuditRecord

    def matches(self, actor: str, action: str) -> bool:
        """Whether it says who and what: an action (`hit.close`) or its noun; empty: whoever, whatever."""
        record = self.record
        return actor in {"", record.actor} and action in {"", record.action, record.action.partition(".")[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAudit:
    """An audit log that is as it was signed."""

    origin: str
    size: int
    actors: frozenset[str]

    @property
    def said(self) -> Message:
        """That it is, in words."""
        return Message(
            "Verified: {count} records of {log}, none altered, removed or inserted.",
            f"{self.size:,}",
            self.origin,
        )


def read_audit(store: Store, *, first: int = 0) -> Iterator[Audited]:
    """The signed records from `first` on, in their order; raises `NotFoundError` when there is no audit log."""
    log = _log(store)
    files = LogFiles(store.objects, store.vault, log.origin)
    for position, entry in files.all_events(first=first, size=log.head.size):
        yield Audited(position, AuditRecord.from_bytes(entry))


def read_audit_backwards(store: Store, *, before: int | None = None) -> Iterator[Audited]:
    """The signed records before the one numbered `before` (None: all), newest first; raises as `read_audit` does."""
    log = _log(store)
    files = LogFiles(store.objects, store.vault, log.origin)
    end = log.head.size if before is None else min(before, log.head.size)
    for index in range((end - 1) // BUNDLE_WIDTH, -1, -1):
        start = index * BUNDLE_WIDTH
        entries = list(enumerate(files.events(index, size=log.head.size), start))
        for position, entry in reversed(entries):
            if position < end:
                yield Audited(position, AuditRecord.from_bytes(entry))


def get_audited(store: Store, number: int) -> Audited:
    """One record; raises `NotFoundError`."""
    item = next(read_audit(store, first=number), None)
    if item is None:
        raise NotFoundError(
            "there is no record {number}", f"{number:,}", hint="see them with: sigfed audit ls"
        )
    return item


def count_unsigned(store: Store) -> int:
    """How many records wait for their signature."""
    with store.read() as unit:
        return unit.audit.count()


def verify_audit(store: Store, document: NodeDocument, *, signed_size: int) -> VerifiedAudit:
    """Check the stored log against its signed head; the signer says that it signed `signed_size` records.

    Raises:
        VerificationError: something was altered, removed or inserted; the text says what, and which record.
        NotFoundError: there is no audit log.
    """
    log = _log(store)
    if log.note is None:
        raise NotFoundError("{origin} holds nothing yet", log.origin)
    head = _open(log.note, log.origin, document)
    _check_sizes(head, log, signed_size, waiting=_waiting(store, log))
    stored = _Stored(store, log.origin, head.size)
    return _check(head, stored.records(), stored.hashes())


def _waiting(store: Store, log: LogRecord) -> int:
    """How many records of the next head are here, which is being signed, or was when its process was killed."""
    if log.pending is None:
        return 0
    with store.read() as unit:
        records = unit.audit.placed(log.head.size, log.pending.size)
    made = next_head(log, list(map(leaf_hash, records)), time_ms=log.pending.time_ms)
    return len(records) if (made.size, made.root) == (log.pending.size, log.pending.root) else 0


def _check_sizes(head: Checkpoint, log: LogRecord, signed_size: int, *, waiting: int) -> None:
    if signed_size > head.size + waiting:
        raise VerificationError(
            "{signed_size} records were signed and {size} are here: {range} are missing at the end",
            signed_size,
            head.size,
            _range(head.size, signed_size),
            hint=_DAMAGE_HINT,
        )
    if (head.size, head.root) != (log.head.size, log.head.root):
        raise VerificationError("the catalogue names another head than the signed one", hint=_DAMAGE_HINT)


@dataclass(frozen=True, slots=True)
class _Stored:
    """The objects of a log, read without trusting that they fit."""

    store: Store
    origin: str
    size: int

    def records(self) -> list[bytes]:
        """All entries there are, however many a bundle holds."""
        files = LogFiles(self.store.objects, self.store.vault, self.origin)
        found: list[bytes] = []
        for name in files.bundles(size=self.size):
            try:
                found += _entries(self.store.objects.get(name))
            except MissingObjectError:
                raise VerificationError(
                    "the records from {count} on are missing", len(found), hint=_DAMAGE_HINT
                ) from None
        return found

    def hashes(self) -> list[bytes]:
        """The stored leaf hashes; fewer where a tile is missing."""
        files = LogFiles(self.store.objects, self.store.vault, self.origin)
        found: list[bytes] = []
        for index, width in bundle_widths(0, self.size):
            try:
                data = files.tile(Tile(0, index, width), size=self.size)
            except (MissingObjectError, NotFoundError):
                return found
            found += slices(data, HASH_BYTES)
        return found


def _entries(data: bytes) -> Iterator[bytes]:
    """The entries of a bundle, however many; what is cut off at the end is given with its length, as nothing signed."""
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : end] if end <= len(data) else data[at:]
        at = end


def _check(head: Checkpoint, records: Sequence[bytes], hashes: Sequence[bytes]) -> VerifiedAudit:
    leaves = list(map(leaf_hash, records))
    if len(leaves) != head.size or _root(leaves) != head.root:
        raise VerificationError(_difference(head, leaves, hashes), hint=_DAMAGE_HINT)
    actors: set[str] = set()
    for index, record in enumerate(records):
        try:
            actors.add(AuditRecord.from_bytes(record).actor)
        except MalformedError:
            raise VerificationError("record {index} was signed and cannot be read", index) from None
    return VerifiedAudit(origin=head.origin, size=head.size, actors=frozenset(actors))


def _difference(head: Checkpoint, leaves: Sequence[bytes], hashes: Sequence[bytes]) -> str:
    """Which record is not as it was signed, as far as the stored hashes can tell."""
    if len(hashes) != head.size or _root(hashes) != head.root:
        return f"the records differ from the signed head of size {head.size}, and so do the hashes that tell which"
    at = next(
        (at for at, pair in enumerate(zip(leaves, hashes, strict=False)) if pair[0] != pair[1]),
        min(len(leaves), len(hashes)),
    )
    if len(leaves) < len(hashes):
        return f"record {at} was removed"
    if len(leaves) > len(hashes):
        return f"a record that was never signed was inserted at {at}"
    if leaves[at] in hashes:
        return f"record {at} stands in another place than it was signed in"
    return f"record {at} was altered"


def _root(leaves: Iterable[bytes]) -> bytes:
    tree = CompactRange()
    tree.extend(list(leaves))
    return tree.root()


def _open(note: bytes, origin: str, document: NodeDocument) -> Checkpoint:
    """The head that the log's own key signed, whenever that key was valid: a log outlives its keys."""
    keys = log_keys(document, origin)
    try:
        return open_checkpoint(note, origin=origin, log_keys=keys, witnesses=()).checkpoint
    except ProtocolError as exc:
        raise VerificationError("the head of {origin} is not signed by its key", origin) from exc


def _log(store: Store) -> LogRecord:
    with store.read() as unit:
        log = audit_log(unit)
    if log is None:
        raise NotFoundError("this node has no audit log yet", hint=_START_HINT)
    return log


def _range(first: int, end: int) -> str:
    return f"record {first}" if end == first + 1 else f"records {first} to {end - 1}"


def export_audit(store: Store, *, roots: Sequence[bytes], document: bytes) -> Iterator[str]:
    """The lines of an export: a head with the signed files (all roots from the first on), then a line a record."""
    log = _log(store)
    if log.note is None:
        raise NotFoundError("{origin} holds nothing yet", log.origin)
    yield _head_line(log.origin, log.head.size, roots=roots, document=document, note=log.note)
    for item in read_audit(store):
        if item.index >= log.head.size:  # signed since
            return
        yield _record_line(item)


def verify_export(lines: Iterator[str], pin: bytes) -> VerifiedAudit:
    """Check an export against the fingerprint of the node's root, with nothing else at hand.

    Raises:
        VerificationError: it is not what the node signed; the text says what differs.
        KeysError: the signed files are not those of the root.
    """
    head = _read_head(next(lines, ""), pin)
    records: list[bytes] = []
    for index, line in enumerate(lines):
        if index >= head.size:
            raise VerificationError("a record that was never signed was inserted at {index}", index)
        records.append(_read_record(index, line))
    if len(records) < head.size:
        raise VerificationError("{range} are missing at the end", _range(len(records), head.size))
    return _check(head, records, ())


def _read_head(line: str, pin: bytes) -> Checkpoint:
    try:
        fields = json.loads(line)
        roots = [unb64(str(text)) for text in fields["roots"]]
        note, document = (unb64(str(fields[name])) for name in ("checkpoint", "document"))
        origin = str(fields["origin"])
    except (ValueError, KeyError, TypeError, MalformedError):
        raise VerificationError("this is not an export of an audit log") from None
    head = _open(note, origin, open_node_document(document, open_roots(roots, pin)[-1]))
    if line.rstrip("\n") != _head_line(origin, head.size, roots=roots, document=document, note=note):
        raise VerificationError("the first line is not what it was signed as")
    return head


def _head_line(origin: str, size: int, *, roots: Sequence[bytes], document: bytes, note: bytes) -> str:
    signed = {"roots": [b64(root) for root in roots], "document": b64(document), "checkpoint": b64(note)}
    return _line({"v": EXPORT_VERSION, "origin": origin, "size": size, **signed})


def _read_record(index: int, line: str) -> bytes:
    """The record of a line, which must be exactly the line that it makes: people read the rest of it."""
    try:
        data = unb64(str(json.loads(line)["record"]))
        expected = _record_line(Audited(index, AuditRecord.from_bytes(data)))
    except (ValueError, KeyError, TypeError, MalformedError):
        raise VerificationError("the line of record {index} cannot be read", index) from None
    if line.rstrip("\n") != expected:
        raise VerificationError("record {index} is not what its line says, or stands in another place", index)
    return data


def _record_line(item: Audited) -> str:
    record = item.record
    return _line(
        {
            "index": item.index,
            "time_ms": record.time_ms,
            "actor": record.actor,
            "action": record.action,
            "subject": record.subject,
            "outcome": record.outcome,
            "details": dict(record.details),
            "record": b64(record.to_bytes()),
        }
    )


def _line(fields: dict[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":"))
